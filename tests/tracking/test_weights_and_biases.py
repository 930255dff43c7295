"""W&B as a guest: what it keeps and sends, and that no failure of it reaches the run."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import matplotlib.image
import numpy as np
import pytest
from fake_wandb_server import serve

from gru_bench import errors
from tests.training.support import SMALL

ROOT = Path(errors.__file__).parents[1]
SCRIPT = Path(__file__).with_name("report_a_run.py")
KEY = "a" * 40


class Place:
    """A home and a working directory that nothing else uses, and the commands run there."""

    def __init__(self, folder: Path):
        self.home, self.cwd = folder / "home", folder / "cwd"
        self.home.mkdir()
        self.cwd.mkdir()

    def environment(self, **variables: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error::UserWarning",
        } | variables

    def begin(self, settings: dict, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(SCRIPT), json.dumps({"run_dir": "runs/one", **settings})],
            cwd=self.cwd,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def report(self, settings: dict | None = None, **variables: str) -> tuple[dict, list[str]]:
        """Return what the run printed of itself, and the lines of its log."""
        with self.begin(settings or {}, **variables) as process:
            out, log = process.communicate(timeout=60)
        assert process.returncode == 0, log
        return json.loads(out), log.splitlines()

    def wandb(self, *arguments: str, **variables: str) -> str:
        command = [sys.executable, "-m", "wandb", *arguments]
        environment = self.environment(**variables)
        done = subprocess.run(
            command, cwd=self.cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def records(self, run: Path) -> list[dict]:
        return [json.loads(line) for line in self.wandb("leet", "inspect", "--json", str(run)).splitlines()]

    def summary(self, run: Path) -> dict:
        return json.loads(self.wandb("leet", "inspect", "--summary", "--json", str(run)))

    def parts(self) -> list[Path]:
        return sorted(path for path in (self.cwd / "runs/one/wandb").glob("*run-*") if not path.is_symlink())


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def upload_command(log: list[str]) -> list[str]:
    (line,) = [line for line in log if "wandb sync" in line]
    return line.split("wandb sync ")[1].split()


def test_without_a_key_everything_is_kept_offline_and_one_line_says_so(place, tmp_path):
    picture = tmp_path / "curve.png"
    matplotlib.image.imsave(picture, np.zeros((2, 2)))
    said, log = place.report({"picture": str(picture)})
    (part,) = place.parts()
    assert log == [
        f"INFO W&B: offline, no API key (`wandb login` stores one); to upload: wandb sync runs/one/wandb/{part.name}"
    ]
    assert said["tracker"] == "WeightsAndBiases"

    records = place.records(part)
    rows = [record["history"]["item"] for record in records if record["type"] == "history"]
    assert [(row["update"], row["_step"], row["train/loss"]) for row in rows] == [
        (update, update, 1 / update) for update in (10, 20, 30, 40, 50)
    ]
    assert rows[-1]["valid/nll"] == 0.2
    assert {"figures/curve.path", "samples.path"} <= set(rows[-1])
    metrics = {record["metric"].get("glob_name"): record["metric"] for record in records if record["type"] == "metric"}
    assert metrics["*"]["step_metric"] == "update"
    (run,) = [record["run"] for record in records if record["type"] == "run"]
    assert run["run_group"] == "language_modeling/reber"

    summary = place.summary(part)
    assert summary["state"] == "finished"
    assert summary["exit_code"] == 0
    assert summary["tags"] == ["gru"]
    assert summary["name"] == "gru seed3"
    assert summary["config"] == {
        "task": {"name": "language_modeling"},
        "model": {"cell": "gru", "hidden_size": 8},
        "seed": 3,
    }
    expected = {
        "status": "finished",
        "parameters/recurrent": 480,
        "parameters/total": 999,
        "state_size": 8,
        "flops_per_update": 1e6,
        "speed/seconds_per_update": 0.01,
        "speed/items_per_second": 100.0,
        "memory/step_bytes": 1000,
        "memory/peak_rss_bytes": 2000,
        "valid/nll": 0.5,
        "test/nll": 0.4,
    }
    assert {name: summary["summary"].get(name) for name in expected} == expected

    (page,) = part.glob("files/media/html/*.html")
    assert "<td>a &lt;b&gt;</td><td>line 1\nline 2</td>" in page.read_text()
    (image,) = part.glob("files/media/images/figures/*.png")
    assert image.read_bytes() == picture.read_bytes()
    assert [path.name for path in place.cwd.iterdir()] == ["runs"]


def test_a_continued_run_keeps_its_identity_and_the_printed_command_uploads_all_parts(place):
    place.report({"updates": [10, 60, 10]})
    time.sleep(1.1)  # W&B names the parts by the second
    _, log = place.report({"updates": [60, 110, 10]})
    names = upload_command(log)
    assert [Path(name).name for name in names] == [part.name for part in place.parts()]
    assert len({name.rsplit("-", 1)[1] for name in names}) == 1
    with serve() as received:
        place.wandb("sync", *names, WANDB_BASE_URL=received.url, WANDB_API_KEY=KEY)
    assert received.errors == []
    assert [row["update"] for row in received.history] == list(range(10, 110, 10))
    assert len(received.runs) == 1
    _, log = place.report({"updates": [110, 120, 10]})
    assert len(upload_command(log)) == 1


def test_a_new_run_directory_begins_a_new_run(place):
    place.report()
    place.report({"run_dir": "runs/two"})
    identities = [path.read_text() for path in sorted(place.cwd.glob("runs/*/wandb/run_id"))]
    assert len(set(identities)) == 2


def test_online_everything_reaches_the_server_and_a_continued_run_repeats_nothing(place):
    with serve() as received:
        login = {"WANDB_BASE_URL": received.url, "WANDB_API_KEY": KEY}
        said, log = place.report({"updates": [10, 60, 10]}, **login)
        assert said["tracker"] == "WeightsAndBiases"
        (name,) = received.runs
        assert log == [f"INFO W&B: {received.url}/tester/gru_bench/runs/{name}"]
        _, log = place.report({"updates": [30, 110, 10]}, **login)
        assert log == [f"INFO W&B: {received.url}/tester/gru_bench/runs/{name}"]
    assert received.errors == []
    rows = [row for row in received.history if "train/loss" in row]
    assert [row["update"] for row in rows] == list(range(10, 110, 10))
    assert [row["update"] for row in received.history if "valid/nll" in row] == [50, 100]
    assert received.summary["test/nll"] == 0.4
    assert received.summary["status"] == "finished"
    assert received.exit_codes == [0, 0]
    run = received.runs[name]
    assert run["groupName"] == "language_modeling/reber"
    assert run["tags"] == ["gru"]
    assert run["displayName"] == "gru seed3"
    assert json.loads(run["config"])["model"]["value"] == {"cell": "gru", "hidden_size": 8}
    assert {Path(file).suffix for file in received.uploads} >= {".html", ".yaml", ".json"}
    assert [path.name for path in place.cwd.iterdir()] == ["runs"]


@pytest.mark.slow
def test_replicas_are_ordinary_runs_of_one_group(place):
    settings = [setting for setting in SMALL if setting != "tracker=none"]
    with serve() as received:
        done = subprocess.run(
            [sys.executable, "-m", "gru_bench.train", *settings, "training.replicas=3"],
            cwd=place.cwd,
            env=place.environment(WANDB_BASE_URL=received.url, WANDB_API_KEY=KEY),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert received.errors == []
    assert {run["groupName"] for run in received.runs.values()} == {"language_modeling/reber"}
    directories = sorted(place.cwd.glob("runs/*/*/*/seed*"))
    identities = [(directory / "wandb" / "run_id").read_text().strip() for directory in directories]
    assert sorted(identities) == sorted(received.runs)
    assert len(identities) == 3
    for directory, identity in zip(directories, identities, strict=True):
        sent, found = received.of(identity), json.loads((directory / "record.json").read_text())
        config = json.loads(received.runs[identity]["config"])
        assert directory.name == f"seed{config['seed']['value']}"
        assert config["training"]["value"]["replicas"] == 1
        kept = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
        for split, name in (("train", "loss"), ("valid", "nll")):
            told = [(row["update"], row[f"{split}/{name}"]) for row in sent.history if f"{split}/{name}" in row]
            assert told == [(row["update"], row[name]) for row in kept if row["split"] == split]
        assert sent.summary["test/nll"] == found["metrics"]["test"]["nll"]
        assert sent.exit_codes == [0]


def test_a_key_stored_by_wandb_login_is_found(place):
    with serve() as received:
        (place.home / ".netrc").write_text(f"machine {urlsplit(received.url).netloc}\n  login user\n  password {KEY}\n")
        (place.home / ".netrc").chmod(0o600)
        _, log = place.report(WANDB_BASE_URL=received.url)
    assert log[0].startswith(f"INFO W&B: {received.url}")
    assert received.exit_codes == [0]


def test_a_key_without_a_network_falls_back_to_offline_in_bounded_time(place):
    said, log = place.report({"seconds": [1.0, 1.0]}, WANDB_BASE_URL="http://127.0.0.1:9", WANDB_API_KEY=KEY)
    assert said["begun"] < 15
    (part,) = place.parts()
    (line,) = log
    assert re.fullmatch(
        rf"INFO W&B: offline, online failed \(CommError: .*\); to upload: wandb sync runs/one/wandb/{part.name}", line
    )
    assert part.name.startswith("offline-run-")
    assert place.summary(part)["summary"]["test/nll"] == 0.4


@pytest.mark.parametrize(
    "fault", [500, *(pytest.param(other, marks=pytest.mark.slow) for other in (401, "hang", "reset"))]
)
def test_a_server_in_trouble_falls_back_to_offline_and_can_be_told_later(place, fault):
    with serve() as received:
        received.fault = fault
        _, log = place.report({"seconds": [2.0, 2.0]}, WANDB_BASE_URL=received.url, WANDB_API_KEY=KEY)
        assert received.history == []
    assert len(log) == 1
    assert log[0].startswith("INFO W&B: offline, online failed (")
    with serve() as received:
        place.wandb("sync", *upload_command(log), WANDB_BASE_URL=received.url, WANDB_API_KEY=KEY)
    assert [row["update"] for row in received.history] == [10, 20, 30, 40, 50]


def test_a_key_that_is_none_falls_back_to_offline(place):
    _, log = place.report(WANDB_API_KEY="short")
    assert log[0].startswith("INFO W&B: offline, the API key does not work (AuthenticationError")
    assert len(log) == 1
    assert len(place.parts()) == 1


@pytest.mark.slow
def test_a_server_that_goes_away_delays_the_end_by_a_bounded_time(place):
    settings = {"seconds": [20.0, 2.0], "updates": [10, 1000, 10], "pause": 0.02}
    with contextlib.ExitStack() as process_end:
        with serve() as received:
            login = {"WANDB_BASE_URL": received.url, "WANDB_API_KEY": KEY}
            process = process_end.enter_context(place.begin(settings, **login))
            deadline = time.monotonic() + 30
            while not received.streamed and time.monotonic() < deadline:
                time.sleep(0.02)
        out, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert json.loads(out)["finished"] < 10
    (part,) = place.parts()
    assert log.splitlines()[1:] == [
        "WARNING W&B: the server did not take all data in time; to upload the rest: "
        f"wandb sync --include-online runs/one/wandb/{part.name}"
    ]
    with serve() as received:
        place.wandb("sync", *upload_command(log.splitlines()), WANDB_BASE_URL=received.url, WANDB_API_KEY=KEY)
    assert [row["update"] for row in received.history] == list(range(10, 1000, 10))


@pytest.mark.parametrize(
    ("variables", "start"),
    [
        ({"WANDB_MODE": ""}, ["INFO W&B: offline, no API key"]),
        ({"WANDB_SILENT": "", "WANDB_CONSOLE": "", "WANDB_API_KEY": ""}, ["INFO W&B: offline, no API key"]),
        ({"WANDB_MODE": "ofline"}, ["WARNING WANDB_MODE: found 'ofline', allowed: online", "INFO W&B: offline, no"]),
        ({"WANDB_MODE": "offline", "WANDB_API_KEY": KEY}, ["INFO W&B: offline, as WANDB_MODE or"]),
        ({"WANDB_MODE": "online"}, ["INFO W&B: offline, no API key"]),
        ({"WANDB_MODE": "disabled"}, ["INFO W&B: disabled by WANDB_MODE"]),
    ],
    ids=["empty", "other empty ones", "unknown", "offline", "online", "disabled"],
)
def test_wandb_variables(place, variables, start):
    said, log = place.report(**variables)
    assert [line.startswith(text) for line, text in zip(log, start, strict=True)] == [True] * len(start), log
    disabled = variables.get("WANDB_MODE") == "disabled"
    assert said["tracker"] == ("NoTracker" if disabled else "WeightsAndBiases")
    assert len(place.parts()) == (0 if disabled else 1)


def test_the_setting_wins_over_the_variable(place):
    said, log = place.report({"mode": "offline"}, WANDB_MODE="disabled", WANDB_API_KEY=KEY)
    assert said["tracker"] == "WeightsAndBiases"
    assert log[0].startswith(
        "INFO W&B: offline, as tracker.mode says; to upload: wandb sync runs/one/wandb/offline-run-"
    )


@pytest.mark.parametrize("call", ["init", "log", "finish", "define_metric"])
def test_a_failure_of_wandb_is_one_warning_and_no_more(place, call):
    said, log = place.report({"break": call})
    warnings = [line for line in log if line.startswith("WARNING")]
    assert len(warnings) == 1, log
    assert "the run goes on without it" in warnings[0]
    assert warnings[0].endswith("RuntimeError: broken on purpose")
    assert said["tracker"] == ("NoTracker" if call in ("init", "define_metric") else "WeightsAndBiases")


def test_a_picture_that_is_missing_is_one_warning(place):
    _, log = place.report({"picture": "missing.png"})
    assert [line for line in log if "WARNING" in line] == [log[-1]]
    assert "image failed" in log[-1]


def test_a_run_directory_that_cannot_be_written_is_one_warning(place):
    (place.cwd / "runs").write_text("a file")
    said, log = place.report()
    assert said["tracker"] == "NoTracker"
    assert len(log) == 1
    assert log[0].startswith("WARNING W&B: off, the run goes on without it: ")
