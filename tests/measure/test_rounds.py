from __future__ import annotations

from types import SimpleNamespace

import pytest

from gru_bench.measure import rounds as module
from gru_bench.measure.layer import Prepared
from gru_bench.measure.rounds import LEAST_ROUNDS, in_turn, interleave


class Clock:
    """A clock that only work moves; it notes who worked when."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now, self.seen = 0.0, ""
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: self.now))

    def work(self, name: str, seconds: float, calls: int = 1) -> Prepared:
        def run() -> None:
            self.now += seconds
            self.seen += name

        return Prepared(run=run, kernel="", parameter_bytes=0, calls=calls)


def test_rounds_begin_with_another_one_each_time(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    found = interleave({name: clock.work(name, 1.0) for name in "abc"}, rounds=6, seconds=100.0)
    warm_up, first = "abc", "aabbcc"
    assert clock.seen == warm_up + first + "bca" + "cab" + "abc" + "bca" + "cab"
    assert found == {name: [1.0] * 6 for name in "abc"}


def test_short_work_is_warmed_up_before_each_timing(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    interleave({"a": clock.work("a", 1e-3), "b": clock.work("b", 1.0)}, rounds=5, seconds=100.0)
    assert clock.seen == "ab" + "aabb" + "baa" + "aab" + "baa" + "aab"


def test_time_ends_the_rounds_but_not_before_the_least(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    assert len(interleave({"a": clock.work("a", 1.0)}, rounds=30, seconds=0.1)["a"]) == LEAST_ROUNDS
    assert len(interleave({"a": clock.work("a", 1.0)}, rounds=30, seconds=11.5)["a"]) == 11
    assert len(interleave({"a": clock.work("a", 1.0)}, rounds=30, seconds=1000.0)["a"]) == 30


def test_a_time_is_that_of_one_call(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    assert interleave({"a": clock.work("a", 1.0, calls=100)}, rounds=5, seconds=1.0) == {"a": [0.01] * 5}


def test_timers_take_turns_and_their_word_counts():
    called: list[str] = []

    def timer(name: str, seconds: float) -> float:
        called.append(name)
        return seconds

    found = in_turn({"a": lambda: timer("a", 1.0), "b": lambda: timer("b", 2.0)}, rounds=3)
    assert "".join(called) == "ab" + "ba" + "ab"
    assert found == {"a": [1.0] * 3, "b": [2.0] * 3}
