"""What a tuning budget buys."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def expected_best(values: Float[np.ndarray, " trials"], *, maximise: bool) -> Float[np.ndarray, " trials"]:
    """Return the expected best validation value of a random search of 1, 2, ... up to all its trials.

    Of n trials, ordered from worst to best, the i-th is the best of k of them drawn without replacement with chance

        C(i - 1, k - 1) / C(n, k)

    which gives the unbiased estimate (a U-statistic). Dodge et al. draw with replacement, (i/n)^k - ((i-1)/n)^k, which
    underestimates what the search would reach. Its last entry is the best trial: where k nears n, few subsets are
    left and the variance is large. Assumes independent trials from one search space (random search, not Optuna's
    guided one). A trial without a value is not to be left out: give it the worst value that the task can have.

    References: Dodge et al. 2019, Show your work, arXiv:1909.03004. Tang et al. 2020, Showing your work doesn't always
    work, arXiv:2004.13705 (the bias, and this form).

    Raises:
        ValueError: no trials, or a value that is not finite.
    """
    count = len(values)
    if not count or not np.isfinite(values).all():
        raise ValueError(f"expected_best: expected at least one trial and finite values, found {values.tolist()}")
    worst_first = np.sort(values) if maximise else np.sort(values)[::-1]
    chances = np.full(count, 1 / count)  # that the i-th is the best of k = 1
    expected = np.empty(count)
    for size in range(1, count + 1):
        expected[size - 1] = chances @ worst_first
        below = np.arange(count) - (size - 1)  # C(i - 1, k) = C(i - 1, k - 1) (i - k) / k, and so for C(n, k)
        chances = chances * np.maximum(below, 0) * ((size + 1) / (size * max(count - size, 1)))
    return expected
