"""Nested brackets of several kinds with words between them: which one closes next?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.random import Seed, fractions, uniform_integers, word_rows
from gru_bench.data.sequences.sequences import Examples, Sequences, Size, make_sequences
from gru_bench.data.source import gives
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import Natural, Range

Depth = Annotated[int, Range(low=1, high=100)]
Length = Annotated[int, Range(low=8, high=10_000)]
Share = Annotated[float, Range(low=0, high=0.99)]

OPENING, CLOSING = "([{<", ")]}>"
KINDS = len(OPENING)
FILLER = "."
SYMBOLS = FILLER + OPENING + CLOSING
DEEPER = 0.6  # probability that a bracket opens rather than closes, between the least and the greatest depth


@gives("sequences")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    depth: Depth = 4,
    test_depth: Depth = 12,
    length: Length = 100,
    fillers: Share = 0.4,
    train_size: Size = 6_400,
    valid_size: Size = 500,
    test_size: Size = 2_000,
    seed: Natural = 0,
) -> Sequences:
    """Generate nested brackets of four kinds with fillers; before each closing one its kind is the target.

    Nesting is up to `depth` in train and valid, up to `test_depth` in test. What lies between a bracket and its match,
    whole nests or fillers, does not matter: agreement over a distance.

    Args:
        mirror: unused.
        cache: unused.
        depth: greatest number of open brackets in train and valid.
        test_depth: the same in test.
        length: time steps of a sequence.
        fillers: share of fillers.
        train_size: training sequences in an epoch.
        valid_size: validation sequences.
        test_size: test sequences.
        seed: seed of the data, independent of the seed of the run.

    Raises:
        ConfigError: test is less deep than train.
    References: Hewitt et al. 2020, arXiv:2010.07515 (bounded nesting of brackets of several kinds).
    """
    if test_depth < depth:
        raise ConfigError("data.test_depth", test_depth, f"at least data.depth={depth}")

    def draw(deepest: int, seed: Seed, count: int) -> Examples:
        chances = fractions(word_rows((*seed, 0), count, length)), fractions(word_rows((*seed, 1), count, length))
        kinds = uniform_integers(word_rows((*seed, 2), count, length), KINDS)
        return examples(_nested(*chances, kinds, deepest, fillers))

    form = {"problem": "brackets", "depth": depth, "test_depth": test_depth, "length": length}
    valid, test = draw(depth, (seed, 1), valid_size), draw(test_depth, (seed, 2), test_size)
    return make_sequences(form, train_size, lambda seed, count: draw(depth, seed, count), seed, valid, test)


def _nested(
    is_filler: NDArray[np.float32],
    opens: NDArray[np.float32],
    kinds: NDArray[np.int64],
    deepest: int,
    fillers: float,
) -> NDArray[np.int32]:
    """Return symbols from uniform numbers and kinds of shape (sequences, time)."""
    count, length = kinds.shape
    rows, stack, depth = np.arange(count), np.zeros((count, deepest + 1), np.int64), np.zeros(count, np.int64)
    symbols = np.zeros((count, length), np.int32)
    for step in range(length):
        bracket = is_filler[:, step] >= fillers
        opening = bracket & ((depth == 0) | ((depth < deepest) & (opens[:, step] < DEEPER)))
        closing = bracket & ~opening
        stack[rows[opening], depth[opening]] = kinds[opening, step]
        symbols[opening, step] = 1 + kinds[opening, step]
        symbols[closing, step] = 1 + KINDS + stack[rows[closing], depth[closing] - 1]
        depth += opening.astype(np.int64) - closing
    return symbols


def examples(symbols: NDArray[np.int32]) -> Examples:
    """Return well nested symbols of shape (sequences, time) with their targets.

    Targets are int32 of shape (sequences, time, 3): the kind of the innermost open bracket after each symbol, the
    number of open ones, and the time steps since it was read. Scored are the steps before a closing bracket.
    """
    count, length = symbols.shape
    rows, depth = np.arange(count), np.zeros(count, np.int64)
    stack = np.zeros((2, count, length + 1), np.int64)  # kind and time step of the open brackets
    targets = np.zeros((count, length, 3), np.int32)
    for step in range(length):
        symbol = symbols[:, step]
        opening, closing = (symbol > 0) & (symbol <= KINDS), symbol > KINDS
        stack[0, rows[opening], depth[opening]] = symbol[opening] - 1
        stack[1, rows[opening], depth[opening]] = step
        depth += opening.astype(np.int64) - closing
        inner = np.maximum(depth - 1, 0)
        targets[:, step] = np.stack([stack[0, rows, inner], depth, step - stack[1, rows, inner]], axis=1)
    mask = np.zeros((count, length), bool)
    mask[:, :-1] = symbols[:, 1:] > KINDS
    return Examples(symbols, targets, mask, np.ones(symbols.shape, bool))


def read(text: str) -> Examples:
    """Parse brackets and fillers such as `([.]{`; the last symbol is scored too where a bracket is open.

    Raises:
        DataError: it is empty, has other symbols, or a bracket closes that is not the innermost open one.
    """
    word, stack = "".join(text.split()), []
    if not word or set(word) - set(SYMBOLS):
        raise DataError(f"{text!r}: expected symbols out of {SYMBOLS}, as in ([.]{{.")
    for place, symbol in enumerate(word, start=1):
        if symbol in OPENING:
            stack.append(symbol)
        elif symbol in CLOSING and (not stack or OPENING.index(stack.pop()) != CLOSING.index(symbol)):
            raise DataError(f"{text!r}: {symbol} at place {place} does not close the innermost open bracket")
    found = examples(np.array([[SYMBOLS.index(symbol) for symbol in word]], np.int32))
    found.mask[0, -1] = bool(stack)
    return found
