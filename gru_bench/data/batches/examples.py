"""Batches of whole sequences: generated for each batch, a fixed set in shuffled order, or a split in order."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches
from gru_bench.data.random import permutation
from gru_bench.data.sequences.sequences import TRAIN, ExampleGenerator, Examples, Sequences

ExampleBatch = dict[str, NDArray[Any]]


def train_batches(data: Sequences, batch_size: int, seed: int) -> DrawnBatches | ShuffledBatches:
    """Return batches of training sequences, for the seed of a run."""
    if isinstance(data.train, Examples):
        return ShuffledBatches(data.train, batch_size, seed)
    return DrawnBatches(data, data.train, batch_size, seed)


class DrawnBatches(Batches[ExampleBatch]):
    """Generated training batches: batch `index` is a pure function of the seeds, the epoch and the index."""

    def __init__(self, data: Sequences, draw: ExampleGenerator, batch_size: int, seed: int):
        """Generate sequences of `data`, in batches of `batch_size`, from the seed of the run."""
        self._data, self._draw, self._batch_size, self._seed = data, draw, batch_size, seed

    def __len__(self) -> int:
        """Number of batches in an epoch; all are full."""
        return -(-self._data.train_size // self._batch_size)

    def make(self, epoch: int, index: int) -> ExampleBatch:
        """Generate batch `index` of an epoch."""
        seed = (self._data.seed, TRAIN, self._seed, epoch, index)
        return self._draw(seed, self._batch_size).batch()


class ShuffledBatches(Batches[ExampleBatch]):
    """Training batches of a fixed set: each epoch has every sequence once, in an order of (seed, epoch)."""

    def __init__(self, examples: Examples, batch_size: int, seed: int):
        """Shuffle `examples` by the seed of the run; the last batch is filled with masked rows."""
        self._examples, self._batch_size, self._seed = examples, batch_size, seed

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-len(self._examples.mask) // self._batch_size)

    def arrange(self, epoch: int) -> NDArray[Any]:
        """Return the order of the sequences in an epoch."""
        return permutation(self._seed, epoch, len(self._examples.mask))

    def make(self, epoch: int, index: int) -> ExampleBatch:
        """Return batch `index` of an epoch."""
        rows = self.order(epoch)[index * self._batch_size : (index + 1) * self._batch_size]
        return self._examples.take(rows).filled(self._batch_size).batch()


class SplitBatches(Batches[ExampleBatch]):
    """Batches that contain each sequence exactly once, in order."""

    def __init__(self, examples: Examples, batch_size: int):
        """Divide the sequences into batches; the last one is filled with masked rows."""
        self._examples, self._batch_size = examples, min(batch_size, len(examples.mask))

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self._examples.mask) // self._batch_size)

    def make(self, epoch: int, index: int) -> ExampleBatch:
        """Return batch `index`."""
        rows = slice(index * self._batch_size, (index + 1) * self._batch_size)
        return self._examples.take(rows).filled(self._batch_size).batch()
