"""Means, intervals and paired differences over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over `count` seeds; `half_width` of its confidence interval is None where one value gives none."""

    mean: float
    half_width: float | None
    count: int

    @property
    def low(self) -> float | None:
        """Return the lower end of the interval."""
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """Return the upper end of the interval."""
        return None if self.half_width is None else self.mean + self.half_width

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of zero; False without an interval."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def mean_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """Return the mean and its Student t interval, mean ± t(n-1) s / sqrt(n), s with n - 1 in the denominator.

    Raises:
        ValueError: no values.
    """
    if not len(values):
        raise ValueError("mean_interval: expected at least one value, found none")
    array = np.asarray(values, dtype=np.float64)
    count = len(array)
    mean = float(array.mean())
    if count == 1:
        return Estimate(mean, None, 1)
    quantile = float(stdtrit(count - 1, 0.5 + confidence / 2))
    return Estimate(mean, quantile * float(array.std(ddof=1)) / count**0.5, count)


@dataclass(frozen=True)
class PairedDifference:
    """The differences first - second of one quantity, seed by seed, and their mean with its interval."""

    by_seed: Mapping[int, float]
    estimate: Estimate


def paired_difference(
    first: Mapping[int, float], second: Mapping[int, float], confidence: float = CONFIDENCE
) -> PairedDifference | None:
    """Return first - second over the seeds that both have, or None where they share none."""
    by_seed = {seed: float(first[seed]) - float(second[seed]) for seed in sorted(first.keys() & second.keys())}
    if not by_seed:
        return None
    return PairedDifference(by_seed, mean_interval(list(by_seed.values()), confidence))


def median(values: Sequence[float | None]) -> float | None:
    """Return the median of the known values, or None where none is known."""
    known = [float(value) for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(value: float | None, reference: float | None) -> float | None:
    """Return value / reference, or None where one is unknown or the reference is zero."""
    return value / reference if value is not None and reference else None
