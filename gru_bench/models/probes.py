"""Probes of a recurrence: the values of its gates, and the gradients with respect to its carries."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from gru_bench.cells.base import Activations, Carry, Cell, Weights
from gru_bench.models.products import gate_products, product, split_gates
from gru_bench.models.recurrence import Plan, Steps, advance, run, starts


def gate_values(
    cell: Cell,
    weights: Weights,
    inputs: Float[Array, "time batch input"],
    carry: Carry,
    *,
    padding: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
    reverse: bool = False,
    precision: Any = jnp.float32,
) -> tuple[Activations, Float[Array, "time batch hidden"]]:
    """Return the values of all sigmoid gates at all time steps, and the hidden states of `recur`."""
    plan = Plan(cell, precision, reverse)
    steps = Steps(gate_products(inputs, weights["kernel"], precision), padding, starts(reset, reverse))
    (gates, hidden), _ = run(plan, weights, None, steps, carry, lambda after, _: (after.activations, after.output))
    return gates, hidden


def gate_activity(
    gates: Activations, padding: Bool[Array, "time batch"] | None = None
) -> dict[str, dict[str, Float[Array, ""]]]:
    """Return mean and saturated share (below 0.1 or above 0.9) of each gate, without padding."""

    def mean(values: Array) -> Array:
        return jnp.mean(values, where=None if padding is None else jnp.broadcast_to(padding[..., None], values.shape))

    return {
        name: {"mean": mean(values), "saturated": mean((values < 0.1) | (values > 0.9))}
        for name, values in gates.items()
    }


def carry_gradients(
    cell: Cell,
    weights: Weights,
    inputs: Float[Array, "time batch input"],
    carry: Carry,
    d_outputs: Float[Array, "time batch hidden"],
    *,
    padding: Bool[Array, "time batch"] | None = None,
    reset: Bool[Array, "time batch"] | None = None,
) -> Carry:
    """Return the gradients with respect to the carries after all time steps, time first, from one backward pass.

    They are those of sum(d_outputs * outputs) with respect to a summand of the carry, added before the output is
    computed, and so include the outputs of that time step and of all later ones.

    Args:
        cell: the cell and its options.
        weights: its weights; their dtype, float32 or float64, is that of the whole computation.
        inputs: see `recur`.
        carry: see `recur`.
        d_outputs: the gradient with respect to the outputs.
        padding: see `recur`.
        reset: see `recur`.
    """
    plan = Plan(cell, inputs.dtype)
    kernel, rest = weights["kernel"], {name: value for name, value in weights.items() if name != "kernel"}
    steps = Steps(cell.project(rest, split_gates(product(inputs, kernel, inputs.dtype))), padding, reset)

    def outputs(added: Carry) -> Array:
        def body(carry: Carry, at: tuple[Steps, Carry]) -> tuple[Carry, Array]:
            step, more = at
            after = jax.tree.map(jnp.add, advance(plan, rest, None, carry, step).carry, more)
            output = cell.hidden(after)
            return after, output if step.padding is None else jnp.where(step.padding[:, None], output, 0.0)

        return jax.lax.scan(body, carry, (steps, added))[1]

    none_added = jax.tree.map(lambda part: jnp.zeros((len(inputs), *part.shape), part.dtype), carry)
    _, pull = jax.vjp(outputs, none_added)
    return pull(d_outputs)[0]
