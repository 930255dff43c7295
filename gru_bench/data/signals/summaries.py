"""Baselines that see no order: the majority class, and logistic regression on summaries of each channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import evenly_spread
from gru_bench.data.signals.signals import LabelledSequences, Signals, join_signals

MOST_FITTED = 10_000  # sequences, to fit the linear model

_KNOWN: dict[tuple[str, int], NDArray[np.float64]] = {}


def majority(data: LabelledSequences) -> NDArray[np.float64]:
    """Return the share of each class in train for every test sequence, of shape (sequences, classes)."""
    shares = np.bincount(data.train.labels, minlength=len(data.form.classes)) / len(data.train)
    return np.tile(shares, (len(data.test), 1))


def regression(data: LabelledSequences, parts: int = 1) -> NDArray[np.float64]:
    """Return the probabilities of logistic regression for the test split, of shape (sequences, classes).

    It is fitted to the summaries of train, at most `MOST_FITTED` evenly spread sequences, and cached by the digest of
    the data, so that the runs of a sweep share it.

    Args:
        data: the sequences.
        parts: each sequence is cut into so many parts of equal length, which are summarised one by one.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known = str(data.facts["digest"]), parts
    if known not in _KNOWN:
        train = data.train
        if len(train) > MOST_FITTED:
            train = train.take(evenly_spread(len(train), MOST_FITTED))
        model: Any = make_pipeline(
            SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)
        )
        model.fit(_of_parts(train, parts), train.labels)
        probabilities = np.zeros((len(data.test), len(data.form.classes)))
        probabilities[:, model.classes_] = model.predict_proba(_of_parts(data.test, parts))
        _KNOWN[known] = probabilities
    return _KNOWN[known]


def _of_parts(signals: Signals, parts: int) -> NDArray[np.float64]:
    """Return the summaries of all parts, of shape (sequences, parts * 6 * channels)."""
    return summaries(cut(signals, parts)).reshape(len(signals), -1)


def cut(signals: Signals, parts: int) -> Signals:
    """Return the parts of each sequence, one after the other; in a sequence with fewer time steps some are the same."""
    if parts == 1:
        return signals
    values, places = [], range(parts)
    for number, steps in enumerate(signals.lengths.tolist()):
        starts = [place * steps // parts for place in places]
        ends = [max(starts[place] + 1, (place + 1) * steps // parts) for place in places]
        values += [signals[number][start:end] for start, end in zip(starts, ends, strict=True)]
    return join_signals(values, np.repeat(signals.labels, parts))


def summaries(signals: Signals) -> NDArray[np.float64]:
    """Return the summaries of sequences, of shape (sequences, 6 * channels).

    They are the last value, mean, deviation, minimum, maximum and count of the observed values of each channel; NaN
    where there are none.
    """
    values, starts = signals.values.astype(np.float64) * signals.scale, signals.starts[:-1]
    observed = ~np.isnan(values)
    count = np.add.reduceat(observed, starts, axis=0, dtype=np.int64)
    known = np.where(observed, values, 0)
    per = np.where(count > 0, count, np.nan)
    mean = np.add.reduceat(known, starts, axis=0) / per
    centred = np.where(observed, values - np.repeat(mean, signals.lengths, axis=0), 0)
    deviation = np.sqrt(np.add.reduceat(centred**2, starts, axis=0) / per)
    steps = np.arange(len(values))[:, None]
    latest = np.maximum.reduceat(np.where(observed, steps, -1), starts, axis=0)
    last = np.where(count > 0, np.take_along_axis(values, np.maximum(latest, 0), axis=0), np.nan)
    least = np.minimum.reduceat(np.where(observed, values, np.inf), starts, axis=0)
    most = np.maximum.reduceat(np.where(observed, values, -np.inf), starts, axis=0)
    parts = (last, mean, deviation, np.where(count > 0, least, np.nan), np.where(count > 0, most, np.nan), count)
    return np.hstack(parts)
