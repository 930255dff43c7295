"""Several tasks at once: correction for their number, and one robust mean over them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from gru_bench.results.statistics.paired import RESAMPLES, Interval
from gru_bench.results.statistics.summary import CONFIDENCE


def holm(p_values: Float[np.ndarray, " tests"]) -> Float[np.ndarray, " tests"]:
    """Return Holm's adjusted p-values: rejecting those up to α makes any false rejection at most as probable as α.

    The smallest of k is multiplied by k, the next by k - 1, and so on; none is less than one before it, none above 1.
    Holds under any dependence between the tests.

    References: Holm 1979, A simple sequentially rejective multiple test procedure.

    Raises:
        ValueError: a value outside [0, 1].
    """
    if not ((p_values >= 0) & (p_values <= 1)).all():
        raise ValueError(f"holm: expected p-values between 0 and 1, found {p_values.tolist()}")
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return adjusted


def interquartile_mean(tasks: Sequence[Float[np.ndarray, " _seeds"]]) -> float:
    """Return the mean of the middle half of all runs of all tasks (IQM), each task with the same weight.

    The scores must be on one scale that makes sense across tasks, such as log ratios. With equally many seeds per task,
    and a number of runs that 4 divides, it is `scipy.stats.trim_mean(scores, 0.25)`; elsewhere the quarters are cut
    exactly, runs at the cut counting in part, where trim_mean rounds the quarter down to whole runs.

    References: Agarwal et al. 2021, Deep RL at the edge of the statistical precipice, arXiv:2108.13264.

    Raises:
        ValueError: no tasks, a task without scores, or a score that is not finite.
    """
    scores, weights = _joined(tasks)
    return float(_weighted_iqm(scores[None], weights[None])[0])


def interquartile_mean_interval(
    tasks: Sequence[Float[np.ndarray, " _seeds"]],
    generator: np.random.Generator,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> Interval:
    """Return the IQM over tasks and its stratified percentile bootstrap interval.

    Seeds are drawn with replacement within each task; the tasks are fixed, so that the interval speaks of these tasks
    and not of others. Count is the number of runs. Reference and errors are those of `interquartile_mean`.
    """
    scores, weights = _joined(tasks)
    drawn = [task[generator.integers(0, len(task), (resamples, len(task)))] for task in tasks]
    estimates = _weighted_iqm(np.concatenate(drawn, axis=1), np.broadcast_to(weights, (resamples, len(weights))))
    low, high = np.quantile(estimates, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Interval(float(_weighted_iqm(scores[None], weights[None])[0]), float(low), float(high), len(scores))


def _joined(
    tasks: Sequence[Float[np.ndarray, " _seeds"]],
) -> tuple[Float[np.ndarray, " runs"], Float[np.ndarray, " runs"]]:
    """Return the scores of all tasks and their weights, which sum to 1."""
    if not tasks or not all(len(task) and np.isfinite(task).all() for task in tasks):
        raise ValueError(f"expected tasks with finite scores, found {[task.tolist() for task in tasks]}")
    weights = [np.full(len(task), 1 / len(tasks) / len(task)) for task in tasks]
    return np.concatenate(tasks), np.concatenate(weights)


def _weighted_iqm(
    scores: Float[np.ndarray, "resamples runs"], weights: Float[np.ndarray, "resamples runs"]
) -> Float[np.ndarray, " resamples"]:
    order = np.argsort(scores, axis=1)
    weights = np.take_along_axis(weights, order, axis=1)
    ends = np.clip(np.cumsum(weights, axis=1), 0.25, 0.75)
    kept = np.diff(ends, axis=1, prepend=0.25)
    return (np.take_along_axis(scores, order, axis=1) * kept).sum(axis=1) / kept.sum(axis=1)
