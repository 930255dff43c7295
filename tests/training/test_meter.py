from __future__ import annotations

import math
from types import SimpleNamespace

import jax.numpy as jnp
import pytest

from gru_bench import machine_load
from gru_bench.training import meter as module
from gru_bench.training.meter import Diverged, Interval, Meter, Stopwatch

pytestmark = pytest.mark.usefixtures("strict")


def fill(meter: Meter, first: int, last: int) -> list[Interval]:
    """Note updates with loss = number and norm = number / 10; return the intervals that are complete."""
    found = [meter.add(number, float(number), number / 10) for number in range(first, last + 1)]
    return [interval for interval in found if interval is not None]


def test_updates_are_gathered_in_intervals():
    meter = Meter(3, 0.25, [])
    first, second = fill(meter, 1, 7)
    assert (first.update, first.loss) == (3, 2.0)
    assert first.gradient_norm == pytest.approx(0.2)
    assert first.clipped_share == pytest.approx(1 / 3)
    assert (second.update, second.loss, second.clipped_share) == (6, 5.0, 1.0)
    assert meter.unreported == [[7.0, pytest.approx(0.7)]]


def test_without_clipping_nothing_is_clipped():
    assert {row.clipped_share for row in fill(Meter(2, None, []), 1, 6)} == {0.0}


def test_an_interval_goes_on_where_an_interrupted_run_left_it():
    whole, before = Meter(5, 0.25, []), Meter(5, 0.25, [])
    assert fill(before, 1, 3) == []
    after = Meter(5, 0.25, before.unreported)
    assert fill(after, 4, 5) == fill(whole, 1, 5)
    assert after.unreported == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((math.nan, 1.0), "loss is nan at update 5"),
        ((math.inf, 1.0), "loss is inf at update 5"),
        ((1.0, math.nan), "gradient norm is nan at update 5"),
        ((1.0, -math.inf), "gradient norm is -inf at update 5"),
    ],
)
def test_an_update_that_is_not_finite_is_named(values: tuple[float, float], message: str):
    meter = Meter(3, 1.0, [])
    fill(meter, 1, 4)
    with pytest.raises(Diverged, match=f"^{message}$") as caught:
        meter.add(5, *values)
    assert caught.value.update == 5
    assert len(meter.unreported) == 1


class Clock:
    """A clock that stands still unless told, and a machine whose load is known."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = self.system = self.own = 0.0
        for name in (module, machine_load):
            monkeypatch.setattr(name, "time", SimpleNamespace(perf_counter=lambda: self.now))
        monkeypatch.setattr(machine_load, "_system_busy", lambda: self.system)
        monkeypatch.setattr(machine_load, "_own_busy", lambda: self.own)

    def advance(self, seconds: float, own: float = 0.0, others: float = 0.0) -> None:
        self.now += seconds
        self.own += own
        self.system += own + others


def test_a_stopwatch_times_stretches_of_updates_alone(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    watch = Stopwatch()
    assert watch.summary()["seconds_per_update"] is None
    assert watch.items_per_second == 0.0
    for seconds in (2.0, 4.0, 3.0):
        clock.advance(100.0)  # evaluation: nobody counts
        watch.start()
        assert watch.seconds_per_update is None
        clock.advance(seconds, own=seconds)
        watch.add(2, 200.0)
        assert watch.items_per_second == pytest.approx(200 / seconds)
        assert watch.seconds_per_update == pytest.approx(seconds / 2)
        watch.stop(jnp.zeros(3))
        watch.stop(jnp.zeros(3))
    assert watch.elapsed == watch.seconds == 9.0
    summary = watch.summary()
    assert summary == {
        "seconds_per_update": 1.5,
        "items_per_second": pytest.approx(200 / 3),
        "other_load": 0.0,
        "shared_machine": False,
    }
    assert watch.items_per_second == pytest.approx(200 / 3)


def test_a_compilation_is_left_out_of_its_stretch(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    watch = Stopwatch()
    watch.start()
    clock.advance(1.0)
    watch.add(1, 10.0)
    clock.advance(50.0)
    watch.leave_out(50.0)
    clock.advance(1.0)
    watch.add(1, 10.0)
    watch.stop(jnp.zeros(()))
    assert watch.seconds == 2.0
    assert watch.summary()["seconds_per_update"] == 1.0
    watch.leave_out(50.0)  # between stretches nobody counts anyway
    watch.start()
    clock.advance(1.0)
    watch.stop(jnp.zeros(()))  # a stretch without updates is time, but no pace
    assert watch.seconds == 3.0
    assert len(watch.pace) == 1


def test_the_load_of_others_is_weighed_by_time(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    watch = Stopwatch()
    for seconds, others in ((1.0, 1.0), (9.0, 0.0)):
        watch.start()
        clock.advance(seconds, own=2 * seconds, others=others)
        watch.add(1, 1.0)
        watch.stop(jnp.zeros(()))
    assert watch.summary()["other_load"] == 0.1
    assert watch.summary()["shared_machine"] is False
    watch.start()
    clock.advance(10.0, own=5.0, others=10.0)
    watch.add(1, 1.0)
    watch.stop(jnp.zeros(()))
    assert watch.summary()["other_load"] == 0.55
    assert watch.summary()["shared_machine"] is True


def test_a_stopwatch_goes_on_after_an_interruption(monkeypatch: pytest.MonkeyPatch):
    clock = Clock(monkeypatch)
    watch = Stopwatch(30.0, [[0.5, 200.0, 0.0, 30.0]])
    assert watch.elapsed == 30.0
    watch.start()
    clock.advance(10.0)
    watch.add(1, 100.0)
    watch.stop(jnp.zeros(()))
    assert watch.elapsed == 40.0
    assert watch.summary()["seconds_per_update"] == 5.25
