"""How a run ends that is not trained to its end, and what is written of it."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize
from hydra.core.global_hydra import GlobalHydra

from gru_bench.errors import UserError
from gru_bench.files import LIST_FILE
from gru_bench.training.signals import Interrupted
from tests.training.support import SMALL, record, train


def raising(error: BaseException) -> Callable[..., None]:
    def fails(*arguments: Any) -> None:
        raise error

    return fails


def test_a_failure_is_recorded_and_told_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gru_bench.training.loop.Training._finish", raising(RuntimeError("no such luck")))
    done = train(*SMALL, "training.updates=2", f"run_dir={tmp_path}")
    assert done.code == 1
    assert done.err == "error: RuntimeError: no such luck. Run again with debug=true for the traceback.\n"
    found = record(tmp_path)
    assert (found["status"], found["reason"]) == ("failed", "RuntimeError: no such luck")
    monkeypatch.undo()
    assert train(*SMALL, "training.updates=2", f"run_dir={tmp_path}").code == 0
    assert record(tmp_path)["status"] == "finished"


def test_the_first_error_is_told_where_the_record_cannot_be_written_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(name: str) -> Callable[..., None]:
        return raising(UserError(f"cannot write {name}: No space left on device."))

    monkeypatch.setattr("gru_bench.training.checkpoint.Checkpoints.save", full("a checkpoint"))
    monkeypatch.setattr("gru_bench.training.run.Run.end", full("the record"))
    done = train(*SMALL, "training.updates=2", f"run_dir={tmp_path}")
    assert done.code == 1
    assert done.err == "error: cannot write a checkpoint: No space left on device.\n"
    assert "The record could not be written either; it does not say that the run failed." in done.out


def test_a_signal_once_a_run_is_written_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gru_bench.session.run_table", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    done = train(*SMALL, "training.updates=2", f"run_dir={tmp_path}")
    assert done.code == 143
    assert "SIGTERM: stopped at the end; everything is written. The same command continues from there." in done.out
    assert record(tmp_path)["status"] == "finished"


def test_a_log_that_cannot_be_written_is_said_once_and_ends_no_run(tmp_path: Path):
    (tmp_path / "log.txt").mkdir()
    (tmp_path / LIST_FILE).write_text('{"files": ["log.txt"]}')
    done = train(*SMALL, "training.updates=2", f"run_dir={tmp_path}")
    assert done.code == 0, done.err
    assert done.err == f"{tmp_path / 'log.txt'} cannot be written: Is a directory; messages are shown here.\n"
    assert record(tmp_path)["status"] == "finished"


def test_a_second_ctrl_c_is_an_interruption_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gru_bench.training.loop.Training._finish", raising(KeyboardInterrupt()))
    done = train(*SMALL, "training.updates=2", f"run_dir={tmp_path}")
    assert done.code == 130
    assert "SIGINT: stopped at once. The same command continues from the newest checkpoint." in done.out
    assert (record(tmp_path)["status"], record(tmp_path)["reason"]) == ("interrupted", "SIGINT")


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (Interrupted(signal.SIGTERM), "SIGTERM: stopped at update 2. The same command continues from there."),
        (KeyboardInterrupt(), "SIGINT: stopped at once. The same command continues from the newest checkpoint."),
    ],
)
def test_a_second_ctrl_c_while_the_first_signal_is_written_down(
    first: KeyboardInterrupt, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patched:
        patched.setattr("gru_bench.training.loop.Training._finish", raising(first))
        patched.setattr("gru_bench.training.run.Run.end", raising(KeyboardInterrupt()))
        done = train(*SMALL, "training.updates=2", f"run_dir={tmp_path}")
    assert done.code == 130
    assert message in done.out
    assert train(*SMALL, "training.updates=2", f"run_dir={tmp_path}").code == 0
    assert record(tmp_path)["status"] == "finished"


def test_the_process_that_calls_train_keeps_its_own_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A notebook calls it twice, then once from a thread, and uses signals, Hydra and logging itself."""

    def state() -> list[object]:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        log = logging.getLogger("gru_bench")
        loggers = [log.level, log.propagate, list(log.handlers), sys.unraisablehook]
        return [*handlers, *loggers, GlobalHydra.instance().hydra, list(sys.argv), os.environ.get("HYDRA_FULL_ERROR")]

    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    with initialize(version_base="1.3", config_path=None):
        before = state()
        codes: list[int] = []
        for seed in range(2):
            codes.append(train(*SMALL, "training.updates=2", f"seed={seed}", f"paths.runs={tmp_path}").code)
            assert state() == before
        arguments = (*SMALL, "training.updates=2", "seed=2", f"paths.runs={tmp_path}")
        thread = threading.Thread(target=lambda: codes.append(train(*arguments).code))
        thread.start()
        thread.join()
        assert state() == before
    assert codes == [0, 0, 0]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_the_code_of_a_sweep_is_not_that_of_the_next_command(tmp_path: Path):
    failed = train("-m", *SMALL, "data.train_size=1", f"paths.runs={tmp_path}")
    assert failed.code == 1, failed.out
    assert train("--help").code == 0
