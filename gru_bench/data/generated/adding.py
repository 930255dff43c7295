"""The adding problem: the sum of two marked values out of many, as the target of the last time step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.random import Seed, fractions, uniform_integers, word_rows
from gru_bench.data.sequences.sequences import Examples, Sequences, Size, generated_sequences
from gru_bench.data.source import gives
from gru_bench.errors import DataError
from gru_bench.validation import Natural, Range

Length = Annotated[int, Range(low=2, high=100_000)]

MARK = "*"


@gives("sequences")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    length: Length = 100,
    train_size: Size = 6_400,
    valid_size: Size = 1_000,
    test_size: Size = 10_000,
    seed: Natural = 0,
) -> Sequences:
    """Generate sequences of a value within [0, 1) and a marker, 0 or 1, at each time step.

    One time step of each half is marked, uniformly at random. The only target, at the last time step, is the sum of the
    two marked values.

    Args:
        mirror: unused.
        cache: unused.
        length: time steps, T in the literature.
        train_size: training sequences in an epoch.
        valid_size: validation sequences.
        test_size: test sequences.
        seed: seed of the data, independent of the seed of the run.

    References: Hochreiter & Schmidhuber 1997, experiment 4; in this form Arjovsky et al. 2016, arXiv:1511.06464.
    """

    def draw(seed: Seed, count: int) -> Examples:
        words = word_rows(seed, count, length + 2)
        half = length // 2
        first, second = uniform_integers(words[:, -2], half), half + uniform_integers(words[:, -1], length - half)
        markers = np.zeros((count, length), np.float32)
        markers[np.arange(count), first] = markers[np.arange(count), second] = 1.0
        return examples(fractions(words[:, :-2]), markers)

    return generated_sequences({"problem": "adding", "length": length}, (train_size, valid_size, test_size), draw, seed)


def examples(values: NDArray[np.float32], markers: NDArray[np.float32]) -> Examples:
    """Return sequences with targets, from values and markers of shape (sequences, time)."""
    targets, mask = np.zeros_like(values), np.zeros(values.shape, bool)
    targets[:, -1], mask[:, -1] = (values * markers).sum(axis=1), True
    return Examples(np.stack([values, markers], axis=2), targets, mask, np.ones(values.shape, bool))


def read(text: str) -> Examples:
    """Parse a sequence of numbers, separated by blanks; the two that end in `*` are added.

    Raises:
        DataError: a word is no number, or the number of marked ones is not two.
    """
    words = text.split()
    try:
        values = np.array([[float(word.removesuffix(MARK)) for word in words]], np.float32)
    except ValueError as error:
        raise DataError(f"{text!r}: {error}; expected numbers separated by blanks, two of them marked by *") from error
    markers = np.array([[word.endswith(MARK) for word in words]], np.float32)
    if markers.sum() != 2 or not np.isfinite(values).all():
        raise DataError(
            f"{text!r}: found {int(markers.sum())} marked numbers, expected finite numbers, two of them marked by *, "
            'as in "0.5* 0.3 0.25*"'
        )
    return examples(values, markers)
