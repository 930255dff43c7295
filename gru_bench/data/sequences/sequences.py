"""Sequences that test memory: inputs, expected outputs at their time steps, and generators of training sequences.

Training sequences are either generated in each epoch, so that none can be memorised, or a fixed set, shuffled in
each epoch; validation and test are fixed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import (
    changed_facts,
    fraction_facts,
    input_seeds,
    noise_facts,
    normal,
    random_subset,
    wrong_labels,
)
from gru_bench.data.data_set import DataSet, refusal
from gru_bench.data.random import Seed
from gru_bench.validation import Range

Size = Annotated[int, Range(low=1, high=1_000_000)]

TRAIN, _VALID, _TEST = range(3)  # the split, as part of its seed
_BLOCK = 1000  # sequences per block of noise, to limit memory


class Examples(NamedTuple):
    """Sequences, padded at the end to one length.

    Outputs are expected at the last time steps only; `targets` and `mask` cover these alone.

    Attributes:
        inputs: symbols, int32 of shape (sequences, time); or values, of shape (sequences, time, channels): float32, or
            uint8 in steps of 1/255.
        targets: the expected outputs, of shape (sequences, asked) or (sequences, asked, outputs).
        mask: True where a target is scored, bool of shape (sequences, asked).
        padding: True for time steps, False for padding, bool of shape (sequences, time).
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    mask: NDArray[np.bool_]
    padding: NDArray[np.bool_]

    def take(self, rows: slice | NDArray[np.int64]) -> Examples:
        """Return some of the sequences."""
        return Examples(*(array[rows] for array in self))

    def filled(self, count: int) -> Examples:
        """Return `count` sequences: these, and empty ones that are not scored."""
        missing = count - len(self.mask)
        return Examples(*(np.pad(array, ((0, missing), *((0, 0),) * (array.ndim - 1))) for array in self))

    def batch(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name in the form that a network reads: uint8 becomes float32 within [0, 1]."""
        inputs = self.inputs.astype(np.float32) / np.float32(255) if self.inputs.dtype == np.uint8 else self.inputs
        return {**self._asdict(), "inputs": inputs}

    def with_noise(self, deviation: float, seed: Seed) -> Examples:
        """Return the sequences with normal noise on their inputs."""
        values = self.batch()["inputs"].copy()
        for first in range(0, len(values), _BLOCK):
            block = values[first : first + _BLOCK]
            deviates = normal((len(block), block[0].size), (*seed, 1 + first)).reshape(block.shape)
            block += (deviation * deviates).astype(np.float32)
        return self._replace(inputs=values)


ExampleGenerator = Callable[[Seed, int], Examples]
_GENERATED = "sequences generated in each epoch"


@dataclass(frozen=True)
class Sequences(DataSet):
    """The data of a memory test.

    Attributes:
        form: the name of the `problem`, and all else that a trained model needs; plain values.
        train_size: sequences in an epoch.
        train: the training sequences, or a generator of them (seed, count). All have `time_steps` time steps.
        seed: the seed of the data.
        time_steps: of a training sequence, padding included.
        valid: validation sequences.
        test: test sequences.
        facts: plain values for the run record; `digest` covers form, sizes and all sequences.
    """

    kind: ClassVar[str] = "sequences"

    form: Mapping[str, Any]
    train_size: int
    train: Examples | ExampleGenerator
    seed: int
    time_steps: int
    valid: Examples
    test: Examples
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return what a trained model needs, as plain values."""
        return dict(self.form)

    def some_of_train(self) -> Examples:
        """Return at most as many training sequences as test has: evenly spaced over a fixed set, or generated."""
        count = len(self.test.mask)
        if not isinstance(self.train, Examples):
            return self.train((self.seed, TRAIN), count)
        last = len(self.train.mask) - 1
        return self.train if count > last else self.train.take(np.linspace(0, last, count).astype(np.int64))

    def with_train_fraction(self, share: float, seed: int) -> Sequences:
        """Keep a random subset of a fixed set, regardless of class."""
        if not isinstance(self.train, Examples):
            raise refusal("train_fraction", share, _GENERATED, "Their number is unlimited.")
        total = len(self.train.mask)
        places = random_subset(total, share, seed)
        used = len(places)
        facts = self.facts | {"sequences": {**self.facts["sequences"], "train": used}}
        facts = fraction_facts(facts, share, used, total, draw_seed=seed)
        return replace(self, train=self.train.take(places), train_size=used, facts=facts)

    def with_label_noise(self, share: float, seed: int) -> Sequences:
        """Replace a share of the training labels of a fixed set by other classes."""
        train, classes = self._fixed("label_noise", share)
        labels, change = wrong_labels(train.targets.reshape(-1), share, classes, seed)
        noisy = train._replace(targets=labels.reshape(train.targets.shape))
        return replace(self, train=noisy, facts=changed_facts(self.facts, "label_noise", change))

    def with_input_noise(self, level: float, seed: int) -> Sequences:
        """Add normal noise to the inputs of a fixed set, in units of the standard deviation of train."""
        train, _ = self._fixed("input_noise", level)
        deviation = level * float(train.batch()["inputs"].std(dtype=np.float64))
        splits = {
            split: getattr(self, split).with_noise(deviation, stream) for split, stream in input_seeds(seed).items()
        }
        return replace(self, **splits, facts=noise_facts(self.facts, level, seed))

    def _fixed(self, setting: str, level: float) -> tuple[Examples, int]:
        """Return the training sequences and the number of their classes."""
        if not isinstance(self.train, Examples) or "classes" not in self.form:
            raise refusal(setting, level, _GENERATED, "Their targets follow from their inputs.")
        return self.train, len(self.form["classes"])


def generated_sequences(
    form: Mapping[str, Any], sizes: tuple[int, int, int], generate: ExampleGenerator, seed: int
) -> Sequences:
    """Return sequences whose validation and test splits come from the same generator as train.

    Args:
        form: see `Sequences`.
        sizes: number of sequences of train (per epoch), valid and test.
        generate: returns sequences from a seed and their number.
        seed: seed of the data, independent of the run's seed.
    """
    train, valid, test = sizes
    return make_sequences(form, train, generate, seed, generate((seed, _VALID), valid), generate((seed, _TEST), test))


def make_sequences(
    form: Mapping[str, Any],
    train_size: int,
    train: Examples | ExampleGenerator,
    seed: int,
    valid: Examples,
    test: Examples,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> Sequences:
    """Return sequences with their digest and counts among the facts; see `Sequences` for the arguments."""
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


def concatenated(parts: Sequence[Examples]) -> Examples:
    """Return the sequences of all parts, padded to the longest; if lengths differ, all time steps must be asked for."""

    def join(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        longest = max(array.shape[1] for array in arrays)
        fill = [((0, 0), (0, longest - array.shape[1]), *((0, 0),) * (array.ndim - 2)) for array in arrays]
        return np.concatenate([np.pad(array, widths) for array, widths in zip(arrays, fill, strict=True)])

    return Examples(*(join(arrays) for arrays in zip(*parts, strict=True)))
