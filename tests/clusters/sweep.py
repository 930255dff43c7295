"""GRU and LSTM with three seeds, as a sweep that a cluster disturbs and as one that nothing disturbs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.support import SMALL, assert_same_arrays, begin, record, rows

UPDATES = 6000
SWEEP = (
    "-m",
    *SMALL,
    f"training.updates={UPDATES}",
    "training.eval_every=2000",
    "training.checkpoint_every=200",
    "training.log_every=500",
    "model=gru,lstm",
    "seed=0,1,2",
    "paths.runs=kept",
)


def undisturbed(folder: Path) -> Path:
    """Run the sweep in one process of one thread."""
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("NPROC", "1")
        with begin("gru_bench.train", *SWEEP, f"paths.cache={folder}/cache", cwd=folder) as process:
            _, err = process.communicate(timeout=2400)
    assert process.returncode == 0, err
    return folder


def wait(until: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 600) -> None:
    """Wait for something to happen while a process runs."""
    began = time.monotonic()
    while not until():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - began < seconds
        time.sleep(0.02)


def runs(folder: Path) -> list[Path]:
    """Return the run directories of a sweep."""
    return sorted(folder.glob("kept/*/*/*/seed*"))


def assert_same_sweep(found: Path, expected: Path) -> None:
    """Compare all numbers of two sweeps, bit by bit."""
    assert [run.relative_to(found) for run in runs(found)] == [run.relative_to(expected) for run in runs(expected)]
    assert len(runs(found)) == 6
    for one, other in zip(runs(found), runs(expected), strict=True):
        assert _numbers(one) == _numbers(other)
        assert_same_arrays(one, other, UPDATES)


def _numbers(run: Path) -> dict[str, Any]:
    kept = ("status", "metrics", "scored", "updates", "best_update", "threads", "device", "baselines")
    return {name: record(run)[name] for name in kept} | {"rows": rows(run)}
