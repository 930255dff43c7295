"""A cell over time: one `lax.scan` for all cells, with masks, both directions and a fast gradient.

The gradient of a plain scan adds one small product per time step to each weight gradient. `_scan` instead runs
the cell backwards over time, collects the gradient of every product with the hidden state, and forms each weight
gradient as one product over all time steps. It works for any cell, because a cell does such products only through
the `linear` that it is given: the backward pass hands it one that replays the product of the forward pass and
listens at its output ("tap").
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gru_bench.models.cells import Carry, Cell, Gates, Linear, Weights


class Steps(NamedTuple):
    """What a cell reads at each time step, time first."""

    projected: Float[Array, "time batch gate hidden"]
    padding: Bool[Array, "time batch"] | None = None
    reset: Bool[Array, "time batch"] | None = None


def product(precision: Any) -> Linear:
    """Return x W over the last axis of x, computed in `precision` and accumulated in float32."""

    def linear(x: Float[Array, "*leading size"], kernel: Float[Array, " size *out"]) -> Float[Array, "*leading *out"]:
        flat = kernel.reshape(kernel.shape[0], -1)
        result = jnp.matmul(x.astype(precision), flat.astype(precision), preferred_element_type=jnp.float32)
        return result.reshape(*x.shape[:-1], *kernel.shape[1:])

    return linear


def recur(
    cell: Cell,
    weights: Weights,
    inputs: Float[Array, "time batch input"],
    carry: Carry | None = None,
    *,
    padding: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
    reverse: bool = False,
    recurrent_mask: Float[Array, "batch hidden"] | None = None,
    precision: Any = jnp.float32,
    unroll: int = 1,
    rematerialise: bool = False,
    fast_gradient: bool = True,
) -> tuple[Float[Array, "time batch hidden"], Carry]:
    """Run a cell over a batch of sequences.

    Args:
        cell: the cell and its options.
        weights: its weights, float32.
        inputs: what it reads, time-major.
        carry: the carry before the first time step (after the last one with `reverse`); zeros if None.
        padding: True where a time step counts. A step that does not count passes the carry on and outputs 0.
        reset: True where x_t starts a sequence: the carry is zeroed before step t. In reverse, before the last
            step of each sequence.
        reverse: run from the last time step to the first.
        recurrent_mask: multiplies the hidden state in every recurrent product, the same at every time step
            (variational dropout: Gal & Ghahramani 2016, arXiv:1512.05287).
        precision: dtype of the products; carries and gates stay float32.
        unroll: time steps per iteration of the compiled loop.
        rematerialise: recompute the products in the backward pass and store only carries.
        fast_gradient: False leaves the gradient to `lax.scan`; the result is the same up to rounding.

    Returns:
        The hidden states and the final carry.
    """
    linear = product(precision)
    if reset is not None and reverse:
        reset = jnp.concatenate([reset[1:], jnp.zeros_like(reset[:1])])
    steps = Steps(cell.project(weights, inputs, linear), padding, reset)
    if carry is None:
        carry = cell.zero_carry(inputs.shape[1])
    recurrent = {name: value for name, value in weights.items() if name not in ("kernel", "bias", "input_gain")}
    if recurrent_mask is not None:
        recurrent_mask = jax.lax.stop_gradient(recurrent_mask)
    run = _scan if fast_gradient else _plain_scan
    plan = _Plan(cell, precision, reverse, unroll, rematerialise)
    return run(plan, recurrent, recurrent_mask, steps, carry)


class _Plan(NamedTuple):
    """The static part of a recurrence."""

    cell: Cell
    precision: Any
    reverse: bool
    unroll: int
    rematerialise: bool


def advance(
    cell: Cell, weights: Weights, carry: Carry, step: Steps, linear: Linear
) -> tuple[Carry, Float[Array, "batch hidden"], Gates]:
    """Do one time step with its masks: the new carry, the output and the gates."""
    if step.reset is not None:
        carry = _where(step.reset, jax.tree.map(jnp.zeros_like, carry), carry)
    proposed, gates = cell.step(weights, carry, step.projected, linear)
    if step.padding is None:
        return proposed, cell.hidden(proposed), gates
    output = jnp.where(step.padding[:, None], cell.hidden(proposed), 0.0)
    return _where(step.padding, proposed, carry), output, gates


def _where(mask: Bool[Array, " batch"], new: Carry, old: Carry) -> Carry:
    return jax.tree.map(lambda a, b: jnp.where(mask[:, None], a, b), new, old)


def _masked(mask: Array | None, linear: Linear) -> Linear:
    return linear if mask is None else lambda x, kernel: linear(x * mask, kernel)


def _plain_scan(
    plan: _Plan, weights: Weights, mask: Array | None, steps: Steps, carry: Carry
) -> tuple[Float[Array, "time batch hidden"], Carry]:
    def body(carry: Carry, step: Steps) -> tuple[Carry, Array]:
        carry, output, _ = advance(plan.cell, weights, carry, step, _masked(mask, product(plan.precision)))
        return carry, output

    body = jax.checkpoint(body) if plan.rematerialise else body
    carry, outputs = jax.lax.scan(body, carry, steps, reverse=plan.reverse, unroll=plan.unroll)
    return outputs, carry


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _scan(
    plan: _Plan, weights: Weights, mask: Array | None, steps: Steps, carry: Carry
) -> tuple[Float[Array, "time batch hidden"], Carry]:
    return _plain_scan(plan, weights, mask, steps, carry)


def _scan_forward(plan: _Plan, weights: Weights, mask: Array | None, steps: Steps, carry: Carry) -> Any:
    def body(carry: Carry, step: Steps) -> tuple[Carry, Any]:
        products: list[Array] = []

        def record(x: Array, kernel: Array) -> Array:
            products.append(_masked(mask, product(plan.precision))(x, kernel))
            return products[-1]

        after, output, _ = advance(plan.cell, weights, carry, step, record)
        return after, (output, carry, None if plan.rematerialise else products)

    final, (outputs, carries, products) = jax.lax.scan(body, carry, steps, reverse=plan.reverse, unroll=plan.unroll)
    return (outputs, final), (weights, mask, steps, carries, products)


def _scan_backward(plan: _Plan, saved: Any, gradients: Any) -> Any:
    weights, mask, steps, carries, products = saved
    d_outputs, d_final = gradients
    matrices = {name: weights[name] for name in plan.cell.matrices}
    vectors = {name: value for name, value in weights.items() if name not in matrices}

    def body(state: Any, step: Any) -> Any:
        d_carry, d_vectors = state
        d_output, carry, at, replayed = step

        def replay(vectors: Weights, carry: Carry, projected: Array, taps: list[Array]) -> Any:
            factors: list[Array] = []

            def listen(x: Array, kernel: Array) -> Array:
                index = len(factors)
                x = x if mask is None else x * mask
                factors.append(x)
                if replayed is None:
                    return product(plan.precision)(x, kernel) + taps[index]
                known: Any = _replay(plan.precision, x, kernel, replayed[index])
                return known + taps[index]

            after, output, _ = advance(
                plan.cell, {**vectors, **matrices}, carry, at._replace(projected=projected), listen
            )
            return (after, output), factors

        taps = [jnp.zeros((carry_batch(carry), *matrix.shape[1:])) for matrix in matrices.values()]
        _, pull, factors = jax.vjp(replay, vectors, carry, at.projected, taps, has_aux=True)
        d_vector, d_carry, d_projected, d_taps = pull((d_carry, d_output))
        d_vectors = jax.tree.map(jnp.add, d_vectors, d_vector)
        return (d_carry, d_vectors), (d_projected, factors, d_taps)

    start = (d_final, jax.tree.map(jnp.zeros_like, vectors))
    (d_carry, d_vectors), (d_projected, factors, d_taps) = jax.lax.scan(
        body, start, (d_outputs, carries, steps, products), reverse=not plan.reverse, unroll=plan.unroll
    )
    d_matrices = {
        name: _outer(factor, tap, plan.precision) for name, factor, tap in zip(matrices, factors, d_taps, strict=True)
    }
    d_mask = None if mask is None else jnp.zeros_like(mask)
    return {**d_vectors, **d_matrices}, d_mask, Steps(d_projected, None, None), d_carry


_scan.defvjp(_scan_forward, _scan_backward)


def carry_batch(carry: Carry) -> int:
    """Return the number of sequences that a carry holds."""
    return jax.tree.leaves(carry)[0].shape[0]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _replay(precision: Any, x: Array, kernel: Array, result: Array) -> Array:
    """Return `result`, the known value of x W, with the gradient of x W with respect to x alone."""
    return result


def _replay_forward(precision: Any, x: Array, kernel: Array, result: Array) -> tuple[Array, Array]:
    return result, kernel


def _replay_backward(precision: Any, kernel: Array, gradient: Array) -> tuple[Array, None, None]:
    flat = kernel.reshape(kernel.shape[0], -1)
    d_result = gradient.reshape(gradient.shape[0], flat.shape[1])
    return product(precision)(d_result, flat.T), None, None


_replay.defvjp(_replay_forward, _replay_backward)


def _outer(x: Float[Array, "time batch size"], gradient: Array, precision: Any) -> Float[Array, " size *out"]:
    rows = x.shape[0] * x.shape[1]
    flat_x = x.reshape(rows, x.shape[-1]).astype(precision)
    flat_gradient = gradient.reshape(rows, math.prod(gradient.shape[2:])).astype(precision)
    result = jnp.matmul(flat_x.T, flat_gradient, preferred_element_type=jnp.float32)
    return result.reshape(x.shape[-1], *gradient.shape[2:])


def gate_activity(
    cell: Cell,
    weights: Weights,
    inputs: Float[Array, "time batch input"],
    carry: Carry,
    padding: Bool[Array, "time batch"] | None = None,
    *,
    reverse: bool = False,
) -> dict[str, dict[str, Float[Array, ""]]]:
    """Return mean and saturated share (below 0.1 or above 0.9) of each sigmoid gate over what counts of a batch."""
    linear = product(jnp.float32)

    def body(carry: Carry, step: Steps) -> tuple[Carry, Gates]:
        carry, _, gates = advance(cell, weights, carry, step, linear)
        return carry, gates

    steps = Steps(cell.project(weights, inputs, linear), padding)
    _, gates = jax.lax.scan(body, carry, steps, reverse=reverse)
    counted = None if padding is None else padding[..., None]

    def mean(values: Array) -> Array:
        return jnp.mean(values, where=None if counted is None else jnp.broadcast_to(counted, values.shape))

    return {
        name: {"mean": mean(values), "saturated": mean((values < 0.1) | (values > 0.9))}
        for name, values in gates.items()
    }
