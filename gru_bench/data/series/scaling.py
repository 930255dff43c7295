"""Scaling of the columns of a series by statistics of the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import DataError

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each column over the known values of the training rows; 1 for a constant one."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fit(cls, values: Values, names: Sequence[str]) -> Scaler:
        """Compute mean and deviation of the columns of `values`, ignoring NaN.

        Raises:
            DataError: a column has no value.
        """
        known = ~np.isnan(values)
        for name, column in zip(names, known.T, strict=True):
            if not column.any():
                raise DataError(
                    f"column {name!r} has no value in the {len(values):,} training rows, expected at least one. Leave "
                    "it out (data.targets=, data.covariates=) or change the size of the splits."
                )
        count = known.sum(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.where(known, values, 0.0).sum(axis=0) / count
            variance = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count
        for name, spread in zip(names, variance, strict=True):
            if not np.isfinite(spread):
                raise DataError(f"column {name!r}: the values are too large to be squared. Give them in other units.")
        constant = np.array([np.ptp(column[seen]) == 0 for column, seen in zip(values.T, known.T, strict=True)], bool)
        deviation = np.where(constant | (variance == 0), 1.0, np.sqrt(variance))
        return cls(tuple(map(float, mean)), tuple(map(float, deviation)))

    def scale(self, values: Values) -> Values:
        """Return values in standard deviations from the mean."""
        return (values - np.array(self.mean)) / np.array(self.deviation)

    def unscale(self, values: Values) -> Values:
        """Return scaled values in the columns' own units."""
        return values * np.array(self.deviation) + np.array(self.mean)
