"""Which settings of a search mattered: what a random forest can no longer say without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

TREES, FOLDS = 100, 5
FEWEST = 10
"""Trials below which no importance is given: each fold would predict one or two of them."""


class Importance(NamedTuple):
    """What settings explain.

    Attributes:
        explained: R² of the ranks of trials that the forest has not seen, one for each repetition; at most 1, and
            below 0 where it predicts worse than the mean rank.
        lost: by setting, how much of it goes where that setting's values are shuffled, one for each repetition.
    """

    explained: Float[np.ndarray, " repetitions"]
    lost: Mapping[str, Float[np.ndarray, " repetitions"]]


def importance(
    columns: Mapping[str, Sequence[float]], values: Sequence[float], *, repetitions: int = 10, seed: int = 0
) -> Importance:
    """Return the permutation importance of settings for the rank of a trial's value, on trials that are held out.

    A random forest learns the ranks of four fifths of the trials and predicts the rest; then once more with one column
    of the rest shuffled. Ranks, because a trial that went astray says no more than that it was bad. The trials are
    divided anew for each repetition, so the spread over repetitions is that of the method, not that of another search.
    Two settings that stand in for each other share their importance.

    Args:
        columns: the value of each trial by setting; logarithms where those are uniform, indices of choices.
        values: the validation value of each trial.
        repetitions: how many times the trials are divided.
        seed: of forests, folds and shuffles.

    References: Breiman 2001, Random Forests (permutation importance).

    Raises:
        ValueError: fewer trials than `FEWEST`, or a value that is not finite.
    """
    from scipy.stats import rankdata
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.model_selection import KFold

    inputs = np.column_stack([np.asarray(column, float) for column in columns.values()])
    if len(values) < FEWEST or not np.isfinite(values).all() or not np.isfinite(inputs).all():
        raise ValueError(f"importance: expected at least {FEWEST} trials and finite values, found {list(values)}")
    ranks = rankdata(values)
    explained, lost = np.empty(repetitions), np.empty((inputs.shape[1], repetitions))
    for repetition in range(repetitions):
        generator = np.random.default_rng([seed, repetition])
        predicted = np.empty((1 + inputs.shape[1], len(ranks)))
        for train, rest in KFold(FOLDS, shuffle=True, random_state=seed + repetition).split(inputs):
            forest = RandomForestRegressor(TREES, random_state=seed + repetition).fit(inputs[train], ranks[train])
            predicted[0, rest] = forest.predict(inputs[rest])
            for index in range(inputs.shape[1]):
                shuffled = inputs[rest].copy()
                shuffled[:, index] = generator.permutation(shuffled[:, index])
                predicted[1 + index, rest] = forest.predict(shuffled)
        scores = 1 - ((predicted - ranks) ** 2).sum(axis=1) / ((ranks - ranks.mean()) ** 2).sum()
        explained[repetition], lost[:, repetition] = scores[0], scores[0] - scores[1:]
    return Importance(explained, dict(zip(columns, lost, strict=True)))
