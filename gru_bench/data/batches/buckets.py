"""Batches of sequences of similar length, so that little padding is computed and few shapes are compiled.

Every sequence belongs to the first bucket whose edge its length does not exceed; a batch contains sequences of one
bucket, padded to its edge. Padding never changes a result: it only costs time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batch, Batches
from gru_bench.data.random import permutation

CANDIDATES = 513  # lengths that may become edges


class LabelledBatch(TypedDict):
    """Sequences of one bucket; rows that only fill the batch are False throughout.

    Keys:
        inputs: symbols, int32 of shape (sequences, time); or values, float32 of shape (sequences, time, channels).
        padding: True for time steps, False for padding, bool of shape (sequences, time).
        labels: class numbers, int32 of shape (sequences,).
        mask: True for sequences, False for filling rows, bool of shape (sequences,).
    """

    inputs: NDArray[Any]
    padding: NDArray[np.bool_]
    labels: NDArray[np.int32]
    mask: NDArray[np.bool_]


def rounded(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return lengths rounded up to four binary digits: other draws of the same data have the same shapes then.

    What is compiled for a shape is kept, so that their runs need not compile again.
    """
    step = 2 ** np.maximum(np.frexp(lengths)[1] - 4, 0)
    return -(-lengths // step) * step


def bucket_edges(lengths: NDArray[np.int64], buckets: int = 5) -> tuple[int, ...]:
    """Return the round edges, ascending, that need the least padding for sequences of these lengths.

    Args:
        lengths: time steps of each training sequence; where all are equal, that is the one edge.
        buckets: the maximum number of edges; the last one is the greatest length, rounded up.
    """
    values = np.unique(np.quantile(lengths, np.linspace(0, 1, CANDIDATES), method="higher")).astype(np.int64)
    if values.size > 1:
        values = np.unique(rounded(values))
    before = np.searchsorted(
        np.sort(lengths), [0, *(values + 1)]
    )  # sequences shorter than values[k]; the last one: all
    cost = values * before[1:]  # padded steps if sequences up to values[k] share one bucket
    previous: list[NDArray[np.int64]] = []
    for _ in range(min(buckets, values.size) - 1):
        # cost_of[j, k]: a bucket from values[j] to values[k], after the best of fewer buckets up to values[j]
        cost_of = cost[:, None] + values[None, :] * (before[1:][None, :] - before[1:][:, None])
        cost_of = np.where(np.arange(values.size)[:, None] < np.arange(values.size), cost_of, np.iinfo(np.int64).max)
        best = cost_of.argmin(axis=0)
        least = cost_of[best, np.arange(values.size)]
        previous.append(np.where(least < cost, best, -1))
        cost = np.minimum(least, cost)
    edges, place = [int(values[-1])], values.size - 1
    for choice in reversed(previous):
        if choice[place] >= 0:
            place = int(choice[place])
            edges.append(int(values[place]))
    return tuple(reversed(edges))


class ByLength(Batches[Batch]):
    """Batches of items sorted into buckets by length, in an order that is a pure function of (seed, epoch).

    The n items of a bucket are divided evenly into ceil(n / batch_size) batches. Every item is in exactly one batch of
    an epoch, and all epochs have the same number of batches. Subclasses override `fill`.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        edges: Sequence[int],
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
    ):
        """Sort items into buckets.

        Args:
            lengths: of the items.
            edges: ascending; longer items get a further bucket.
            batch_size: rows per batch, filling rows included.
            shuffle: a new order of the items in each bucket, and of the batches, in each epoch; otherwise items keep
                their order and short ones come first.
            seed: the seed of `shuffle`.
        """
        self.batch_size, self.shuffle, self.seed = batch_size, shuffle, seed
        longest = int(rounded(lengths).max())
        self.edges = (*edges, *([longest] if lengths.max() > edges[-1] else []))
        place = np.searchsorted(self.edges, lengths)
        self._buckets = [np.flatnonzero(place == bucket) for bucket in range(len(self.edges))]
        self._chunks = [-(-bucket.size // batch_size) for bucket in self._buckets]

    def fill(self, places: NDArray[np.int64], bucket: int) -> Batch:
        """Return a batch of some items of a bucket."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return sum(self._chunks)

    def kinds(self) -> list[tuple[Batch, int]]:
        """Return one batch of every bucket and the number of its batches, short items first."""
        first = {bucket: index for index, (_, bucket) in reversed(list(enumerate(self._order_of(0))))}
        return [(self.at(0, first[bucket]), chunks) for bucket, chunks in enumerate(self._chunks) if chunks]

    def make(self, epoch: int, index: int) -> Batch:
        """Return batch `index` of an epoch."""
        return self.fill(*self._order_of(epoch)[index])

    def places(self, index: int) -> NDArray[np.int64]:
        """Return the numbers of the items in batch `index` of epoch 0, in the order of its rows."""
        return self._order_of(0)[index][0]

    def _order_of(self, epoch: int) -> list[tuple[NDArray[np.int64], int]]:
        return self.order(epoch if self.shuffle else 0)

    def arrange(self, epoch: int) -> list[tuple[NDArray[np.int64], int]]:
        """Return the items of each batch of an epoch, and their bucket."""
        batches: list[tuple[NDArray[np.int64], int]] = []
        for number, (bucket, chunks) in enumerate(zip(self._buckets, self._chunks, strict=True)):
            if chunks:
                places = bucket[permutation(self.seed, epoch, bucket.size, number)] if self.shuffle else bucket
                batches += [(part, number) for part in np.array_split(places, chunks)]
        if not self.shuffle:
            return batches
        return [batches[place] for place in permutation(self.seed, epoch, len(batches), len(self.edges))]


class Buckets(ByLength[LabelledBatch]):
    """Batches of labelled sequences of a split, random access."""

    def __init__(
        self,
        rows: Sequence[NDArray[Any]],
        labels: NDArray[np.int32],
        edges: Sequence[int],
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
    ):
        """Sort sequences into buckets.

        Args:
            rows: the inputs of each sequence, time first, all of one dtype.
            labels: class numbers, of shape (sequences,).
            edges: see `ByLength`, also for the other arguments.
            batch_size: rows per batch, filling rows included.
            shuffle: a new order in each epoch.
            seed: the seed of `shuffle`.
        """
        super().__init__(np.array([len(row) for row in rows], np.int64), edges, batch_size, shuffle=shuffle, seed=seed)
        self.rows, self.labels = rows, labels

    def fill(self, places: NDArray[np.int64], bucket: int) -> LabelledBatch:
        """Return a batch of some sequences of a bucket, padded to its edge."""
        edge = self.edges[bucket]
        inputs = np.zeros((self.batch_size, edge, *self.rows[0].shape[1:]), self.rows[0].dtype)
        padding = np.zeros((self.batch_size, edge), bool)
        labels = np.zeros(self.batch_size, np.int32)
        for row, place in enumerate(places):
            size = len(self.rows[place])
            inputs[row, :size], padding[row, :size], labels[row] = self.rows[place], True, self.labels[place]
        return LabelledBatch(
            inputs=inputs, padding=padding, labels=labels, mask=np.arange(self.batch_size) < places.size
        )
