"""Time several implementations in turn, so that disturbances of the machine affect all of them alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from gru_bench.measure.layer import Prepared

K = TypeVar("K", bound=Hashable)

LEAST_ROUNDS = 5
SHORT = 0.05  # seconds; shorter work first runs once untimed, to warm the caches


def interleave(layers: Mapping[K, Prepared], rounds: int, seconds: float) -> dict[K, list[float]]:
    """Return the seconds of each round per layer; see `in_turn`.

    Args:
        layers: what to time, by name.
        rounds: maximum number of rounds.
        seconds: time limit for starting a round, once `LEAST_ROUNDS` are done.
    """
    for layer in layers.values():
        layer.run()
    return in_turn({name: _timer(layer) for name, layer in layers.items()}, rounds, seconds)


def in_turn(timers: Mapping[K, Callable[[], float]], rounds: int, seconds: float = math.inf) -> dict[K, list[float]]:
    """Return the seconds of each timer in each round.

    Every round calls each timer once, and starts with another one.

    Args:
        timers: each does its work once and returns the seconds it took.
        rounds: maximum number of rounds.
        seconds: time limit for starting a round, once `LEAST_ROUNDS` are done.
    """
    times: dict[K, list[float]] = {name: [] for name in timers}
    names = list(timers)
    start = time.perf_counter()
    for number in range(rounds):
        if number >= LEAST_ROUNDS and time.perf_counter() - start > seconds:
            break
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            times[name].append(timers[name]())
    return times


def _timer(layer: Prepared) -> Callable[[], float]:
    last = 0.0

    def timed() -> float:
        nonlocal last
        if last * layer.calls < SHORT:
            layer.run()
        begun = time.perf_counter()
        layer.run()
        last = (time.perf_counter() - begun) / layer.calls
        return last

    return timed
