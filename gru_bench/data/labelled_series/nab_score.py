"""The score of the Numenta Anomaly Benchmark: early detection is worth more, each false alarm costs.

In a window only the earliest flagged row counts, from 1 at its start down to 0 at its end; a missed window costs.
Each flagged row outside costs a share of the false-alarm weight that grows with the distance from the window before it.
A detector without flags gets 0, a perfect one 100. One threshold serves all series; it is the one with the greatest
score, found on the scored rows themselves: the rule of the benchmark, no threshold that could be known beforehand.

References: Lavin & Ahmad 2015, arXiv:1510.03336; its published program decides details.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.labelled_series.labelled_series import Labels, windows

Values = NDArray[np.float64]

EARLIEST = 2 / (1 + math.exp(-5)) - 1  # of a row at the start of a window, whose worth is 1
FAR = 3.0  # window lengths after a window, from which on a false alarm has its whole cost


class Profile(NamedTuple):
    """The costs of a false alarm and of a missed window; a detected one is worth at most 1."""

    false_alarm: float
    missed: float


PROFILES = {
    "nab_standard": Profile(0.11, 1.0),
    "nab_low_fp": Profile(0.22, 1.0),
    "nab_low_fn": Profile(0.11, 2.0),
}


def nab_scores(anomalous: Sequence[Labels], scores: Sequence[Values]) -> dict[str, float]:
    """Return the normalised score of each profile; nothing without a window.

    Args:
        anomalous: the labels of the scored rows of each series.
        scores: their scores, on one scale.
    """
    count = sum(len(windows(labels)) for labels in anomalous)
    if not count:
        return {}
    order = np.argsort(-np.concatenate(scores), kind="stable")
    sorted_scores = np.concatenate(scores)[order]
    last = np.append(np.flatnonzero(np.diff(sorted_scores)), len(order) - 1)  # of the rows that share a score
    result = {}
    for name, profile in PROFILES.items():
        gains = np.concatenate([_gains(*pair, profile) for pair in zip(anomalous, scores, strict=True)])[order]
        nothing = -profile.missed * count
        best = max(nothing, float((nothing + np.cumsum(gains))[last].max()))
        result[name] = 100 * (best - nothing) / (count - nothing)
    return result


def _gains(anomalous: Labels, scores: Values, profile: Profile) -> Values:
    """Return what each row adds when all rows of greater scores are flagged already."""
    gains = np.empty(len(scores))
    runs = windows(anomalous)
    outside = np.flatnonzero(~anomalous)
    distance = np.full(len(scores), FAR)
    for start, end in runs:  # later windows overwrite: the one before a row counts
        width = max(end - start - 1, 1)
        distance[end:] = (np.arange(end, len(scores)) - (end - 1)) / width
    gains[outside] = profile.false_alarm * np.where(distance >= FAR, -1.0, _sigmoid(distance))[outside]
    for start, end in runs:
        worth = _sigmoid((np.arange(start, end) - end) / (end - start)) / EARLIEST
        order = np.argsort(-scores[start:end], kind="stable")
        reached = np.maximum.accumulate(np.concatenate([[-profile.missed], worth[order]]))
        gains[start + order] = np.diff(reached)
    return gains


def _sigmoid(position: Values) -> Values:
    """Return 2 / (1 + exp(5 x)) - 1 of positions in window lengths after the end of a window."""
    return 2 / (1 + np.exp(5 * position)) - 1
