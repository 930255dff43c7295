from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from gru_bench.training.signals import Interrupted, SignalWatch, pass_on, terminated


@pytest.fixture(autouse=True)
def heard() -> Iterator[list[int]]:
    """Signals that reach the handlers that were there before the watch."""
    numbers: list[int] = []
    before = {number: signal.signal(number, lambda found, _: numbers.append(found)) for number in WATCHED}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.mark.parametrize("number", WATCHED)
def test_the_first_signal_is_noted_and_the_second_acts(number: int, heard: list[int]):
    with SignalWatch() as watch:
        assert watch.received is None
        os.kill(os.getpid(), number)
        assert watch.received == number
        assert heard == []
        os.kill(os.getpid(), number)
        assert heard == [number]


def test_the_handlers_come_back(heard: list[int]):
    with pytest.raises(KeyError), SignalWatch():
        raise KeyError
    for number in WATCHED:
        os.kill(os.getpid(), number)
    assert heard == list(WATCHED)


def test_an_interruption_knows_its_exit_code():
    assert (Interrupted(signal.SIGINT).exit_code, str(Interrupted(signal.SIGINT))) == (130, "SIGINT")
    assert (Interrupted(signal.SIGTERM).exit_code, str(Interrupted(signal.SIGTERM))) == (143, "SIGTERM")
    assert not isinstance(Interrupted(signal.SIGINT), Exception)  # or a sweep would go on
    copy = pickle.loads(pickle.dumps(Interrupted(signal.SIGTERM)))
    assert (type(copy), copy.number, copy.exit_code, str(copy)) == (Interrupted, signal.SIGTERM, 143, "SIGTERM")


def test_a_signal_that_a_launcher_listens_to_stops_the_run_and_then_reaches_the_launcher(heard: list[int]):
    before = signal.signal(signal.SIGUSR2, lambda found, _: heard.append(found))
    try:
        with SignalWatch() as watch:
            os.kill(os.getpid(), signal.SIGUSR2)
        assert (watch.received, heard) == (signal.SIGUSR2, [])
        with pytest.raises(Interrupted, match="SIGUSR2") as caught, terminated():
            os.kill(os.getpid(), signal.SIGUSR2)
        assert heard == []
        pass_on(caught.value)
        assert heard == [signal.SIGUSR2]
        pass_on(Interrupted(signal.SIGTERM))
        assert heard == [signal.SIGUSR2]
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_signals_that_nobody_listens_to_are_left_alone():
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    with SignalWatch(), terminated():
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    pass_on(Interrupted(signal.SIGUSR1))


def collect_and_wait(callback: Callable[[str, dict[str, int]], None]) -> None:
    gc.callbacks.append(callback)
    gc.collect()
    for _ in range(1000):
        time.sleep(0.01)


def test_a_hangup_that_nohup_ignores_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with SignalWatch() as watch, terminated():
        os.kill(os.getpid(), signal.SIGHUP)
    assert watch.received is None


def test_other_threads_leave_signals_alone():
    handlers = [signal.getsignal(number) for number in WATCHED]
    found: list[object] = []

    def work() -> None:
        with terminated(), SignalWatch():
            found.extend(signal.getsignal(number) for number in WATCHED)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == handlers


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP"), (signal.SIGINT, "")]
)
def test_a_signal_in_a_callback_whose_errors_python_ignores_is_not_lost(number: int, expected: str):
    """JAX has such a callback at each garbage collection."""
    sent: list[str] = []

    def stop_once(phase: str, found: dict[str, int]) -> None:
        if not sent:
            sent.append(phase)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt) as caught, terminated():
            collect_and_wait(stop_once)
    finally:
        gc.callbacks.remove(stop_once)
    assert sent
    assert str(caught.value) == expected


LEAVING = """
import atexit, os, signal
from gru_bench.training.signals import leave_at_once
atexit.register(os.kill, os.getpid(), signal.SIGINT)
leave_at_once(130)
"""


def test_ctrl_c_once_more_while_python_ends_shows_no_traceback():
    done = subprocess.run([sys.executable, "-c", LEAVING], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
