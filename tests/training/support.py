"""What the tests of training share: small settings, and the commands in this process or in one of their own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from gru_bench import errors
from gru_bench.train import main

ROOT = Path(errors.__file__).parents[1]

UPDATES = 60
SMALL = (
    "tracker=none",
    "data.train_size=1500",
    "data.valid_size=300",
    "data.test_size=400",
    "model.hidden_size=8",
    "training.batch_size=4",
    "training.eval_batch_size=4",
    "training.bptt_window=8",
    f"training.updates={UPDATES}",
    "training.eval_every=20",
    "training.log_every=7",
    "training.checkpoint_every=5",
    "task.sample_length=20",
)
TIMES = frozenset({"seconds", "items_per_second"})


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def train(*arguments: str) -> Outcome:
    """Run the `train` command in this process."""
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    before = list(sys.argv)
    sys.argv = ["train.py", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        code = stop.code
    finally:
        sys.argv = before
    assert isinstance(code, int)
    return Outcome(code, out.getvalue(), err.getvalue())


def begin(module: str, *arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Start a command of the package, or another module, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def command(module: str, *arguments: str, cwd: Path, text: str = "") -> Outcome:
    """Run a command in a process of its own; `text` is its standard input."""
    with begin(module, *arguments, cwd=cwd) as process:
        out, err = process.communicate(text, timeout=600)
    return Outcome(process.returncode, out, err)


def trained(folder: Path, *arguments: str) -> Path:
    """Train in a process of its own and return the run directory."""
    done = command("gru_bench.train", *arguments, "run_dir=run", cwd=folder)
    assert done.code == 0, done.err
    return folder / "run"


def stopped(how: str, update: int, *arguments: str, cwd: Path) -> Outcome:
    """Run `train` in a process that gets the signal `how` right after an update."""
    return command("tests.training.stopped_run", how, str(update), *arguments, cwd=cwd)


def record(run_dir: Path) -> dict[str, Any]:
    """Return the record of a run as plain values."""
    return json.loads((run_dir / "record.json").read_text(encoding="utf-8"))


def rows(run_dir: Path) -> list[dict[str, Any]]:
    """Return the metrics of a run without times."""
    lines = (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{name: value for name, value in json.loads(line).items() if name not in TIMES} for line in lines]


def arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a checkpoint, without what it tells about times."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files if name not in ("__meta__", "__sha256__")}


def items_counted(run_dir: Path, update: int = UPDATES) -> float:
    """Return the items behind the paces that the checkpoint of an update keeps: those of all updates so far."""
    with np.load(run_dir / "checkpoints" / f"update-{update:09d}.npz", allow_pickle=False) as file:
        pace = json.loads(file["__meta__"].tobytes())["pace"]
    assert pace
    assert sum(seconds / per_update for per_update, _, _, seconds in pace) == pytest.approx(update, rel=1e-9)
    return sum(items_per_second * seconds for _, items_per_second, _, seconds in pace)


def assert_same_arrays(one: Path, other: Path, updates: int) -> None:
    """Compare the best weights and the checkpoint of the last update of two finished runs, bit by bit."""
    for name in ("best", f"update-{updates:09d}"):
        found, expected = (arrays(run / "checkpoints" / f"{name}.npz") for run in (one, other))
        assert found.keys() == expected.keys()
        for key, array in found.items():
            np.testing.assert_array_equal(array, expected[key], err_msg=f"{one}: {name}: {key}")


def assert_same_run(one: Path, other: Path) -> None:
    """Compare all numbers of two finished runs, bit by bit."""
    assert rows(one) == rows(other)
    assert_same_arrays(one, other, UPDATES)
    for key in ("metrics", "updates", "epochs", "best_update", "scored", "status"):
        assert record(one)[key] == record(other)[key]
    assert items_counted(one) == pytest.approx(items_counted(other), rel=1e-9)
