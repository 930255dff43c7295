"""Importance of the settings of a search: permutation importance in a random forest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

TREES, FOLDS = 100, 5
FEWEST = 10
"""Minimum number of trials: with fewer, each fold would predict only one or two."""


class Importance(NamedTuple):
    """Importance of settings.

    Attributes:
        explained: R² of the ranks of held-out trials, one per repetition; at most 1, and
            below 0 if the forest predicts worse than the mean rank.
        lost: by setting, the decrease of R² when the values of that setting are shuffled, one per repetition.
    """

    explained: Float[np.ndarray, " repetitions"]
    lost: Mapping[str, Float[np.ndarray, " repetitions"]]


def importance(
    columns: Mapping[str, Sequence[float]], values: Sequence[float], *, repetitions: int = 10, seed: int = 0
) -> Importance:
    """Return the permutation importance of settings for the rank of a trial's value, on held-out trials.

    A random forest is fitted to the ranks of four fifths of the trials and predicts the rest, first as they are, then
    with one column shuffled. Ranks limit the influence of trials with extremely bad values. Each repetition uses a new
    division of the trials, so the spread over repetitions is that of the method, not that of another search.
    Two interchangeable settings share their importance.

    Args:
        columns: the value of each trial by setting; logarithms for log-uniform settings, indices for choices.
        values: the validation value of each trial.
        repetitions: number of random divisions of the trials.
        seed: seed of forests, folds and permutations.

    References: Breiman 2001, Random Forests (permutation importance).

    Raises:
        ValueError: fewer trials than `FEWEST`, or a non-finite value.
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
