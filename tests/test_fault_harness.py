"""The fault harness: that it sees what it is there to see, and, slow, that runs survive all of it."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.training.support import ROOT, record

SCRIPT = ROOT / "scripts" / "fault_harness.py"


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPT.parent)
    return importlib.import_module("faults.runs")


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished_run, tmp_path / "copied")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_equal_runs_are_found_equal_and_whole(runs: ModuleType, copied: Path, finished_run: Path):
    assert runs.differs(copied, finished_run) == ""
    assert runs.unsound(copied, finished=True) == ""


def last_bit(run: Path) -> None:
    content = record(run)
    content["metrics"]["test"]["nll"] *= 1 + 2**-52
    (run / "record.json").write_text(json.dumps(content))


def a_row_less(run: Path) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[:3] + lines[4:]))


def other_weights(run: Path) -> None:
    newest, older = sorted((run / "checkpoints").glob("update-*"), reverse=True)
    newest.write_bytes(older.read_bytes())


@pytest.mark.parametrize(
    ("change", "message"),
    [(last_bit, "metrics of the record: "), (a_row_less, "the rows of"), (other_weights, "arrays of update-")],
)
def test_what_differs_is_named(
    runs: ModuleType, copied: Path, finished_run: Path, change: Callable[[Path], None], message: str
):
    change(copied)
    assert runs.differs(copied, finished_run).startswith(message)


@pytest.mark.parametrize("name", ["record.json", "samples.json", "checkpoints/best.npz", "figures/learning_curve.png"])
def test_a_file_that_is_not_whole_is_named(runs: ModuleType, copied: Path, name: str):
    cut(copied / name)
    assert runs.unsound(copied, finished=False).startswith(f"{Path(name).name} is half-written")


def test_a_leftover_of_a_finished_run_is_named(runs: ModuleType, copied: Path):
    (copied / ".record.json.4711.tmp").write_text("{")
    assert runs.unsound(copied, finished=False) == ""
    assert runs.unsound(copied, finished=True) == ".record.json.4711.tmp is left over"


def harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments, f"folder={folder}"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_unknown_fault_is_refused(tmp_path: Path):
    done = harness(tmp_path, "faults=kils")
    assert done.returncode == 2
    assert done.stderr.startswith("error: faults: found 'kils', allowed: all, kills, aimed_kills, ")


FEWER = ("kills=5", "signals=4", "seconds=2")
SOME = ("faults=kills,signals,damage,moved,changed", "kills=3", "signals=2")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(SOME, id="some", marks=pytest.mark.slow),
        pytest.param(FEWER, id="all", marks=pytest.mark.stress),
    ],
)
@pytest.mark.timeout(7200)
def test_runs_survive_faults(settings: tuple[str, ...], tmp_path: Path):
    done = harness(tmp_path, *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
