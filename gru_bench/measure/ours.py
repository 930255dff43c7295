"""The cells of this repository, with each implementation of the recurrence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gru_bench.cells import cell_class
from gru_bench.measure.layer import JaxImplementation, JaxLayer, random_weights
from gru_bench.measure.rounds import interleave
from gru_bench.measurement import Pass, Point, Shape
from gru_bench.models.recurrence import Recurrence, recur


class Ours(JaxImplementation):
    """Our layers with one implementation of the recurrence."""

    def __init__(self, recurrence: Recurrence):
        self._recurrence: Recurrence = recurrence

    def refusal(self, point: Point) -> str | None:
        """Return why it does not support a point here, or None."""
        same = point.what == "step" and self._recurrence == "scan"
        return "one time step is the same in both recurrences" if same else None

    def layer(self, point: Point) -> JaxLayer:
        """Build the layer for a point."""
        shape = point.shape
        cell = cell_class(point.cell)(hidden_size=shape.hidden)

        def run(weights: Any, inputs: Any, carry: Any) -> Any:
            precision = jnp.dtype(point.precision)
            return recur(cell, weights, inputs, carry, precision=precision, recurrence=self._recurrence)

        def apply(weights: Any, inputs: Any) -> Any:
            outputs, _ = run(weights, jnp.swapaxes(inputs, 0, 1), None)
            return jnp.swapaxes(outputs, 0, 1)

        def step(weights: Any, carry: Any, inputs: Any) -> Any:
            outputs, carry = run(weights, inputs[None], carry)
            return carry, outputs[0]

        weights = random_weights(cell.weight_shapes(shape.input))
        return JaxLayer(weights, cell.zero_carry(shape.batch), apply, step)


def layer_seconds(cells: Sequence[str], shape: Shape, rounds: int, what: Pass = "training") -> dict[str, list[float]]:
    """Return the seconds of one recurrent layer in each round, by cell; the cells are timed in turn.

    Args:
        cells: registered names.
        shape: batch, time steps, input and hidden size.
        rounds: number of rounds; times of the same round are paired.
        what: `forward`, `training` (with the gradients of weights and inputs) or `step`; see `Point`.
    """
    layers = {cell: Ours("fast").prepare(Point(cell, shape, what)) for cell in cells}
    return interleave(layers, rounds, math.inf)
