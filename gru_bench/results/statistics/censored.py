"""Times to a target that some runs never reach.

A run that ends without having reached the target is censored: its time is known to be more than what it was given.
Leaving such runs out, or entering their budget as if they had arrived, favours the arm that fails more often.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float


class SurvivalCurve(NamedTuple):
    """The share of runs that have not reached the target, as steps: `share[i]` from `times[i]` until the next.

    Attributes:
        times: ascending, starting at 0.
        share: starts at 1, or lower where a run needs no time.
        known_until: the longest time at which a run was still looked at.
    """

    times: Float[np.ndarray, " steps"]
    share: Float[np.ndarray, " steps"]
    known_until: float


def kaplan_meier(times: Float[np.ndarray, " runs"], reached: Bool[np.ndarray, " runs"]) -> SurvivalCurve:
    """Return the Kaplan-Meier estimate of the share of runs that have not reached the target at a time.

    At each time the share is multiplied by 1 - arrivals / runs still under way; a run censored at that time is still
    under way. Assumes that when a run is censored says nothing of when it would have arrived, as where all runs
    have the same budget.

    Args:
        times: to the target where it was reached, else until the run ended; any unit
        reached: whether the run reached the target

    References: Kaplan and Meier 1958.

    Raises:
        ValueError: no runs, or a time that is negative or not finite.
    """
    _check(times)
    arrivals, arrived = np.unique(times[reached], return_counts=True)
    under_way = len(times) - np.searchsorted(np.sort(times), arrivals)
    share = np.cumprod(1 - arrived / under_way)
    if not len(arrivals) or arrivals[0] > 0:
        arrivals, share = np.append(0.0, arrivals), np.append(1.0, share)
    return SurvivalCurve(arrivals, share, float(times.max()))


def median_time(curve: SurvivalCurve) -> float | None:
    """Return the first time at which half of the runs have reached the target, or None where half never did."""
    below = np.flatnonzero(curve.share <= 0.5 + 1e-12)  # products of fractions such as 3/4 * 2/3 round
    return float(curve.times[below[0]]) if len(below) else None


def restricted_mean(curve: SurvivalCurve, limit: float) -> float:
    """Return the mean time until the target or `limit`, whichever comes first: the area under the curve up to it.

    References: Royston and Parmar 2013, Restricted mean survival time.

    Raises:
        ValueError: a limit beyond the longest time, where the curve is not known unless it has fallen to 0.
    """
    if limit > curve.known_until and curve.share[-1] > 0:
        raise ValueError(f"restricted_mean: expected a limit of at most {curve.known_until:g}, found {limit:g}")
    ends = np.append(curve.times[1:], np.inf)
    widths = np.clip(ends, None, limit) - np.clip(curve.times, None, limit)
    return float(widths @ curve.share)


def restricted_times(
    times: Float[np.ndarray, " runs"], reached: Bool[np.ndarray, " runs"], limit: float
) -> Float[np.ndarray, " runs"]:
    """Return min(time to the target, limit) of each run: what paired comparisons of censored times are made on.

    With one limit for both arms, fixed beforehand and no longer than any budget, this is known for every run, whether
    or not it ever reached the target. The paired statistics of this package then apply as they are, without a model of
    censoring, and the pairing by seed is kept, which a log-rank test would lose. `mean_difference` estimates the
    difference of restricted means; `probability_better`, with the sign turned, how often the first arm arrives earlier,
    a pair in which neither arrives being a tie. The estimand depends on the limit: state it. A run that fails counts as
    if it arrived at the limit, so a pair's difference or ratio is never further from none than that of the full times.

    Raises:
        ValueError: a run that ended before the limit without having reached the target, of which nothing is known
            after its end; no runs; a time that is negative or not finite.
    """
    _check(times)
    unknown = ~reached & (times < limit)
    if unknown.any():
        raise ValueError(
            f"restricted_times: expected runs without the target to last until the limit {limit:g}, "
            f"found ends at {times[unknown].tolist()}"
        )
    return np.minimum(times, limit)


def _check(times: Float[np.ndarray, " runs"]) -> None:
    if not len(times) or not (np.isfinite(times) & (times >= 0)).all():
        raise ValueError(f"expected at least one time, none negative and all finite, found {times.tolist()}")
