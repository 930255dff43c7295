"""Sequences that test memory: what is read, what is to be put out at which time step, and how more are drawn.

Training sequences are drawn anew in each epoch, so that none can be learned by heart, or are given and shuffled in each
epoch; validation and test are fixed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batching import permutation, random_words
from gru_bench.validation import Range

Size = Annotated[int, Range(low=1, high=1_000_000)]

Seed = tuple[int, ...]
_TRAIN, _VALID, _TEST = range(3)


class Examples(NamedTuple):
    """Sequences, padded at their end to one length.

    Outputs are asked for at the last so many time steps; those before have neither targets nor a mask.

    Attributes:
        inputs: symbols, int32 of shape (sequences, time); or values, of shape (sequences, time, channels): float32, or
            uint8 in steps of 1/255.
        targets: what is to be put out, of shape (sequences, asked) or (sequences, asked, outputs).
        mask: True where a target counts, bool of shape (sequences, asked).
        padding: True where a time step counts, bool of shape (sequences, time).
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    mask: NDArray[np.bool_]
    padding: NDArray[np.bool_]

    def take(self, rows: slice | NDArray[np.int64]) -> Examples:
        """Return some of the sequences."""
        return Examples(*(array[rows] for array in self))

    def filled(self, count: int) -> Examples:
        """Return `count` sequences: these, and others in which nothing counts."""
        missing = count - len(self.mask)
        return Examples(*(np.pad(array, ((0, missing), *((0, 0),) * (array.ndim - 1))) for array in self))

    def batch(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name as a network reads them: uint8 becomes float32 within [0, 1]."""
        inputs = self.inputs.astype(np.float32) / np.float32(255) if self.inputs.dtype == np.uint8 else self.inputs
        return {**self._asdict(), "inputs": inputs}


Draw = Callable[[Seed, int], Examples]


@dataclass(frozen=True)
class Sequences:
    """What a test of memory reads.

    Attributes:
        form: `problem`, which says what is asked, and what else a trained model needs of it; plain values.
        train_size: sequences in an epoch.
        train: the training sequences; or draws so many of them from a seed. All have `time_steps` time steps.
        seed: the seed of the data.
        time_steps: of a training sequence, padding included.
        valid: validation sequences.
        test: test sequences.
        facts: plain values for the run record; `digest` names form, sizes and all that is drawn.
    """

    form: Mapping[str, Any]
    train_size: int
    train: Examples | Draw
    seed: int
    time_steps: int
    valid: Examples
    test: Examples
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return what a trained model needs, as plain values."""
        return dict(self.form)

    def train_batches(self, batch_size: int, seed: int) -> DrawnBatches | ShuffledBatches:
        """Return batches of training sequences by the seed of the run."""
        if isinstance(self.train, Examples):
            return ShuffledBatches(self.train, batch_size, seed)
        return DrawnBatches(self, self.train, batch_size, seed)

    def some_of_train(self) -> Examples:
        """Return at most as many training sequences as there are for test: spread over a fixed set, else drawn."""
        count = len(self.test.mask)
        if not isinstance(self.train, Examples):
            return self.train((self.seed, _TRAIN), count)
        last = len(self.train.mask) - 1
        return self.train if count > last else self.train.take(np.linspace(0, last, count).astype(np.int64))


def drawn(form: Mapping[str, Any], sizes: tuple[int, int, int], draw: Draw, seed: int) -> Sequences:
    """Return sequences of which validation and test are drawn as well.

    Args:
        form: see `Sequences`.
        sizes: of train, valid and test.
        draw: draws so many sequences from a seed.
        seed: seed of the data, independent of the seed of the run.
    """
    train, valid, test = sizes
    return given(form, train, draw, seed, draw((seed, _VALID), valid), draw((seed, _TEST), test))


def given(
    form: Mapping[str, Any],
    train_size: int,
    train: Examples | Draw,
    seed: int,
    valid: Examples,
    test: Examples,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> Sequences:
    """Return sequences of which validation and test are given, and perhaps train; see `Sequences` and `drawn`."""
    first = train if isinstance(train, Examples) else train((seed, _TRAIN), 1)
    digest = hashlib.sha256(json.dumps([dict(form), train_size, seed], sort_keys=True).encode())
    for array in (*first, *valid, *test):
        digest.update(np.ascontiguousarray(array).tobytes())
    known = {
        "data_seed": seed,
        "sequences": {"train": train_size, "valid": len(valid.mask), "test": len(test.mask)},
        "digest": digest.hexdigest(),
        **facts,
    }
    return Sequences(form, train_size, train, seed, first.padding.shape[1], valid, test, known)


class DrawnBatches:
    """Training batches: batch `index` of an epoch is a pure function of the seeds, the epoch and the index."""

    def __init__(self, data: Sequences, draw: Draw, batch_size: int, seed: int):
        """Draw sequences of `data`, in batches of `batch_size`, by the seed of the run."""
        self._data, self._draw, self._batch_size, self._seed = data, draw, batch_size, seed

    @property
    def lengths(self) -> tuple[int, ...]:
        """The time steps of a sequence."""
        return (self._data.time_steps,)

    @property
    def time_steps(self) -> float:
        """Time steps of all sequences of a batch together."""
        return float(self._batch_size * self._data.time_steps)

    @property
    def outputs(self) -> float:
        """Outputs of a batch: one per time step."""
        return self.time_steps

    def __len__(self) -> int:
        """Number of batches in an epoch; all are full."""
        return -(-self._data.train_size // self._batch_size)

    def at(self, epoch: int, index: int) -> dict[str, NDArray[Any]]:
        """Return batch `index` of an epoch.

        Raises:
            IndexError: there is no such batch.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        seed = (self._data.seed, _TRAIN, self._seed, epoch, index)
        return self._draw(seed, self._batch_size).batch()


class ShuffledBatches:
    """Training batches of a fixed set: each epoch holds every sequence once, in an order of (seed, epoch)."""

    def __init__(self, examples: Examples, batch_size: int, seed: int):
        """Shuffle `examples` by the seed of the run; the last batch is filled up with rows in which nothing counts."""
        self._examples, self._batch_size, self._seed = examples, batch_size, seed
        self._epoch, self._order = 0, permutation(seed, 0, len(examples.mask))

    @property
    def lengths(self) -> tuple[int, ...]:
        """The time steps of a sequence."""
        return (self._examples.padding.shape[1],)

    @property
    def time_steps(self) -> float:
        """Time steps of all sequences of a batch together."""
        return float(self._batch_size * self._examples.padding.shape[1])

    @property
    def outputs(self) -> float:
        """Outputs of a batch: those that are asked for."""
        return float(self._batch_size * self._examples.mask.shape[1])

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return -(-len(self._order) // self._batch_size)

    def at(self, epoch: int, index: int) -> dict[str, NDArray[Any]]:
        """Return batch `index` of an epoch.

        Raises:
            IndexError: there is no such batch.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        if epoch != self._epoch:
            self._epoch, self._order = epoch, permutation(self._seed, epoch, len(self._order))
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        return self._examples.take(rows).filled(self._batch_size).batch()


class SplitBatches:
    """Batches that hold each of some sequences exactly once, in order."""

    def __init__(self, examples: Examples, batch_size: int):
        """Cut the sequences into batches; the last one is filled up with rows in which nothing counts."""
        self._examples, self._batch_size = examples, min(batch_size, len(examples.mask))

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self._examples.mask) // self._batch_size)

    def __getitem__(self, index: int) -> dict[str, NDArray[Any]]:
        """Return batch `index`.

        Raises:
            IndexError: there is no such batch.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        rows = slice(index * self._batch_size, (index + 1) * self._batch_size)
        return self._examples.take(rows).filled(self._batch_size).batch()


def joined(parts: Sequence[Examples]) -> Examples:
    """Return sequences as one, padded to the longest where their lengths differ; those are asked at all time steps."""

    def join(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        longest = max(array.shape[1] for array in arrays)
        fill = [((0, 0), (0, longest - array.shape[1]), *((0, 0),) * (array.ndim - 2)) for array in arrays]
        return np.concatenate([np.pad(array, widths) for array, widths in zip(arrays, fill, strict=True)])

    return Examples(*(join(arrays) for arrays in zip(*parts, strict=True)))


def below(words: NDArray[np.uint64], limit: int) -> NDArray[np.int64]:
    """Return 0 .. limit - 1 from raw words; the bias is below limit / 2^64."""
    return (words % np.uint64(limit)).astype(np.int64)


def fractions(words: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Return numbers within [0, 1), uniform, from raw words; float32 holds them exactly."""
    return ((words >> np.uint64(40)).astype(np.float64) / 2**24).astype(np.float32)


def word_rows(seed: Seed, count: int, columns: int) -> NDArray[np.uint64]:
    """Return raw words of shape (count, columns), a pure function of the seed."""
    return random_words(seed, count * columns).reshape(count, columns)
