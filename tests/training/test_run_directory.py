from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gru_bench.config import Config
from gru_bench.errors import ConfigError, UserError
from gru_bench.files import LIST_FILE, write_atomically
from gru_bench.training.run_directory import check_files, clear, owned, previous_record
from tests.results.records import make_record
from tests.training.support import ROOT

HOLD = """
import sys
from pathlib import Path
from gru_bench.training.run_directory import owned
with owned(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def hold(directory: Path) -> subprocess.Popen[str]:
    """Start a process that owns a directory until it is told to let go."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_one_owner_at_a_time(tmp_path: Path, log: pytest.LogCaptureFixture):
    directory = tmp_path / "deep" / "run"
    with owned(directory) as found:
        assert found == directory
        me = f"process {os.getpid()} on {socket.gethostname()} since "
        stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*"
        with pytest.raises(UserError, match=f"is in use by {re.escape(me)}{stamp}\\. Wait for it, stop it"):
            owned(directory).__enter__()
    with owned(directory):
        pass
    assert not log.messages
    assert not (directory / "owner.json").exists()


def test_an_error_frees_the_directory(tmp_path: Path):
    with pytest.raises(KeyError), owned(tmp_path):
        raise KeyError
    with owned(tmp_path):
        pass


def test_another_process_and_its_death(tmp_path: Path, log: pytest.LogCaptureFixture):
    with hold(tmp_path) as process:
        with pytest.raises(UserError, match=f"is in use by process {process.pid} on "):
            owned(tmp_path).__enter__()
        process.send_signal(signal.SIGKILL)
        process.wait()
    with owned(tmp_path):
        (message,) = log.messages
        assert re.search(rf"stale: its owner, process {process.pid} on .* since .*, is gone", message)
    log.clear()
    with owned(tmp_path):
        assert not log.messages


def test_a_new_owner_removes_what_a_killed_one_left_half_written(tmp_path: Path):
    for folder in (tmp_path, tmp_path / "checkpoints", tmp_path / "figures"):
        folder.mkdir(exist_ok=True)
        (folder / ".file.json.4711.gru_bench.tmp").write_text("half")
        (folder / ".notes.7.tmp").write_text("mine")
    with owned(tmp_path):
        left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.tmp"))
    assert left == [".notes.7.tmp", "checkpoints/.notes.7.tmp", "figures/.notes.7.tmp"]


def test_an_owner_that_left_no_name(tmp_path: Path):
    with owned(tmp_path):
        (tmp_path / "owner.json").write_text("{")
        with pytest.raises(UserError, match="is in use by an unknown process"):
            owned(tmp_path).__enter__()


def test_a_place_that_cannot_be_a_directory(tmp_path: Path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match=r"cannot make the run directory .*Set run_dir="):
            owned(place).__enter__()


def make_config(**changes: object) -> Config:
    config = Config.from_dict(
        {**make_record()["config"], "data": {"source": "reber"}, "task": {"name": "language_modeling"}}
    )
    return dataclasses.replace(config, **changes)  # pyright: ignore[reportArgumentType]


def write(directory: Path, config: Config) -> None:
    (directory / "record.json").write_text(json.dumps(make_record(config=config.to_dict())))


def test_the_same_settings_find_their_record(tmp_path: Path):
    config = make_config()
    assert previous_record(tmp_path, config) is None
    write(tmp_path, config)
    found = previous_record(tmp_path, config)
    assert found is not None
    assert found.config == config.to_dict()
    elsewhere = dataclasses.replace(config.paths, runs="other", cache="x")
    tracked = dataclasses.replace(config.tracker, name="wandb")
    assert previous_record(tmp_path, make_config(paths=elsewhere, tracker=tracked, debug=True)) is not None


def test_other_settings_are_refused_by_name(tmp_path: Path):
    write(tmp_path, make_config())
    model = dataclasses.replace(make_config().model, hidden_size=65)
    with pytest.raises(ConfigError, match=r"run_dir: .*model.hidden_size: 64 there, 65 now.*fresh=true") as caught:
        previous_record(tmp_path, make_config(model=model))
    assert "seed" not in str(caught.value)
    with pytest.raises(ConfigError, match="seed: 0 there, 3 now"):
        previous_record(tmp_path, make_config(seed=3))
    names = ("bptt_window", "eval_batch_size", "log_every", "unroll", "batch_size", "eval_every")
    training = dataclasses.replace(make_config().training, **dict.fromkeys(names, 7))
    with pytest.raises(ConfigError) as caught:
        previous_record(tmp_path, make_config(training=training))
    assert all(f"training.{name}: " in str(caught.value) for name in names)


def test_a_damaged_record_is_no_earlier_run(tmp_path: Path):
    (tmp_path / "record.json").write_text('{"schema": 1')
    with pytest.raises(UserError, match=r"record.json cannot be read.*Delete the file: .* continues from the newest"):
        previous_record(tmp_path, make_config())


