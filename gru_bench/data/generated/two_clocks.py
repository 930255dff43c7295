"""Two registers that are overwritten at different paces: memory on two time scales at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.random import Seed, fractions, uniform_integers, word_rows
from gru_bench.data.sequences.sequences import Examples, Sequences, Size, generated_sequences
from gru_bench.data.source import gives
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import Natural, Range

Length = Annotated[int, Range(low=8, high=100_000)]
Ratio = Annotated[int, Range(low=1, high=10_000)]

VALUES = 4
BLANK, FAST, SLOW = 0, 1, 1 + VALUES  # inputs: blank, then each value of the fast register, then of the slow one
PACE = 4  # time steps between two values of the fast register, on average


@gives("sequences")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    ratio: Ratio = 16,
    length: Length = 256,
    train_size: Size = 6_400,
    valid_size: Size = 300,
    test_size: Size = 1_000,
    seed: Natural = 0,
) -> Sequences:
    """Generate sequences in which two registers are overwritten; the target is what both hold, at each time step.

    One symbol per time step: a new value (0 to 3) of the fast register, every 4th step on average; of the slow one,
    every 4 `ratio`-th; or blank. Both are written in the first two steps.

    Args:
        mirror: unused.
        cache: unused.
        ratio: how many times as long the slow register keeps a value.
        length: time steps of a sequence.
        train_size: training sequences in an epoch.
        valid_size: validation sequences.
        test_size: test sequences.
        seed: seed of the data, independent of the seed of the run.

    Raises:
        ConfigError: the slow register would hardly change.
    """
    if length < PACE * ratio:
        raise ConfigError("data.length", length, f"at least {PACE * ratio}: {PACE} time steps times data.ratio={ratio}")

    def draw(seed: Seed, count: int) -> Examples:
        events = fractions(word_rows((*seed, 0), count, length))
        values = uniform_integers(word_rows((*seed, 1), count, length), VALUES)
        slow, fast = events < 1 / (PACE * ratio), events > 1 - 1 / PACE
        slow[:, 0], fast[:, 0] = True, False
        slow[:, 1], fast[:, 1] = False, True
        return examples(np.select([slow, fast], [SLOW + values, FAST + values], BLANK).astype(np.int32))

    form = {"problem": "clocks", "ratio": ratio, "length": length}
    return generated_sequences(form, (train_size, valid_size, test_size), draw, seed)


def examples(symbols: NDArray[np.int32]) -> Examples:
    """Return sequences of symbols with their targets.

    Targets are int32 of shape (sequences, time, 3): the value of the fast and of the slow register, and the time steps
    since the slow one was written. Steps before both have a value are masked.
    """
    fast, fast_age = _held(symbols, FAST)
    slow, slow_age = _held(symbols, SLOW)
    targets = np.stack([fast, slow, slow_age], axis=2).astype(np.int32)
    return Examples(symbols, targets, (fast_age >= 0) & (slow_age >= 0), np.ones(symbols.shape, bool))


def _held(symbols: NDArray[np.int32], first: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the value of a register at each time step and the steps since it was written; -1 before."""
    step = np.arange(symbols.shape[1])
    written = (symbols >= first) & (symbols < first + VALUES)
    last = np.maximum.accumulate(np.where(written, step, -1), axis=1)
    values = np.take_along_axis(symbols, np.maximum(last, 0), axis=1) - first
    return np.where(last < 0, 0, values), np.where(last < 0, -1, step - last)


def read(text: str) -> Examples:
    """Parse a sequence such as `s2 f0 . . f3`: values of the slow and the fast register, and blanks.

    Raises:
        DataError: it has another word, or never writes both registers.
    """
    known = {"f": FAST, "s": SLOW}
    symbols = []
    for word in text.split():
        name, value = word[:1].lower(), word[1:]
        if word != "." and (name not in known or value not in {"0", "1", "2", "3"}):
            raise DataError(f"{word!r}: expected f0 to f3, s0 to s3, or a dot, as in s2 f0 . . f3")
        symbols.append(BLANK if word == "." else known[name] + int(value))
    found = examples(np.array([symbols or [BLANK]], np.int32))
    if not found.mask.any():
        raise DataError(f"{text!r}: expected a value of each register, as in s2 f0 . . f3")
    return found
