"""The rows of a series before missing values are filled and values are scaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.series.sampling import Step, Times, future
from gru_bench.data.series.scaling import Values


@dataclass(frozen=True)
class Readings:
    """Rows of a series, as read from a file or generated.

    Attributes:
        time: ascending, of shape (rows,), or None.
        values: in the columns' own units, NaN where missing, of shape (rows, targets).
        covariates: columns known in advance, NaN where missing, of shape (rows, covariates).
        zone: of the times, which are then in UTC; None: times are those of the wall clock, without a known zone.
        lines: of the file, of shape (rows,), 0 for a step without a row; None: there is no file.
    """

    time: Times | None
    values: Values
    covariates: Values
    zone: str | None = None
    lines: NDArray[np.int64] | None = None

    def rows(self, rows: slice | NDArray[np.int64]) -> Readings:
        """Return some of the rows."""
        time, lines = (None if array is None else array[rows] for array in (self.time, self.lines))
        return replace(self, time=time, values=self.values[rows], covariates=self.covariates[rows], lines=lines)


def with_future(readings: Readings, step: Step | None, count: int) -> Readings:
    """Append rows without values up to `count` rows after the last known value; existing rows are kept.

    Args:
        readings: rows up to the last known value, possibly with later rows without targets.
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
        before: values before the first row, of shape (columns,).
    """
    padded = np.concatenate([np.array(before, np.float64).reshape(1, -1), values])
    places = np.where(np.isnan(padded), 0, np.arange(len(padded))[:, None])
    return np.take_along_axis(padded, np.maximum.accumulate(places, axis=0), axis=0)[1:]
