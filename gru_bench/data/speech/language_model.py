"""A language model of transcripts that costs nothing to train: interpolated n-grams of characters or words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

BEGIN = 0  # the unit before the first one of a transcript


class NGrams:
    """Probabilities of the next unit after the last `order` - 1 ones.

    p(u | h) = (c(h u) + m(h) p(u | h')) / (c(h) + m(h)), where h' is h without its first unit, m(h) the number of
    different units after h in train, and p uniform without any history (Witten & Bell 1991).
    """

    def __init__(self, transcripts: Mapping[tuple[int, ...], int], outputs: int, order: int):
        """Count the n-grams.

        Args:
            transcripts: how often each sequence of units occurs; units are numbers from 1.
            outputs: number of units, and one.
            order: the greatest n.
        """
        self.order, self._outputs = order, outputs
        self._counts: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for units, times in transcripts.items():
            padded = (BEGIN,) * (order - 1) + units
            for place, unit in enumerate(units, order - 1):
                for size in range(order):
                    self._counts[padded[place - size : place]][unit] += times
        self._known: dict[tuple[int, ...], NDArray[np.float64]] = {}

    def __call__(self, before: Sequence[int]) -> NDArray[np.float64]:
        """Return the log probability of each unit after others, of shape (outputs,); number 0 is no unit."""
        history = ((BEGIN,) * (self.order - 1) + tuple(before))[len(before) :]
        return np.log(self._probabilities(history))

    def _probabilities(self, history: tuple[int, ...]) -> NDArray[np.float64]:
        if history not in self._known:
            counts = self._counts.get(history)
            shorter = self._probabilities(history[1:]) if history else np.full(self._outputs, 1 / (self._outputs - 1))
            if counts:
                seen = np.zeros(self._outputs)
                seen[list(counts)] = list(counts.values())
                shorter = (seen + len(counts) * shorter) / (seen.sum() + len(counts))
            self._known[history] = shorter
        return self._known[history]
