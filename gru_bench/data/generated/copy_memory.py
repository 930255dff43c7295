"""Copy memory: some symbols, a long run of blanks, a marker, and then the same symbols again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.random import Seed, uniform_integers, word_rows
from gru_bench.data.sequences.sequences import Examples, Sequences, Size, generated_sequences
from gru_bench.data.source import gives
from gru_bench.errors import DataError
from gru_bench.validation import Natural, Range

Delay = Annotated[int, Range(low=1, high=100_000)]

KINDS = 8  # the symbols to remember are 0 .. 7
BLANK = 8
MARKER = 9
REMEMBERED = 10  # symbols of a sequence


@gives("sequences")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    delay: Delay = 10,
    train_size: Size = 6_400,
    valid_size: Size = 500,
    test_size: Size = 2_000,
    seed: Natural = 0,
) -> Sequences:
    """Generate sequences of T + 20 time steps.

        inputs:   10 symbols of 8 kinds | T - 1 blanks | marker | 10 blanks
        targets:  T + 10 blanks                                 | the 10 symbols

    Args:
        mirror: unused.
        cache: unused.
        delay: T.
        train_size: training sequences in an epoch.
        valid_size: validation sequences.
        test_size: test sequences.
        seed: seed of the data, independent of the seed of the run.

    References: Hochreiter & Schmidhuber 1997; in this form Arjovsky et al. 2016, arXiv:1511.06464.
    """

    def draw(seed: Seed, count: int) -> Examples:
        return examples(uniform_integers(word_rows(seed, count, REMEMBERED), KINDS), delay)

    return generated_sequences({"problem": "copy", "delay": delay}, (train_size, valid_size, test_size), draw, seed)


def examples(symbols: NDArray[np.int64], delay: int) -> Examples:
    """Return sequences with targets, from the symbols to remember, of shape (sequences, 10)."""
    shape = (len(symbols), delay + 2 * REMEMBERED)
    inputs, targets = np.full(shape, BLANK, np.int32), np.full(shape, BLANK, np.int32)
    inputs[:, :REMEMBERED], inputs[:, -REMEMBERED - 1] = symbols, MARKER
    targets[:, -REMEMBERED:] = symbols
    return Examples(inputs, targets, np.ones(shape, bool), np.ones(shape, bool))


def read(text: str, delay: int) -> Examples:
    """Parse the ten digits of a sequence.

    Raises:
        DataError: there are not ten digits, or one is not within 0 .. 7.
    """
    digits = "".join(text.split())
    if len(digits) != REMEMBERED or set(digits) - set("01234567"):
        raise DataError(f"{text!r}: expected {REMEMBERED} digits from 0 to {KINDS - 1}, as in 0716253401")
    return examples(np.array([[int(digit) for digit in digits]]), delay)
