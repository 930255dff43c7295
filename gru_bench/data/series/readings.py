"""The rows of a series as a file or a generator gives them, before they are scaled and missing values are filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gru_bench.data.series.sampling import Step, Times, future
from gru_bench.data.series.scaling import Values


@dataclass(frozen=True)
class Readings:
    """What a file or a generator gives.

    Attributes:
        time: ascending, of shape (rows,), or None.
        values: in the columns' own units, NaN where missing, of shape (rows, targets).
        covariates: columns known in advance, NaN where missing, of shape (rows, covariates).
        zone: of the times, which then are in UTC; None: they are what clocks show where no zone is known.
    """

    time: Times | None
    values: Values
    covariates: Values
    zone: str | None = None

    def rows(self, rows: slice) -> Readings:
        """Return some of the rows."""
        time = None if self.time is None else self.time[rows]
        return replace(self, time=time, values=self.values[rows], covariates=self.covariates[rows])


def with_future(readings: Readings, step: Step | None, count: int) -> Readings:
    """Add `count` rows without values; those that are there already, with covariates, are kept.

    Args:
        readings: rows up to the last known value, and perhaps rows after it whose targets are all missing.
        step: the sampling step.
        count: rows after the last known value.
    """
    last = int(np.flatnonzero(~np.isnan(readings.values).all(axis=1))[-1])
    kept = readings.rows(slice(0, last + 1 + count))
    extra = last + 1 + count - len(kept.values)
    time = kept.time
    if time is not None and extra:
        time = np.concatenate([time, future(time, step or Step("time", 1), extra, readings.zone)])
    return Readings(
        time,
        np.concatenate([kept.values, np.full((extra, kept.values.shape[1]), np.nan)]),
        np.concatenate([kept.covariates, np.full((extra, kept.covariates.shape[1]), np.nan)]),
        readings.zone,
    )


def fill(values: Values, before: Sequence[float]) -> Values:
    """Replace each NaN by the last known value of its column above it.

    Args:
        values: of shape (rows, columns).
        before: what stands above the first row, of shape (columns,).
    """
    padded = np.concatenate([np.array(before, np.float64).reshape(1, -1), values])
    places = np.where(np.isnan(padded), 0, np.arange(len(padded))[:, None])
    return np.take_along_axis(padded, np.maximum.accumulate(places, axis=0), axis=0)[1:]
