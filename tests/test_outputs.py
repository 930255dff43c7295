"""Samples and pictures come after the record: what fails of them costs itself alone."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from gru_bench.errors import UserError
from gru_bench.outputs import write_outputs
from gru_bench.plotting import new_figure
from gru_bench.record import read_record
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.tasks.task import Sample
from gru_bench.training.saved import SavedRun, load_run
from tests.test_session import raising
from tests.training.support import SMALL, Outcome, record, train


def drawn() -> Figure:
    return new_figure()[0]


@pytest.fixture(scope="module")
def saved(finished_run: Path) -> SavedRun:
    return load_run(finished_run)


@pytest.fixture
def copied(finished_run: Path, tmp_path: Path) -> Path:
    """A finished run whose samples and pictures are still to be made."""
    copy = shutil.copytree(finished_run, tmp_path / "run")
    shutil.rmtree(copy / "figures")
    (copy / "samples.json").unlink()
    found = record(copy)
    (copy / "record.json").write_text(json.dumps(found | {"outputs_due": True}))
    return copy


def write(directory: Path, saved: SavedRun) -> None:
    write_outputs(directory, read_record(directory), saved.task, saved.network, None, {})


def pictures(directory: Path) -> set[str]:
    return {path.stem for path in (directory / "figures").iterdir()}


def test_each_failure_is_one_warning_and_all_else_is_written(
    copied: Path, saved: SavedRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(LanguageModeling, "samples", raising(ValueError("no text\nof it")))
    monkeypatch.setattr(
        LanguageModeling, "figures", lambda *_: {"bad": raising(RuntimeError("mathtext")), "good": drawn}
    )
    with caplog.at_level(logging.WARNING):
        write(copied, saved)
    assert [message.getMessage() for message in caplog.records] == [
        "Samples: failed, the results of the run are recorded. ValueError: no text",
        "Picture bad: failed, the results of the run are recorded. RuntimeError: mathtext",
    ]
    assert pictures(copied) == {"learning_curve", "gate_activity", "good"}
    assert not record(copied)["outputs_due"]  # another try would fail, too


def test_what_could_not_be_written_stays_due(copied: Path, saved: SavedRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(LanguageModeling, "samples", lambda *_: [Sample("", "a")])
    monkeypatch.setattr("gru_bench.outputs.gate_activity", raising(UserError("cannot write it: No space left")))
    write(copied, saved)
    assert record(copied)["outputs_due"]
    assert json.loads((copied / "samples.json").read_text()) == [{"given": "", "output": "a"}]


def trained_again(directory: Path) -> Outcome:
    return train(*SMALL, f"run_dir={directory}")


def test_the_same_command_makes_what_is_missing(copied: Path, finished_run: Path):
    done = trained_again(copied)
    assert done.code == 0, done.err
    assert pictures(copied) == pictures(finished_run)
    assert (copied / "samples.json").read_bytes() == (finished_run / "samples.json").read_bytes()
    assert not record(copied)["outputs_due"]
    assert "Going on from" not in done.out
    assert "Sample" not in trained_again(copied).out


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_pictures_are_drawn_leaves_a_finished_run(
    number: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gru_bench.outputs.learning_curve", lambda *_: os.kill(os.getpid(), number))
    done = train(*SMALL, "training.updates=2", f"run_dir={tmp_path}")
    assert done.code == code
    assert "stopped at the end; all results are recorded, samples or pictures are missing." in done.out
    found = record(tmp_path)
    assert (found["status"], found["reason"], found["outputs_due"]) == ("finished", "", True)
    assert found["metrics"]["test"]
