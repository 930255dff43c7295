"""Metrics of the updates of a run, and their pace."""

from __future__ import annotations

import math
import statistics
import time
from typing import Any, NamedTuple

import jax

from gru_bench.machine_load import SHARED_LOAD, LoadMeter


class Diverged(Exception):
    """The loss, the gradient or the validation metric of an update is NaN or infinite."""

    def __init__(self, update: int, name: str, value: float):
        self.update = update
        super().__init__(f"{name} is {value} at update {update}")


class Interval(NamedTuple):
    """The updates between two rows of the metrics file."""

    update: int
    loss: float
    gradient_norm: float
    clipped_share: float


class Meter:
    """Averages the metrics of updates into rows of the metrics file."""

    def __init__(self, every: int, clip_norm: float | None, unreported: list[list[float]]):
        """Start, with the `unreported` updates of an interrupted run."""
        self._every, self._clip_norm, self._unreported = every, clip_norm, unreported

    def add(self, update: int, loss: float, gradient_norm: float) -> Interval | None:
        """Note an update; return the interval that it completes, if any.

        Raises:
            Diverged: a value is not finite.
        """
        for name, value in (("loss", loss), ("gradient norm", gradient_norm)):
            if not math.isfinite(value):
                raise Diverged(update, name, value)
        self._unreported.append([loss, gradient_norm])
        return self._summarise(update) if update % self._every == 0 else None

    def _summarise(self, update: int) -> Interval:
        losses, norms = zip(*self._unreported, strict=True)
        limit = math.inf if self._clip_norm is None else self._clip_norm
        clipped = sum(norm > limit for norm in norms)
        self._unreported = []
        return Interval(update, statistics.fmean(losses), statistics.fmean(norms), clipped / len(norms))

    @property
    def unreported(self) -> list[list[float]]:
        """Loss and gradient norm of the updates since the last complete interval; for checkpoints."""
        return list(self._unreported)


class Stopwatch:
    """Times updates, compilation and evaluation left out, and the load that other processes put on the machine."""

    def __init__(self, seconds: float = 0.0, pace: list[list[float]] | None = None):
        """Continue with the seconds and the timed stretches of an interrupted run."""
        self.seconds = seconds
        self.pace = pace or []
        self._start: float | None = None
        self._updates, self._items = 0, 0.0
        self._load = LoadMeter()

    def start(self) -> None:
        """Begin a stretch of updates; the device must be idle."""
        self._start, self._updates, self._items = time.perf_counter(), 0, 0.0
        self._load.start()

    def add(self, updates: int, items: float) -> None:
        """Count updates and their items."""
        self._updates += updates
        self._items += items

    def leave_out(self, seconds: float) -> None:
        """Take seconds of something else, a compilation say, out of the stretch that is under way."""
        if self._start is not None:
            self._start += seconds

    @property
    def elapsed(self) -> float:
        """Seconds of updates so far."""
        return self.seconds + (0.0 if self._start is None else time.perf_counter() - self._start)

    @property
    def items_per_second(self) -> float:
        """The pace of the present stretch of updates, or of the last one where none is under way."""
        if self._start is None:
            return self.pace[-1][1] if self.pace else 0.0
        elapsed = self.elapsed - self.seconds
        return self._items / elapsed if elapsed > 0 else 0.0

    @property
    def seconds_per_update(self) -> float | None:
        """The pace of the present stretch of updates; None before the first one."""
        if self._start is None or not self._updates:
            return None
        return (self.elapsed - self.seconds) / self._updates

    def stop(self, carried: Any) -> None:
        """End the stretch when the device has computed `carried`."""
        if self._start is None:
            return
        jax.block_until_ready(carried)
        elapsed = time.perf_counter() - self._start
        self.seconds += elapsed
        if self._updates:
            self.pace.append([elapsed / self._updates, self._items / elapsed, self._load.stop(), elapsed])
        self._start = None

    def summary(self) -> dict[str, float | bool | None]:
        """Return medians over the stretches: seconds per update, items per second, cores used by others."""
        if not self.pace:
            return {"seconds_per_update": None, "items_per_second": None, "other_load": 0.0, "shared_machine": False}
        per_update, per_second, loads, lengths = zip(*self.pace, strict=True)
        load = sum(load * length for load, length in zip(loads, lengths, strict=True)) / sum(lengths)
        return {
            "seconds_per_update": statistics.median(per_update),
            "items_per_second": statistics.median(per_second),
            "other_load": round(load, 3),
            "shared_machine": load > SHARED_LOAD,
        }
