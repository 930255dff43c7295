"""Times several things in turn, so that whatever disturbs the machine disturbs all of them."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from typing import TypeVar

from gru_bench.measure.layer import Prepared

K = TypeVar("K", bound=Hashable)

LEAST_ROUNDS = 5
SHORT = 0.05  # seconds; shorter work runs once untimed before it is timed, to find the caches as it leaves them


def interleave(layers: Mapping[K, Prepared], rounds: int, seconds: float) -> dict[K, list[float]]:
    """Return the seconds of each round per layer.

    Every round times each layer once; each round starts with another one.

    Args:
        layers: what to time, by name.
        rounds: rounds at most.
        seconds: no round begins after so many, once `LEAST_ROUNDS` are done.
    """
    found: dict[K, list[float]] = {name: [] for name in layers}
    for layer in layers.values():
        layer.run()
    names = list(layers)
    start = time.perf_counter()
    for number in range(rounds):
        if number >= LEAST_ROUNDS and time.perf_counter() - start > seconds:
            break
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            layer = layers[name]
            if not found[name] or found[name][-1] * layer.calls < SHORT:
                layer.run()
            begun = time.perf_counter()
            layer.run()
            found[name].append((time.perf_counter() - begun) / layer.calls)
    return found
