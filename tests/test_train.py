"""The `train` command as a user gives it: what a run leaves, that it repeats itself, and that it survives a stop."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gru_bench.classes import load_object, preset_place
from gru_bench.config import Config
from gru_bench.record import read_record
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.training.run_directory import owned
from tests.training.support import (
    ROOT,
    SMALL,
    UPDATES,
    arrays,
    assert_same_run,
    begin,
    command,
    record,
    rows,
    stopped,
    train,
)


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> Path:
    """A finished run to do anything with."""
    return shutil.copytree(finished_run, tmp_path / "copied")


def test_a_finished_run_has_all_its_files(finished_run: Path):
    names = sorted(str(path.relative_to(finished_run)) for path in finished_run.rglob("*") if path.is_file())
    assert [name for name in names if not name.endswith("lock")] == [
        "checkpoints/best.npz",
        "checkpoints/update-000000055.npz",
        f"checkpoints/update-{UPDATES:09d}.npz",
        "config.yaml",
        "data.json",
        "figures/gate_activity.png",
        "figures/learning_curve.png",
        "gru_bench_files.json",
        "log.txt",
        "metrics.jsonl",
        "record.json",
        "samples.json",
    ]
    for path in (finished_run / "figures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
    log = (finished_run / "log.txt").read_text(encoding="utf-8")
    assert "gru: 416 recurrent parameters, 535 in all; run directory run" in log
    assert re.search(r"Sample:\n[BEPSTVX]{20}\n", log)
    settings = yaml.safe_load((finished_run / "config.yaml").read_text())
    assert Config.from_dict(settings).to_dict() == settings == record(finished_run)["config"]


def test_a_finished_run_has_a_whole_record(finished_run: Path):
    found = read_record(finished_run)
    assert (found.status, found.reason, found.task, found.data, found.model) == (
        "finished",
        "",
        "language_modeling",
        "reber",
        "gru",
    )
    assert found.parameters == {"recurrent": 3 * 8 * (8 + 8 + 1) + 8, "total": 416 + 7 * 8 + 8 * 7 + 7}
    assert found.state_size == 8
    assert found.flops_per_update > 0
    assert (found.updates, found.epochs) == (UPDATES, UPDATES / 47)
    assert found.scored == {"valid": found.data_facts["symbols"]["valid"], "test": found.data_facts["symbols"]["test"]}
    assert set(found.metrics) == {"valid", "test"}
    assert set(found.baselines) == {"unigram", "floor", "closed-form floor"}
    assert found.baselines["floor"]["nll"] < found.metrics["test"]["nll"] < found.baselines["unigram"]["nll"]
    assert found.cell_options == found.cell_defaults == {"reset_after": True, "update_bias": 0.0}
    assert {"python", "jax", "jaxlib", "flax", "optax", "numpy", "gru_bench"} <= set(found.versions)
    assert found.threads >= 1
    assert (found.device, found.host["cores"]) != ("", None)
    assert found.speed["seconds_per_update"] > 0
    assert found.speed["items_per_second"] > 0
    assert found.speed["compile_seconds"] > 0
    assert found.speed["item"] == "tokens"
    assert found.memory["step_bytes"] > 4 * 535
    assert found.memory["peak_rss_bytes"] > 10 * found.memory["step_bytes"]
    assert found.wall_seconds > 0
    assert found.ended is not None
    assert found.started <= found.ended
    assert found.config_hash == Config.from_dict(found.config).hash


def test_metrics_have_a_row_per_interval_and_per_evaluation(finished_run: Path):
    lines = [json.loads(line) for line in (finished_run / "metrics.jsonl").read_text().splitlines()]
    trained, scored = ([row for row in lines if row["split"] == split] for split in ("train", "valid"))
    assert [row["update"] for row in trained] == list(range(7, UPDATES, 7))
    assert [row["update"] for row in scored] == [20, 40, 60]
    for row in trained:
        assert set(row) == {
            "update",
            "epoch",
            "split",
            "seconds",
            "loss",
            "gradient_norm",
            "clipped_share",
            "learning_rate",
            "items_per_second",
        }
        assert row["epoch"] == row["update"] / 47
    seconds = [row["seconds"] for row in lines]
    assert seconds == sorted(seconds)
    best = min(scored, key=lambda row: row["nll"])
    found = record(finished_run)
    assert (found["best_update"], found["metrics"]["valid"]["nll"]) == (best["update"], best["nll"])
    assert {name for name in best if name.startswith("gates/")} == {
        f"gates/layer0/forward/{gate}/{what}" for gate in ("reset", "update") for what in ("mean", "saturated")
    }


def test_the_same_command_in_another_place_gives_the_same_numbers(finished_run: Path, tmp_path: Path):
    """This one takes the default run directory, and another rhythm of checkpoints, which decide no number."""
    done = command("gru_bench.train", *SMALL, "training.checkpoint_every=null", "paths.runs=kept", cwd=tmp_path)
    assert done.code == 0, done.err
    (run,) = tmp_path.glob("kept/language_modeling/reber/gru-*/seed0")
    assert run.parent.name == f"gru-{record(run)['config_hash']}"
    assert str(run.relative_to(tmp_path)) in done.out
    assert "closed-form floor" in done.out
    assert "416 recurrent, 535 in all" in done.out
    assert "Error" not in done.err
    assert_same_run(run, finished_run)


@pytest.mark.slow
def test_stops_of_every_kind_leave_the_numbers_alone(finished_run: Path, tmp_path: Path):
    """Killed between a row and the next checkpoint, then interrupted between rows, then terminated."""
    arguments, run = (*SMALL, "training.checkpoint_every=23", "run_dir=run"), tmp_path / "run"

    killed = stopped("SIGKILL", 37, *arguments, cwd=tmp_path)
    assert killed.code == -signal.SIGKILL
    assert record(run)["status"] == "running"
    assert rows(run)[-1]["update"] == 28  # and the newest checkpoint is that of update 23

    interrupted = stopped("SIGINT", 33, *arguments, cwd=tmp_path)
    assert interrupted.code == 130, interrupted.err
    assert "stale: its owner, process " in interrupted.out + interrupted.err
    assert "Resuming from the checkpoint of update 23." in interrupted.out
    assert "SIGINT: stopped at update 33. The same command continues from there." in interrupted.out
    assert "Traceback" not in interrupted.err
    found = record(run)
    assert (found["status"], found["reason"], found["updates"]) == ("interrupted", "SIGINT", 33)
    assert (found["best_update"], set(found["metrics"])) == (20, {"valid"})
    assert found["ended"] is not None
    assert [row["update"] for row in rows(run)] == [7, 14, 20, 21, 28]

    terminated = stopped("SIGTERM", 50, *arguments, cwd=tmp_path)
    assert terminated.code == 143, terminated.err
    assert "stale" not in terminated.out + terminated.err
    assert "Resuming from the checkpoint of update 33." in terminated.out
    assert record(run)["reason"] == "SIGTERM"

    done = command("gru_bench.train", *arguments, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "Resuming from the checkpoint of update 50." in done.out
    assert "The environment has changed" not in done.out
    assert_same_run(run, finished_run)


def test_a_signal_from_outside_ends_a_long_run(tmp_path: Path):
    run = tmp_path / "run"
    with begin("gru_bench.train", *SMALL, "training.updates=10000000", "run_dir=run", cwd=tmp_path) as process:
        while process.poll() is None and not (run / "checkpoints" / "best.npz").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 143, err
    assert "SIGTERM: stopped at update " in out
    assert err == ""
    found = record(run)
    assert found["status"] == "interrupted"
    assert (run / "checkpoints" / f"update-{found['updates']:09d}.npz").exists()


def test_a_signal_after_the_last_update_is_recorded(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    arguments = (*SMALL, f"run_dir={tmp_path}/run")
    with monkeypatch.context() as patched:
        patched.setattr(LanguageModeling, "samples", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        done = train(*arguments)
    assert done.code == 143
    assert (record(tmp_path / "run")["status"], record(tmp_path / "run")["outputs_due"]) == ("finished", True)
    began = record(tmp_path / "run")["started"]
    assert train(*arguments).code == 0
    assert record(tmp_path / "run")["started"] == began
    assert_same_run(tmp_path / "run", finished_run)


def test_a_finished_run_is_shown_and_not_trained(copied: Path):
    before = {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()}
    again = train(*SMALL, f"run_dir={copied}")
    assert again.code == 0
    assert again.err == ""
    assert "gru, test" in again.out
    assert "This run is finished; fresh=true trains it again." in again.out
    assert {path: path.read_bytes() for path in copied.rglob("*") if path.is_file()} == before


def test_fresh_starts_anew_also_with_other_settings(copied: Path):
    (copied / "notes.txt").write_text("mine")
    done = train(*SMALL, "training.updates=3", "task.sample_length=5", f"run_dir={copied}", "fresh=true")
    assert done.code == 0, done.err
    assert record(copied)["updates"] == 3
    assert [row["update"] for row in rows(copied)] == [3]
    assert sorted(path.name for path in (copied / "checkpoints").iterdir()) == ["best.npz", "update-000000003.npz"]
    log = (copied / "log.txt").read_text()
    assert log.count("Sample:") == log.count("run directory") == 1
    assert (copied / "notes.txt").exists()


def test_a_directory_with_other_settings_is_refused(copied: Path):
    done = train(*SMALL, "seed=1", "model.hidden_size=9", f"run_dir={copied}")
    assert done.code == 2
    assert done.err.startswith(f"error: run_dir: found '{copied}', allowed: a directory of its own for each run")
    assert "model.hidden_size: 8 there, 9 now; seed: 0 there, 1 now" in done.err
    assert record(copied)["status"] == "finished"


def test_a_directory_in_use_is_refused(copied: Path):
    with owned(copied):
        done = train(*SMALL, f"run_dir={copied}")
    assert done.code == 1
    assert re.fullmatch(rf"error: {copied} is in use by process \d+ on \S+ since \S+\. Wait .*\n", done.err)


_STOPPED_WHILE_LOADING = """
import os, runpy, signal, sys
wanted, seen = sys.argv.pop(), []
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
def hook(event, arguments):
    if event == "import" and arguments[0] == wanted and not seen:
        seen.append(event)
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(hook)
runpy.run_module("gru_bench.train", run_name="__main__")
"""


@pytest.mark.parametrize("module", ["omegaconf", "gru_bench.session"])
def test_ctrl_c_while_modules_are_loaded_shows_no_traceback(module: str, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", _STOPPED_WHILE_LOADING, module],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
    assert not list(tmp_path.iterdir())


# Sweeps


@pytest.mark.slow
def test_a_sweep_goes_on_past_failures_and_lists_them(tmp_path: Path):
    """Per cell: one job diverges, one has a wrong setting, one is fine."""
    settings = ("optimizer=sgd", "optimizer.clip_norm=null", "training.updates=8", "task.sample_length=0")
    done = command(
        "gru_bench.train", "-m", *SMALL, *settings, "model=gru,rnn", "optimizer.learning_rate=1e38,x,0.1", cwd=tmp_path
    )
    assert done.code == 1
    assert "Sweep: 6 jobs, 2 finished, 4 not." in done.out
    listed = re.findall(r"^  (ok|FAILED) +(\S.*?)  ->  (\S*)(.*)$", done.out, re.MULTILINE)
    assert [mark for mark, *_ in listed] == ["FAILED", "FAILED", "ok"] * 2
    for (mark, job, run, reason), rate, cell in zip(
        listed, ("1e38", "x", "0.1") * 2, ("gru",) * 3 + ("rnn",) * 3, strict=True
    ):
        assert f"model={cell}" in job
        assert f"optimizer.learning_rate={rate}" in job.replace("e+", "e")
        if rate == "x":
            assert "found 'x', allowed: a number" in reason
        else:
            status = record(tmp_path / run)["status"]
            assert (status, record(tmp_path / run)["model"]) == ("finished" if mark == "ok" else "diverged", cell)
            assert re.search(rf"reber/{cell}-[0-9a-f]{{8}}/seed0", run)
    assert done.err.count("error: optimizer.learning_rate: found 'x'") == 2
    assert "Traceback" not in done.err


@pytest.mark.slow
def test_a_sweep_that_is_interrupted_starts_no_further_job(tmp_path: Path):
    arguments = ("-m", *SMALL, "training.updates=8", "seed=0,1,2")
    done = stopped("SIGINT", 3, *arguments, cwd=tmp_path)
    assert done.code == 130, done.err
    (run,) = tmp_path.glob("runs/language_modeling/reber/gru-*/seed*")
    assert record(run)["status"] == "interrupted"
    assert "Traceback" not in done.err


# Every source of data, at small size


def tiny(folder: Path, *arguments: str, cache: Path) -> Path:
    """Train 20 updates of a network of 16 and check what every run must have."""
    settings = (
        "tracker=none",
        "training.updates=20",
        "model.layers=1",
        "model.hidden_size=16",
        "training.log_every=10",
    )
    done = train(*settings, "task.sample_length=10", *arguments, f"run_dir={folder}", f"paths.cache={cache}")
    assert done.code == 0, done.err
    found = read_record(folder)
    assert found.status == "finished"
    assert found.updates == 20
    assert found.scored["test"] == found.data_facts["symbols"]["test"]
    assert np.isfinite(list(found.metrics["test"].values())).all()
    return folder


@pytest.mark.parametrize(
    "name",
    ["tiny_shakespeare", *(pytest.param(name, marks=pytest.mark.slow) for name in ("ptb", "ptb_char", "wikitext2"))],
)
def test_public_data(name: str, mirror: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The evaluation splits are cut short: to score all of WikiText-2 takes longer than to train on it."""
    place = preset_place("data", name)
    load = load_object(place)

    @functools.wraps(load)
    def cut(**options: Any) -> Any:
        corpus = load(**options)
        valid, test = corpus.valid[:3000], corpus.test[:3001]
        facts = corpus.facts | {"symbols": corpus.facts["symbols"] | {"valid": 3000, "test": 3001}}
        return dataclasses.replace(corpus, valid=valid, test=test, facts=facts)

    module, _, function = place.partition(":")
    monkeypatch.setattr(sys.modules[module], function, cut)
    tiny(tmp_path, f"data={name}", "training.eval_batch_size=10", f"paths.mirror={mirror}", cache=cache)
    found = record(tmp_path)
    level = json.loads((tmp_path / "data.json").read_text())["vocabulary"]["level"]
    unit = "perplexity" if level == "word" else "bits_per_character"
    assert set(found["metrics"]["test"]) == {"nll", unit}
    assert found["metrics"]["test"]["nll"] < np.log(found["data_facts"]["vocabulary"])


@pytest.mark.slow
def test_the_source_of_python(tmp_path: Path):
    tiny(tmp_path, "data=python_source", cache=tmp_path / "cache")
    assert record(tmp_path)["metrics"]["test"]["nll"] < np.log(256)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_reber_is_learned(cell: str, tmp_path: Path):
    """To forget the long bit costs 14 %; a network that remembers it comes within 2 % of the floor."""
    done = command("gru_bench.train", "tracker=none", f"model={cell}", "run_dir=run", cwd=tmp_path)
    assert done.code == 0, done.err
    found = record(tmp_path / "run")
    assert found["scored"]["test"] >= 50_000
    assert found["metrics"]["test"]["nll"] <= 1.02 * found["baselines"]["floor"]["nll"]


def test_best_weights_are_those_of_the_best_evaluation(finished_run: Path):
    assert record(finished_run)["best_update"] == UPDATES
    best = arrays(finished_run / "checkpoints" / "best.npz")
    last = arrays(finished_run / "checkpoints" / f"update-{UPDATES:09d}.npz")
    for name, array in best.items():
        np.testing.assert_array_equal(array, last[f"params/{name}"])
