"""Batches of replies with candidates among which the true reply is to be chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batches.pairs import PairBatch, PairBuckets
from gru_bench.data.changes import evenly_spread
from gru_bench.data.dialogues.scores import choices
from gru_bench.data.pairs.codec import Codec

COMPARED = 30
"""Symbols of a candidate that are compared; its first ones."""


class ReplyBatch(PairBatch):
    """Pairs of contexts and replies with candidates.

    Keys:
        ranked: True for rows with candidates, bool of shape (pairs,).
        candidates: the first symbols of each candidate, the true reply first, with its end and filled up with ends,
            int32 of shape (pairs, candidates, symbols).
    """

    ranked: NDArray[np.bool_]
    candidates: NDArray[np.int32]


class ReplyBuckets(PairBuckets):
    """Batches of the replies of a split for scoring."""

    def __init__(self, *pairs: Any, ranked: int, **named: Any):
        """Sort replies into buckets, and choose candidates.

        Args:
            pairs: see `PairBuckets`, also for the other arguments.
            ranked: number of replies that get candidates, spread evenly over the split.
            named: see `PairBuckets`.
        """
        super().__init__(*pairs, **named)
        _, targets, *_ = pairs
        rows = evenly_spread(len(targets), ranked)
        places = choices(named["references"], rows)
        shape = (len(rows), places.shape[1], min(COMPARED, 1 + max(map(len, targets))))
        self._candidates = np.full(shape, Codec.end, np.int32)
        for row, column in np.ndindex(*places.shape):
            ids = targets[places[row, column]][: shape[2]]
            self._candidates[row, column, : len(ids)] = ids
        self._row = np.full(len(targets), -1, np.int64)
        self._row[rows] = np.arange(len(rows))

    def fill(self, places: NDArray[np.int64], bucket: int) -> ReplyBatch:
        """Return a batch of some replies of a bucket."""
        rows = self._row[places]
        candidates = np.full((self.batch_size, *self._candidates.shape[1:]), Codec.end, np.int32)
        candidates[: places.size][rows >= 0] = self._candidates[rows[rows >= 0]]
        ranked = np.zeros(self.batch_size, bool)
        ranked[: places.size] = rows >= 0
        return ReplyBatch(**super().fill(places, bucket), ranked=ranked, candidates=candidates)
