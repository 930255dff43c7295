from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from gru_bench.training.signals import Interrupted, SignalWatch


@pytest.fixture(autouse=True)
def heard() -> Iterator[list[int]]:
    """Signals that reach the handlers that were there before the watch."""
    numbers: list[int] = []
    before = {number: signal.signal(number, lambda found, _: numbers.append(found)) for number in WATCHED}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


WATCHED = (signal.SIGINT, signal.SIGTERM)


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
