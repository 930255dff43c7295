"""h_t = scale_t * h_(t-1) + shift_t against a loop, both ways of running it, with gradients."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from gru_bench.models.linear_recurrence import linear_recurrence
from tests.models.support import assert_close, assert_within, random_array

BATCH, HIDDEN = 2, 3
WAYS = [{"parallel": False}, {"parallel": False, "unroll": 3}, {"parallel": True}]


def drawn(time: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    scale = jax.nn.sigmoid(random_array(1, time, BATCH, HIDDEN))
    return scale, random_array(2, time, BATCH, HIDDEN), random_array(3, BATCH, HIDDEN)


def looped(scale: jax.Array, shift: jax.Array, start: jax.Array, reverse: bool) -> tuple[jax.Array, jax.Array]:
    states, state = {}, start
    for time in reversed(range(len(scale))) if reverse else range(len(scale)):
        states[time] = state = scale[time] * state + shift[time]
    joined = jnp.stack([states[time] for time in range(len(scale))]) if states else shift
    return joined, state


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("time", [0, 1, 2, 11])
def test_states_and_gradients_are_those_of_a_loop(time: int, way: dict[str, Any], reverse: bool):
    arrays = drawn(time)

    def gradient(run: Any) -> Any:
        def total(arrays: Any) -> tuple[jax.Array, Any]:
            states, final = run(*arrays, reverse=reverse)
            return jnp.sum(jnp.sin(states)) + jnp.sum(jnp.cos(final)), (states, final)

        return jax.grad(total, has_aux=True)(arrays)

    assert_close(gradient(lambda *a, **o: linear_recurrence(*a, **o, **way)), gradient(looped), 1e-5)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_scale_of_zero_cuts_states_and_gradients_exactly(way: dict[str, Any]):
    scale, shift, start = drawn(7)
    scale = scale.at[4].set(0.0)

    def late(scale: jax.Array, shift: jax.Array, start: jax.Array) -> jax.Array:
        return linear_recurrence(scale, shift, start, **way)[0][4:].sum()

    d_scale, d_shift, d_start = jax.grad(late, argnums=(0, 1, 2))(scale, shift, start)
    assert not d_scale[:4].any()
    assert not d_shift[:4].any()
    assert not d_start.any()
    assert d_shift[4:].all()


def test_it_is_pure_under_vmap():
    scale, shift, start = drawn(5)
    several = jnp.stack([shift, 2.0 * shift])
    for way in WAYS:
        mapped = jax.vmap(lambda values, way=way: linear_recurrence(scale, values, start, **way))(several)
        second = linear_recurrence(scale, several[1], start, **way)
        assert_within(jax.tree.map(lambda leaf: leaf[1], mapped), second, 1e-6)
