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

from gru_bench.data.random import Seed
from gru_bench.validation import Range

Size = Annotated[int, Range(low=1, high=1_000_000)]

TRAIN, _VALID, _TEST = range(3)  # what is drawn, as a part of its seed


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

    def some_of_train(self) -> Examples:
        """Return at most as many training sequences as there are for test: spread over a fixed set, else drawn."""
        count = len(self.test.mask)
        if not isinstance(self.train, Examples):
            return self.train((self.seed, TRAIN), count)
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
    first = train if isinstance(train, Examples) else train((seed, TRAIN), 1)
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


def joined(parts: Sequence[Examples]) -> Examples:
    """Return sequences as one, padded to the longest where their lengths differ; those are asked at all time steps."""

    def join(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        longest = max(array.shape[1] for array in arrays)
        fill = [((0, 0), (0, longest - array.shape[1]), *((0, 0),) * (array.ndim - 2)) for array in arrays]
        return np.concatenate([np.pad(array, widths) for array, widths in zip(arrays, fill, strict=True)])

    return Examples(*(join(arrays) for arrays in zip(*parts, strict=True)))
