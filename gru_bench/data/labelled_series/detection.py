"""Metrics of anomaly scores, row by row: without point adjustment, which a random score beats (docs/anomaly.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.labelled_series.labelled_series import Labels, windows
from gru_bench.data.labelled_series.nab_score import nab_scores
from gru_bench.data.labelled_series.scores import Scorer, ranks

Scores = NDArray[np.float64]


def average_precision(anomalous: Labels, scores: Scores) -> float:
    """Return the area under the precision-recall curve as a sum of steps; rows of equal score are one step."""
    hits, alarms = _curve(anomalous, scores)
    recall = np.diff(hits, prepend=0) / hits[-1]
    return float((recall * hits / (hits + alarms)).sum())


def auroc(anomalous: Labels, scores: Scores) -> float:
    """Return the probability that an anomalous row scores above a normal one; a tie counts half."""
    hits, alarms = (np.concatenate([[0], counts]) for counts in _curve(anomalous, scores))
    return float(np.trapezoid(hits / hits[-1], alarms / alarms[-1]))


def delay(anomalous: Labels, scores: Scores, false_alarms: float) -> tuple[float, float]:
    """Return how soon windows are detected at a fixed false-alarm rate.

    The threshold is the lowest one above which at most a share `false_alarms` of the normal rows lies.

    Returns:
        The rows from the start of a window to its first row above the threshold, mean over windows, where a window
        without one counts with its length; and the share of windows with one.
    """
    threshold = np.quantile(scores[~anomalous], 1 - false_alarms, method="higher")
    above = [scores[start:end] > threshold for start, end in windows(anomalous)]
    rows = [int(flags.argmax()) if flags.any() else len(flags) for flags in above]
    return float(np.mean(rows)), float(np.mean([flags.any() for flags in above]))


def detection_metrics(anomalous: Labels, scores: Scores, threshold: float, false_alarms: float) -> dict[str, float]:
    """Return the metrics of one series; without both kinds of rows, only the share of flagged ones.

    Args:
        anomalous: the labels.
        scores: the scores.
        threshold: of training, above which a row is flagged.
        false_alarms: the fixed false-alarm rate at which the delay is measured.

    Returns:
        `average_precision`, `auroc`; `delay` in rows and share of `detected` windows at the fixed false-alarm rate;
        at the threshold of training `flagged`, the share of all rows, and `false_alarms`, that of normal rows.
    """
    flagged = scores > threshold
    metrics = {"flagged": float(flagged.mean())}
    if not anomalous.any() or anomalous.all():
        return metrics
    rows, detected = delay(anomalous, scores, false_alarms)
    return {
        "average_precision": average_precision(anomalous, scores),
        "auroc": auroc(anomalous, scores),
        "delay": rows,
        "detected": detected,
        **metrics,
        "false_alarms": float(flagged[~anomalous].mean()),
    }


def metrics_of_all(
    anomalous: Sequence[Labels],
    scores: Sequence[Scores],
    scorers: Sequence[Scorer],
    false_alarms: float,
    *,
    nab_score: bool = False,
) -> dict[str, float]:
    """Return the mean metrics of several series, and the NAB score of all of them if wanted.

    For the latter a score is ranked among all earlier ones of its series, so that one threshold can serve all.
    """
    rows = [
        detection_metrics(labels, one, scorer.threshold, false_alarms)
        for labels, one, scorer in zip(anomalous, scores, scorers, strict=True)
    ]
    metrics = mean_metrics(rows)
    if nab_score:
        ranked = [ranks(one, scorer.of_training) for one, scorer in zip(scores, scorers, strict=True)]
        metrics |= nab_scores(anomalous, ranked)
    return metrics


def mean_metrics(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each metric over the series that have it."""
    names = dict.fromkeys(name for row in metrics for name in row)
    return {name: float(np.mean([row[name] for row in metrics if name in row])) for name in names}


def _curve(anomalous: Labels, scores: Scores) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many anomalous and normal rows score at least each distinct score, from the greatest on."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(anomalous[order].astype(np.int64))[last]
    return hits, last + 1 - hits
