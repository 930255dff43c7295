"""Times to a target that some runs never reach.

A run that ends without having reached the target is censored: its time is known to be more than what it was given.
Leaving such runs out, or entering their budget as if they had arrived, favours the arm that fails more often.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float


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
