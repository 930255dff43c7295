"""A small comparison, in this process."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gru_bench import compare as program
from gru_bench.arguments import run_command
from tests.reproduction.test_training import Here
from tests.training.support import Outcome

SMALL = (
    "task=language_modeling",
    "tracker=none",
    "data.train_size=600",
    "data.valid_size=100",
    "data.test_size=100",
    "model.hidden_size=4",
    "training.batch_size=4",
    "training.eval_batch_size=4",
    "training.bptt_window=8",
    "training.updates=6",
    "minutes=30",
    "trials=3",
    "seeds=3",
    "model.output_dropout=0",
)


def in_this_process(monkeypatch: pytest.MonkeyPatch) -> Here:
    """Let comparisons train here, and return what counts it."""
    here = Here()

    @contextmanager
    def processes(cores: int) -> Iterator[Here]:
        yield here

    monkeypatch.setattr("gru_bench.compare._processes", processes)
    monkeypatch.setattr("gru_bench.machine_load.usable_cores", lambda: 2)
    return here


def run(*arguments: str) -> Outcome:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command(program.command, list(arguments))
    return Outcome(code, out.getvalue(), err.getvalue())


def files(folder: Path) -> dict[str, bytes]:
    """Return the answer in a folder, by file."""
    return {name: (folder / name).read_bytes() for name in ("compare.json", "compare.html")}
