"""Baselines of music: the frequency of each key, and its probability given the previous frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.pieces.pieces import KEYS, Roll

Predictor = Callable[[NDArray[np.bool_]], NDArray[np.float64]]
"""From the previous frames, of shape (steps, 88), to the probability of each key."""


def key_frequency(train: Sequence[Roll]) -> Predictor:
    """Predict each key with its frequency in train, independent of the previous frame."""
    steps = sum(map(len, train))
    share = (np.sum([roll.sum(axis=0, dtype=np.int64) for roll in train], axis=0) + 1) / (steps + 2)
    return lambda before: np.broadcast_to(share, before.shape)


def last_frame(train: Sequence[Roll]) -> Predictor:
    """Predict each key with its frequency in train after a frame with, or without, this key."""
    steps, sounding = np.zeros((2, KEYS), np.int64), np.zeros((2, KEYS), np.int64)
    for roll in train:
        before = _before(roll)
        for state in (0, 1):
            steps[state] += (before == state).sum(axis=0)
            sounding[state] += ((before == state) & (roll == 1)).sum(axis=0)
    share = (sounding + 1) / (steps + 2)
    return lambda before: np.where(before, share[1], share[0])


def score(rolls: Sequence[Roll], predict: Predictor) -> dict[str, float]:
    """Return nll per time step, over all frames and over all but the first of each piece, in nats."""
    nll, first, steps = 0.0, 0.0, 0
    for roll in rolls:
        probability = predict(_before(roll))
        per_step = -np.log(np.where(roll == 1, probability, 1 - probability)).sum(axis=1)
        nll, first, steps = nll + per_step.sum(), first + per_step[0], steps + len(roll)
    return {"nll": float(nll / steps), "nll_after_first": float((nll - first) / (steps - len(rolls)))}


def _before(roll: Roll) -> NDArray[np.bool_]:
    return np.concatenate([np.zeros((1, KEYS), bool), roll[:-1].astype(bool)])
