"""One run in two processes on the loopback address, as its commands start them."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from tests.training.support import SMALL, arrays, begin, command, items_counted, record, rows

LSTM = (*SMALL, "model=lstm", "model.output_dropout=0.3")
TWENTY = (*LSTM, "training.updates=20", "training.eval_every=10", "training.checkpoint_every=7")


def both(*arguments: str, cwd: Path) -> list[subprocess.Popen[str]]:
    """Start both processes, each with a folder of its own as if on a machine of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = ("training.processes=2", f"training.coordinator=127.0.0.1:{port}", "run_dir=run")
    folders = [cwd / str(process) for process in range(2)]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return [
        begin("gru_bench.train", *arguments, *place, f"training.process={process}", cwd=folder)
        for process, folder in enumerate(folders)
    ]


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    told = [process.communicate(timeout=800) for process in processes]
    return [(process.returncode, *texts) for process, texts in zip(processes, told, strict=True)]


@pytest.mark.slow
def test_two_processes_have_the_parameters_of_one(tmp_path: Path):
    """Dropout masks and the carry are shared out as well; only process 0 writes."""
    led = ended(both(*TWENTY, cwd=tmp_path))
    assert [code for code, *_ in led] == [0, 0], led
    done = command("gru_bench.train", *TWENTY, "run_dir=run", cwd=tmp_path)
    assert done.code == 0, done.err
    one, two = tmp_path / "run", tmp_path / "0" / "run"
    found, expected = (arrays(run / "checkpoints" / "update-000000020.npz") for run in (two, one))
    assert found.keys() == expected.keys()
    for key, array in found.items():
        np.testing.assert_allclose(array, expected[key], rtol=0, atol=1e-5, err_msg=key)
    assert list((tmp_path / "1").iterdir()) == []
    assert "nll" in led[0][1]
    assert "nll" not in led[1][1] + led[1][2]
    for key in ("status", "updates", "best_update", "scored", "config_hash"):
        assert record(two)[key] == record(one)[key]
    assert items_counted(two, 20) == pytest.approx(items_counted(one, 20), rel=1e-9)
    assert record(two)["metrics"]["test"] == pytest.approx(record(one)["metrics"]["test"], abs=1e-4)
    assert command("gru_bench.evaluate", "run=run", cwd=tmp_path / "0").code == 0


@pytest.mark.stress
@pytest.mark.parametrize("who", [0, 1])
def test_a_stop_of_one_is_a_stop_of_both_or_of_none(who: int, tmp_path: Path):
    """SIGTERM to process 0 stops both, one to process 1 is left to process 0; then both go on to the same bits."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    arguments = (*LSTM, "training.updates=3000", "training.eval_every=1000", "training.checkpoint_every=500")
    assert [code for code, *_ in ended(both(*arguments, cwd=whole))] == [0, 0]
    processes = both(*arguments, cwd=cut)
    while not list((cut / "0").glob("run/checkpoints/update-*.npz")):
        assert processes[0].poll() is None, processes[0].communicate()
        time.sleep(0.01)
    processes[who].send_signal(signal.SIGTERM)
    told = ended(processes)
    assert [code for code, *_ in told] == ([143, 143] if who == 0 else [0, 0]), told
    if who == 0:
        assert record(cut / "0" / "run")["status"] == "interrupted"
        assert [code for code, *_ in ended(both(*arguments, cwd=cut))] == [0, 0]
        assert "Resuming from the checkpoint" in (cut / "0" / "run" / "log.txt").read_text()
    runs = [folder / "0" / "run" for folder in (whole, cut)]
    assert rows(runs[0]) == rows(runs[1])
    found, expected = (arrays(run / "checkpoints" / "update-000003000.npz") for run in runs)
    for key, array in found.items():
        np.testing.assert_array_equal(array, expected[key], err_msg=key)


def test_processes_that_nobody_started_are_one_message(tmp_path: Path):
    done = command("gru_bench.train", *SMALL, "training.processes=2", cwd=tmp_path)
    assert done.code == 2
    assert "training.processes: found 2, allowed: processes that find each other" in done.err
    assert "Start them with srun, or tell each training.coordinator=HOST:PORT and its training.process." in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == []
