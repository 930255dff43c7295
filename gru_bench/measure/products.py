"""The matrix products of a layer alone, in the shapes and order of the recurrence."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from gru_bench.cells import cell_class
from gru_bench.measure.layer import Prepared, operands, prepare_function, prepare_step, random_weights
from gru_bench.measurement import Point


class Products:
    """Matrix products only: no gates, and no dependence between time steps."""

    def refusal(self, point: Point) -> str | None:
        """Return why it does not support a point here, or None."""
        return None

    def prepare(self, point: Point) -> Prepared:
        """Build and compile the products for a point."""
        batch, time, inputs, hidden = point.shape
        cell = cell_class(point.cell)(hidden_size=hidden)
        shapes = {name: cell.weight_shapes(inputs)[name] for name in ("kernel", *cell.recurrent_kernels)}
        shapes = {name: (shape[0], math.prod(shape[1:])) for name, shape in shapes.items()}
        weights = {name: value.astype(point.precision) for name, value in random_weights(shapes).items()}
        x, states = (jnp.swapaxes(jnp.asarray(array, dtype=point.precision), 0, 1) for array in operands(point))
        if point.what == "step":
            carry = jnp.zeros((batch, sum(weights[name].shape[1] for name in cell.recurrent_kernels)))
            return prepare_step(_step, carry, (weights, x[0], states[0]), weights)
        if point.what == "forward":
            return prepare_function(_forward, (weights, x, states), weights)
        gradients = {
            name: jnp.asarray(random_weights({name: (time, batch, weight.shape[1])})[name], dtype=point.precision)
            for name, weight in weights.items()
        }
        return prepare_function(_training, (weights, x, states, gradients), weights)


def _product(x: Any, weight: Any) -> Any:
    return jnp.matmul(x, weight, preferred_element_type=jnp.float32)


def _recurrent(weights: dict[str, Any]) -> dict[str, Any]:
    return {name: weight for name, weight in weights.items() if name != "kernel"}


def _forward(weights: dict[str, Any], x: Any, states: Any) -> Any:
    """Project all inputs at once, then multiply each hidden state by every recurrent matrix."""
    projected = _product(x.reshape(-1, x.shape[-1]), weights["kernel"])
    return projected, _over_time({name: (states, weight) for name, weight in _recurrent(weights).items()})


def _training(weights: dict[str, Any], x: Any, states: Any, gradients: dict[str, Any]) -> Any:
    """Add the gradients of inputs and weights at once, and of each hidden state in turn."""
    forward = _forward(weights, x, states)
    flat = {name: gradient.reshape(-1, gradient.shape[-1]) for name, gradient in gradients.items()}
    flat_x, flat_states = x.reshape(-1, x.shape[-1]), states.reshape(-1, states.shape[-1])
    d_inputs = _product(flat["kernel"], weights["kernel"].T)
    d_weights = {
        name: _product((flat_x if name == "kernel" else flat_states).T, gradient) for name, gradient in flat.items()
    }
    recurrent = _recurrent(weights)
    d_states = _over_time({name: (gradients[name], weight.T) for name, weight in recurrent.items()})
    return forward, d_inputs, d_weights, d_states


def _over_time(factors: dict[str, tuple[Any, Any]]) -> Any:
    """Multiply step by step; each result overwrites the previous one, so that only products take time."""
    if not factors:
        return {}

    def body(_: Any, at: dict[str, Any]) -> tuple[Any, None]:
        return {name: _product(at[name], weight) for name, (_, weight) in factors.items()}, None

    start = {name: jnp.zeros((x.shape[1], weight.shape[1])) for name, (x, weight) in factors.items()}
    return jax.lax.scan(body, start, {name: x for name, (x, _) in factors.items()})[0]


def _step(carry: Any, weights: dict[str, Any], x: Any, state: Any) -> Any:
    results = [_product(state, weight) for weight in _recurrent(weights).values()]
    return jnp.concatenate([carry[:, :0], *results], axis=-1), _product(x, weights["kernel"])
