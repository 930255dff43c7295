"""Comparisons that are killed and go on, and two processes that share one, in processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.comparison.small import SMALL, files
from tests.training.support import ROOT

pytestmark = pytest.mark.slow

ENDS = (0, -signal.SIGKILL, 128 + signal.SIGTERM, -signal.SIGTERM)  # the last before it listens, or after


def _start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gru_bench.compare", *SMALL, f"out={folder}"]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _records(folder: Path) -> int:
    return len(list((folder / "runs").rglob("record.json")))


def _copied_plan(source: Path, folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(source / "plan.json", folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison that was not stopped."""
    folder = tmp_path_factory.mktemp("whole") / "comparison"
    assert _start(folder).wait(600) == 0
    return folder


def test_killed_at_many_moments_it_answers_the_same(whole: Path, tmp_path: Path):
    folder = _copied_plan(whole, tmp_path / "killed")
    for wanted in range(1, _records(whole)):
        process = _start(folder)
        while process.poll() is None and _records(folder) < wanted:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL if wanted % 2 else signal.SIGTERM)
        assert process.wait(120) in ENDS
    assert _start(folder).wait(600) == 0
    assert files(folder) == files(whole)


def test_two_processes_share_a_comparison_and_answer_the_same(whole: Path, tmp_path: Path):
    folder = _copied_plan(whole, tmp_path / "shared")
    both = [_start(folder) for _ in range(2)]
    assert [process.wait(600) for process in both] == [0, 0]
    assert files(folder) == files(whole)
