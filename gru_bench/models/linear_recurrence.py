"""h_t = scale_t * h_(t-1) + shift_t over time: sequentially or in parallel, with a gradient of the same kind."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class _Plan(NamedTuple):
    reverse: bool
    unroll: int
    parallel: bool


def linear_recurrence(
    scale: Float[Array, "time batch hidden"],
    shift: Float[Array, "time batch hidden"],
    start: Float[Array, "batch hidden"],
    *,
    reverse: bool = False,
    unroll: int = 1,
    parallel: bool = False,
) -> tuple[Float[Array, "time batch hidden"], Float[Array, "batch hidden"]]:
    """Return h of all time steps, and the last one, which is `start` without any time step.

    The gradient with respect to h is the same recurrence in the other direction, so that only `scale` and h are kept.

    Args:
        scale: the factor of each time step.
        shift: the summand of each time step.
        start: h before the first time step (after the last one with `reverse`).
        reverse: run from the last time step to the first.
        unroll: time steps per iteration of the compiled loop, if it is sequential.
        parallel: combine time steps pairwise (`jax.lax.associative_scan`): about log2(time) sequential operations
            instead of `time`, but more operations in total.
    """
    states = cast(Array, _states(_Plan(reverse, unroll, parallel), scale, shift, start))
    if len(states) == 0:
        return states, start
    return states, states[0 if reverse else -1]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _states(plan: _Plan, scale: Array, shift: Array, start: Array) -> Array:
    return _run(plan, scale, shift, start)


def _run(plan: _Plan, scale: Array, shift: Array, start: Array) -> Array:
    if plan.parallel and len(scale) > 1:
        first = -1 if plan.reverse else 0
        shift = shift.at[first].add(scale[first] * start)
        return jax.lax.associative_scan(_join, (scale, shift), reverse=plan.reverse)[1]

    def body(state: Array, at: tuple[Array, Array]) -> tuple[Array, Array]:
        state = at[0] * state + at[1]
        return state, state

    return jax.lax.scan(body, start, (scale, shift), reverse=plan.reverse, unroll=plan.unroll)[1]


def _join(earlier: tuple[Array, Array], later: tuple[Array, Array]) -> tuple[Array, Array]:
    return later[0] * earlier[0], later[0] * earlier[1] + later[1]


def _forward(plan: _Plan, scale: Array, shift: Array, start: Array) -> tuple[Array, Any]:
    states = _run(plan, scale, shift, start)
    return states, (scale, start, states)


def _backward(plan: _Plan, saved: tuple[Array, Array, Array], gradient: Array) -> tuple[Array, Array, Array]:
    scale, start, states = saved
    back = plan._replace(reverse=not plan.reverse)
    if len(scale) == 0:
        return scale, states, jnp.zeros_like(start)
    after = _delayed(scale, jnp.zeros_like(start), back.reverse)
    d_shift = _run(back, after, gradient, jnp.zeros_like(start))
    first = -1 if plan.reverse else 0
    return d_shift * _delayed(states, start, plan.reverse), d_shift, d_shift[first] * scale[first]


_states.defvjp(_forward, _backward)


def _delayed(values: Array, first: Array, reverse: bool) -> Array:
    """Shift values by one time step in the direction of the run, with `first` at its start."""
    return jnp.concatenate([values[1:], first[None]] if reverse else [first[None], values[:-1]])
