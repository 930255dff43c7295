"""Greedy and beam search against plain loops and against all sequences of a tiny vocabulary."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.models.decoding import Hypotheses, beam_search, length_penalty
from tests.models.support import QUICK

END, SYMBOLS, LENGTH = 0, 3, 3


@partial(jax.jit, static_argnames=("beam", "length", "exponent", "never"), compiler_options=QUICK)
def search(table: jax.Array, limits: jax.Array, *, beam: int, length: int, **options: Any) -> Hypotheses:
    rows = jnp.repeat(jnp.arange(limits.size), beam)

    def step(carry: Any, symbols: jax.Array) -> tuple[jax.Array, Any]:
        time, row = carry
        return table[row, time, symbols], (time + 1, row)

    return beam_search(step, (jnp.zeros_like(rows), rows), limits, beam=beam, length=length, end=END, **options)


class Chain:
    """A table of next-symbol log-probabilities by the number of symbols so far and the last one, one per sequence."""

    def __init__(self, rows: int, symbols: int = SYMBOLS, length: int = LENGTH, seed: int = 0):
        logits = 1.5 * np.random.default_rng(seed).normal(size=(rows, length + 2, symbols, symbols))
        self.table = np.asarray(jax.nn.log_softmax(jnp.asarray(logits, jnp.float32)))

    def search(self, beam: int, limits: list[int], length: int = LENGTH, **options: Any) -> Hypotheses:
        return jax.tree.map(np.asarray, search(self.table, jnp.asarray(limits), beam=beam, length=length, **options))

    def greedy(self, row: int, limit: int, never: tuple[int, ...] = ()) -> list[int]:
        found, last = [], END
        while len(found) < limit:
            log_probabilities = self.table[row, len(found), last].copy()
            log_probabilities[list(never)] = -np.inf
            last = int(log_probabilities.argmax())
            if last == END:
                break
            found.append(last)
        return found

    def all_sequences(self, row: int, limit: int, exponent: float) -> list[tuple[float, list[int]]]:
        """Return all sequences with their scores, the best first."""
        scored = []
        for length in range(limit + 1):
            for sequence in itertools.product(range(1, self.table.shape[-1]), repeat=length):
                steps = zip([END, *sequence], [*sequence, END], strict=True)
                total = sum(float(self.table[row, time, last, next]) for time, (last, next) in enumerate(steps))
                scored.append((total / length_penalty(length + 1, exponent), list(sequence)))
        return sorted(scored, reverse=True)


def trimmed(symbols: Any) -> list[int]:
    kept = symbols.tolist()
    return kept[: kept.index(END)]


def test_a_beam_of_one_is_greedy():
    chain, limits = Chain(rows=8, symbols=6, length=7), [7, 7, 7, 4, 7, 1, 0, 7]
    found = chain.search(1, limits, length=7)
    expected = [chain.greedy(row, limit) for row, limit in enumerate(limits)]
    assert [trimmed(row[0]) for row in found.symbols] == expected
    assert len({len(row) for row in expected}) > 2
    without = chain.search(1, limits, length=7, never=(2, 3))
    assert [trimmed(row[0]) for row in without.symbols] == [
        chain.greedy(row, one, (2, 3)) for row, one in enumerate(limits)
    ]


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_a_wide_beam_finds_the_best_of_all_sequences(exponent: float):
    chain, limits = Chain(rows=3), [3, 2, 0]
    found = chain.search(16, limits, exponent=exponent)
    for row, limit in enumerate(limits):
        expected = chain.all_sequences(row, limit, exponent)
        kept = np.isfinite(found.scores[row])
        assert kept.sum() == min(len(expected), 16)
        np.testing.assert_allclose(found.scores[row][kept], [score for score, _ in expected][:16], rtol=1e-5)
        assert trimmed(found.symbols[row, 0]) == expected[0][1]
        penalties = [length_penalty(len(trimmed(symbols)) + 1, exponent) for symbols in found.symbols[row][kept]]
        np.testing.assert_allclose(found.log_probabilities[row][kept], found.scores[row][kept] * penalties, rtol=1e-5)


def test_a_beam_finds_what_greedy_search_misses():
    chain = Chain(rows=1)
    chain.table = np.log(np.full((1, LENGTH + 2, SYMBOLS, SYMBOLS), 1e-3, np.float32))
    chain.table[0, 0, END] = np.log([0.1, 0.5, 0.4])
    chain.table[0, 1, 1] = np.log([0.4, 0.3, 0.3])  # the best first symbol leads to doubt
    chain.table[0, 1, 2] = np.log([0.9, 0.05, 0.05])
    assert trimmed(chain.search(1, [3]).symbols[0, 0]) == [1]
    assert trimmed(chain.search(2, [3], exponent=0.0).symbols[0, 0]) == [2]


def test_rows_of_a_batch_do_not_affect_each_other():
    chain, limits = Chain(rows=5, symbols=5, length=6), [6, 2, 6, 0, 5]
    together = chain.search(3, limits, length=6)
    for row, limit in enumerate(limits):
        one = Chain(rows=1, symbols=5, length=6)
        one.table = chain.table[row : row + 1]
        alone = one.search(3, [limit], length=6)
        np.testing.assert_array_equal(alone.symbols[0], together.symbols[row])
        np.testing.assert_allclose(alone.scores[0], together.scores[row], rtol=1e-6)
