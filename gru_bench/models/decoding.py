"""Greedy and beam search for the most probable sequences, batched and compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

Step = Callable[[Any, Int[Array, " rows"]], tuple[Float[Array, "rows symbols"], Any]]
"""From the carry and the last symbols to the log-probabilities of the next ones and the new carry."""


class Hypotheses(NamedTuple):
    """The best sequences of each row of a batch, by descending score.

    Attributes:
        symbols: the sequences, each with its end and then more ends, of shape (batch, beam, length + 1).
        scores: log-probabilities, divided by the length penalty; -inf: there are fewer sequences.
        log_probabilities: of the sequences with their ends, in nats.
    """

    symbols: Int[Array, "batch beam length"]
    scores: Float[Array, "batch beam"]
    log_probabilities: Float[Array, "batch beam"]


class _State(NamedTuple):
    time: Int[Array, ""]
    symbols: Int[Array, "batch beam length"]
    log_probabilities: Float[Array, "batch beam"]
    carry: Any
    ended: Hypotheses
    done: Bool[Array, " batch"]


def length_penalty(symbols: Any, exponent: float) -> Any:
    """Return ((5 + symbols) / 6) ** exponent (Wu et al. 2016, arXiv:1609.08144); exponent 0: 1."""
    return ((5.0 + symbols) / 6.0) ** exponent


def beam_search(
    step: Step,
    carry: Any,
    limits: Int[Array, " batch"],
    *,
    beam: int,
    length: int,
    end: int,
    exponent: float = 0.6,
    never: Sequence[int] = (),
) -> Hypotheses:
    """Search the most probable sequences; with a beam of 1 this is greedy search.

    At each time step the `beam` best continuations of each row that do not end go on, and those that end and are among
    the `beam` best are kept. A row is done when it has kept `beam` sequences or has reached its limit, where all of
    them end. The rows of a batch do not affect each other.

    Args:
        step: advances all rows.
        carry: before the first symbol; the first axis of its arrays has `beam` rows per sequence, one after the other.
        limits: the most symbols of each row's sequences, ends left out, at most `length`.
        beam: number of sequences per row.
        length: the most symbols of any sequence.
        end: the symbol that ends sequences; it is also the one before the first symbol.
        exponent: of the length penalty.
        never: symbols that are never chosen.
    """
    batch = limits.shape[0]
    blank = jnp.full((batch, beam, length + 1), end, jnp.int32)
    worst = jnp.full((batch, beam), -jnp.inf)
    first = worst.at[:, 0].set(0.0)
    start = _State(
        jnp.zeros((), jnp.int32), blank, first, carry, Hypotheses(blank, worst, worst), jnp.zeros(batch, bool)
    )

    def advance(state: _State) -> _State:
        before = jax.lax.dynamic_index_in_dim(state.symbols, jnp.maximum(state.time - 1, 0), axis=2, keepdims=False)
        last = jnp.where(state.time == 0, end, before)
        each, carry = step(state.carry, last.reshape(-1))
        each = each.reshape(batch, beam, -1)
        count = each.shape[2]
        allowed = (jnp.arange(count) == end)[None] | (state.time < limits)[:, None]
        for symbol in never:
            allowed = allowed.at[:, symbol].set(False)
        totals = jnp.where(allowed[:, None], state.log_probabilities[:, :, None] + each, -jnp.inf)
        values, places = jax.lax.top_k(totals.reshape(batch, -1), min(2 * beam, beam * count))
        parents, chosen = places // count, (places % count).astype(jnp.int32)
        grown = jnp.take_along_axis(state.symbols, parents[:, :, None], axis=1)
        grown = jax.lax.dynamic_update_index_in_dim(grown, chosen, state.time, axis=2)
        ends = chosen == end

        keeps = ends & (jnp.arange(values.shape[1]) < beam)[None] & ~state.done[:, None]
        kept = jnp.where(keeps, values, -jnp.inf)
        scores = kept / length_penalty((state.time + 1).astype(jnp.float32), exponent)
        ended = _best(state.ended, Hypotheses(grown, scores, kept), beam)

        going, order = jax.lax.top_k(jnp.where(ends, -jnp.inf, values), beam)
        parent = jnp.take_along_axis(parents, order, axis=1) + beam * jnp.arange(batch)[:, None]
        done = state.done | jnp.isfinite(ended.scores).all(axis=1) | jnp.isinf(going[:, 0])
        return _State(
            state.time + 1,
            jnp.take_along_axis(grown, order[:, :, None], axis=1),
            going,
            jax.tree.map(lambda leaf: leaf[parent.reshape(-1)], carry),
            ended,
            done,
        )

    return jax.lax.while_loop(lambda state: ~state.done.all() & (state.time <= length), advance, start).ended


def _best(one: Hypotheses, other: Hypotheses, count: int) -> Hypotheses:
    """Return the best of two sets of hypotheses."""
    joined = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1), one, other)
    scores, order = jax.lax.top_k(joined.scores, count)
    symbols = jnp.take_along_axis(joined.symbols, order[:, :, None], axis=1)
    return Hypotheses(symbols, scores, jnp.take_along_axis(joined.log_probabilities, order, axis=1))