THEIRS = ("figures/mine.png", "checkpoints/mine.npz", "wandb/offline-run-theirs/run.wandb", "notes.txt")
WRITTEN = ("config.yaml", "checkpoints/update-000000010.npz", "checkpoints/best.npz", "figures/forecast.png")


def put(directory: Path, *names: str, content: str = "theirs") -> None:
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content)


def put_tracked(directory: Path) -> None:
    """Put there what W&B leaves of a run, links of an earlier version included."""
    own = directory / "wandb" / "offline-run-20240101_000000-0a1b2c3d"
    put(directory, "wandb/run_id", content="0a1b2c3d\n")
    put(own, "files/config.yaml", "logs/debug.log")
    (directory / "wandb" / "latest-run").symlink_to(own.name)
    (directory / "wandb" / "debug.log").symlink_to(f"{own.name}/logs/debug.log")
    (directory / "wandb" / "theirs").symlink_to("offline-run-theirs")


def contents(directory: Path) -> set[str]:
    files = [path for path in directory.rglob("*") if path.is_symlink() or not path.is_dir()]
    return {path.relative_to(directory).as_posix() for path in files} - {"lock", LIST_FILE}


@pytest.mark.parametrize("version", ["with a list", "without a list"])
def test_clear_removes_what_the_run_has_written_and_nothing_else(tmp_path: Path, version: str):
    put(tmp_path, *THEIRS)
    with owned(tmp_path):
        for name in WRITTEN:
            write_atomically(tmp_path / name, b"ours")
        write_atomically(tmp_path / "record.json", json.dumps(make_record()).encode())
        write_atomically(tmp_path / "wandb" / "run_id", b"0a1b2c3d\n")
        put_tracked(tmp_path)
    if version == "without a list":
        (tmp_path / LIST_FILE).unlink()
    with owned(tmp_path):
        check_files(tmp_path)
        clear(tmp_path)
    assert contents(tmp_path) == {*THEIRS, "wandb/theirs"}
    for name in THEIRS:
        (tmp_path / name).unlink()
    shutil.rmtree(tmp_path / "wandb")
    with owned(tmp_path):
        write_atomically(tmp_path / "checkpoints" / "best.npz", b"ours")
        clear(tmp_path)
    assert not list(tmp_path.glob("*/"))


@pytest.mark.parametrize(
    "name",
    [
        *("config.yaml", "data.json", "samples.json", "metrics.jsonl", "log.txt", "record.json", "lock", "owner.json"),
        *(
            "checkpoints/best.npz",
            "checkpoints/update-000000005.npz",
            "figures/learning_curve.png",
            "figures/words.png",
        ),
        *("wandb/run_id", "wandb", "config.yaml/inside"),
    ],
)
def test_a_folder_with_files_of_others_is_refused_untouched(tmp_path: Path, name: str):
    put(tmp_path, name, "notes.txt")
    named = "config.yaml" if name.startswith("config.yaml") else name
    for _ in range(2):
        with pytest.raises(ConfigError, match=rf"run_dir: .*it would write {named}, which no run has written there"):
            owned(tmp_path).__enter__()
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {Path(name).name, "notes.txt"}
    assert (tmp_path / name).read_text() == "theirs"


def test_files_of_others_in_the_directory_of_a_run_are_named(tmp_path: Path):
    with owned(tmp_path):
        write_atomically(tmp_path / "config.yaml", b"ours")
    put(tmp_path, "samples.json", "figures/learning_curve.png", "figures/mine.png")
    with owned(tmp_path), pytest.raises(ConfigError, match=r"would write samples.json, figures/learning_curve.png, w"):
        check_files(tmp_path)
    with owned(tmp_path):
        clear(tmp_path)
    assert contents(tmp_path) == {"samples.json", "figures/learning_curve.png", "figures/mine.png"}


@pytest.mark.parametrize(
    "content", ['{\n  "status": "running",\n  "task": "music", ', '{"status": "finished", "task": "x", "schema": 0}']
)
def test_a_record_that_is_damaged_or_of_another_version_is_that_of_a_run(tmp_path: Path, content: str):
    put(tmp_path, "config.yaml")
    put(tmp_path, "record.json", content=content)
    with owned(tmp_path):
        check_files(tmp_path)
        with pytest.raises(UserError, match=r"record.json(: found schema 0| cannot be read)"):
            previous_record(tmp_path, make_config())


@pytest.mark.parametrize("name", ["lock", "owner.json"])
def test_what_says_who_owns_a_directory_is_not_taken_from_others(tmp_path: Path, name: str):
    with owned(tmp_path):
        write_atomically(tmp_path / "config.yaml", b"ours")
    put(tmp_path, name)
    with pytest.raises(ConfigError, match=rf"would write {name}, which no run has written"):
        owned(tmp_path).__enter__()
    assert (tmp_path / name).read_text() == "theirs"
