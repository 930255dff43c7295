"""How far apart two arms are over paired seeds: differences, ratios, wins and effect size, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln, ndtr, ndtri, stdtrit

from gru_bench.results.statistics.summary import CONFIDENCE

RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """An estimate from `count` values and the ends of its confidence interval, in the unit of the values."""

    value: float
    low: float
    high: float
    count: int


def mean_difference(
    differences: Float[np.ndarray, " pairs"],
    generator: np.random.Generator,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the mean of paired differences and its bootstrap interval.

    Pairs are drawn with replacement. The interval lies between percentiles of the resampled means, at the expanded
    level Φ(-sqrt(n / (n - 1)) t(n - 1)) per side. The expansion undoes the two reasons for which a bootstrap of few
    values is too narrow: its variance divides by n, and it takes normal quantiles for Student's. Percentiles and not
    BCa: between paired arms skewness cancels and heavy tails stay, and BCa takes a far value for skewness.

    Assumes independent pairs. No bootstrap of n values leaves their range: at n = 5 it misses more often than it says
    (docs/statistics.md has the measured coverage). Equal values give an interval without width.

    References: Hesterberg 2015, What teachers should know about the bootstrap, arXiv:1411.5279 (expanded percentiles).

    Raises:
        ValueError: fewer than two pairs, or a value that is not finite.
    """
    values = _checked(differences, "mean_difference")
    count = len(values)
    means = values[generator.integers(0, count, (resamples, count))].mean(axis=1)
    reach = math.sqrt(count / (count - 1)) * stdtrit(count - 1, 0.5 + confidence / 2)
    low, high = np.quantile(means, ndtr([-reach, reach]))
    return Interval(float(values.mean()), float(low), float(high), count)


def log_ratios(first: Float[np.ndarray, " pairs"], second: Float[np.ndarray, " pairs"]) -> Float[np.ndarray, " pairs"]:
    """Return log(first / second) pair by pair: the scale on which ratios are averaged and tested.

    Raises:
        ValueError: a value that is not positive and finite.
    """
    for values in (first, second):
        if not (np.isfinite(values) & (values > 0)).all():
            raise ValueError(f"log_ratios: expected positive finite values, found {values.tolist()}")
    return np.log(first) - np.log(second)


def mean_ratio(
    first: Float[np.ndarray, " pairs"],
    second: Float[np.ndarray, " pairs"],
    generator: np.random.Generator,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the geometric mean of the paired ratios first / second, and its bootstrap interval.

    It is exp of `mean_difference` of the log ratios, so that exchanging the arms inverts the mean, and 2 and 1/2
    average to 1.

    References: Fleming and Wallace 1986, How not to lie with statistics (why the geometric mean).

    Raises:
        ValueError: fewer than two pairs, or a value that is not positive and finite.
    """
    found = mean_difference(log_ratios(first, second), generator, confidence=confidence, resamples=resamples)
    return Interval(math.exp(found.value), math.exp(found.low), math.exp(found.high), found.count)


def probability_better(differences: Float[np.ndarray, " pairs"], *, confidence: float = CONFIDENCE) -> Interval:
    """Return how probable it is that the first arm wins a pair, ties counted half, and its Wilson interval.

    Differences are oriented so that above zero the first arm is better. Wilson's interval keeps a width where the same
    arm wins every pair; a bootstrap of five wins out of five would say [1, 1]. Assumes independent pairs; counting a
    tie as half a win and half a loss overstates the variance, so that ties widen the interval.

    References: Wilson 1927. Bouthillier et al. 2021, arXiv:2103.03098 (the probability of outperforming as what to
    estimate).

    Raises:
        ValueError: no pairs, or a value that is NaN.
    """
    count = len(differences)
    if not count or np.isnan(differences).any():
        raise ValueError(f"probability_better: expected at least one pair without NaN, found {differences.tolist()}")
    wins = float((differences > 0).mean() + (differences == 0).mean() / 2)
    spread = float(ndtri(0.5 + confidence / 2)) ** 2 / count
    middle = (wins + spread / 2) / (1 + spread)
    half_width = math.sqrt(spread * wins * (1 - wins) + spread**2 / 4) / (1 + spread)
    return Interval(wins, max(0.0, middle - half_width), min(1.0, middle + half_width), count)


def effect_size(differences: Float[np.ndarray, " pairs"]) -> float | None:
    """Return the standardised mean difference of pairs, d_z = mean / s, times Hedges' small-sample correction.

    s has n - 1 in the denominator; the correction is Γ(m / 2) / (sqrt(m / 2) Γ((m - 1) / 2)) with m = n - 1, which
    makes the estimate unbiased for independent normal differences. It is 0 at n = 2, where d_z has no mean.

    Returns: None where all differences are equal and d_z is not defined.

    References: Hedges 1981. Lakens 2013, doi:10.3389/fpsyg.2013.00863.

    Raises:
        ValueError: fewer than two pairs, or a value that is not finite.
    """
    values = _checked(differences, "effect_size")
    mean, deviation = mean_and_deviation(values)
    if not deviation:
        return None
    freedom = len(values) - 1
    if freedom == 1:
        return 0.0
    correction = math.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / math.sqrt(freedom / 2)
    return correction * mean / deviation


def mean_and_deviation(values: Float[np.ndarray, " pairs"]) -> tuple[float, float]:
    """Return the mean and the standard deviation (n - 1 in its denominator), exact where all values are equal."""
    if (values == values[0]).all():
        return float(values[0]), 0.0
    return float(values.mean()), float(values.std(ddof=1))


def _checked(differences: Float[np.ndarray, " pairs"], name: str) -> Float[np.ndarray, " pairs"]:
    if len(differences) < 2 or not np.isfinite(differences).all():
        raise ValueError(f"{name}: expected at least two finite paired values, found {differences.tolist()}")
    return differences
