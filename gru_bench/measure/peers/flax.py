"""Flax: `nnx.RNN` over its own cells."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from gru_bench.measure.layer import JaxImplementation, JaxLayer
from gru_bench.measurement import Point

_CELLS: dict[str, Any] = {"gru": nnx.GRUCell, "lstm": nnx.OptimizedLSTMCell, "rnn": nnx.SimpleCell}


class Flax(JaxImplementation):
    """`nnx.RNN` with GRUCell, OptimizedLSTMCell or SimpleCell."""

    def refusal(self, point: Point) -> str | None:
        """Return why it does not support a point here, or None."""
        return None if point.cell in _CELLS else f"it has no {point.cell}"

    def layer(self, point: Point) -> JaxLayer:
        """Build the layer for a point."""
        shape = point.shape
        cell = _CELLS[point.cell](
            shape.input, shape.hidden, dtype=jnp.dtype(point.precision), param_dtype=jnp.float32, rngs=nnx.Rngs(0)
        )
        zeros = cell.initialize_carry((shape.batch, shape.input), rngs=nnx.Rngs(0))
        after, _ = jax.eval_shape(cell, zeros, jnp.zeros((shape.batch, shape.input)))
        carry = jax.tree.map(lambda value, other: value.astype(other.dtype), zeros, after)  # its scan wants equal types
        graph, weights, rest = nnx.split(nnx.RNN(cell), nnx.Param, ...)

        def apply(weights: Any, inputs: Any) -> Any:
            return nnx.merge(graph, weights, rest)(inputs, initial_carry=carry)

        def step(weights: Any, carry: Any, inputs: Any) -> Any:
            return nnx.merge(graph, weights, rest).cell(carry, inputs)

        return JaxLayer(weights, carry, apply, step)
