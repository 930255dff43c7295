"""Counts of parameters, state and floating-point operations, and the hidden size for a parameter budget."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gru_bench.errors import ConfigError
from gru_bench.models.cells import Cell

TOLERANCE = 0.01
BACKWARD_AND_FORWARD = 3


@dataclass(frozen=True, kw_only=True)
class StackShape:
    """What decides the size of stacked recurrent layers; `input_size` None means as wide as the hidden state."""

    layers: int
    bidirectional: bool
    input_size: int | None

    def layer_inputs(self, hidden_size: int) -> list[int]:
        """Return the input size of each layer."""
        first = hidden_size if self.input_size is None else self.input_size
        return [first] + [hidden_size * self.directions] * (self.layers - 1)

    def output_size(self, hidden_size: int) -> int:
        """Return the size of the last layer's hidden states, both directions together."""
        return hidden_size * self.directions

    @property
    def directions(self) -> int:
        """1, or 2 when bidirectional."""
        return 2 if self.bidirectional else 1


def cell_parameters(cell: Cell, input_size: int) -> int:
    """Return the number of trained values of one cell."""
    return sum(math.prod(shape) for shape in cell.weight_shapes(input_size).values())


def recurrent_parameters(cell: Cell, shape: StackShape) -> int:
    """Return the number of trained values of all recurrent layers."""
    return shape.directions * sum(cell_parameters(cell, size) for size in shape.layer_inputs(cell.hidden_size))


def state_size(cell: Cell, shape: StackShape) -> int:
    """Return how many numbers the recurrent layers carry from t to t+1 for one sequence."""
    return cell.states * cell.hidden_size * shape.layers * shape.directions


def update_flops(
    cell: Cell,
    shape: StackShape,
    output_size: int,
    time_steps: float,
    outputs: float,
    *,
    features: int = 0,
    pooling_flops: int = 0,
) -> float:
    """Return the floating-point operations of one update.

    Counted are the matrix products, two operations per multiply-add, forward once and backward twice. Look-ups and
    element-wise work are left out.

    Args:
        cell: the cell of every layer.
        shape: the recurrent layers.
        output_size: numbers that the head computes per output.
        time_steps: time steps of all sequences in the batch together.
        outputs: outputs that the head computes for the batch.
        features: numbers that join the hidden state before the head.
        pooling_flops: operations of the pooling for one time step, forward.
    """
    layers = sum(cell_flops(cell, input_size) for input_size in shape.layer_inputs(cell.hidden_size))
    head = 2 * (shape.output_size(cell.hidden_size) + features) * output_size
    forward = (shape.directions * layers + pooling_flops) * time_steps + head * outputs
    return float(BACKWARD_AND_FORWARD * forward)


def cell_flops(cell: Cell, input_size: int) -> int:
    """Return the floating-point operations of the matrix products of one time step, forward."""
    shapes = cell.weight_shapes(input_size)
    return 2 * sum(math.prod(shapes[name]) for name in ("kernel", *cell.recurrent_kernels))


def hidden_size_for(budget: int, make_cell: Callable[[int], Cell], shape: StackShape) -> int:
    """Return the hidden size whose recurrent parameters come closest to `budget`.

    Raises:
        ConfigError: no hidden size comes within 1 %.
    """

    def count(hidden: int) -> int:
        return recurrent_parameters(make_cell(hidden), shape)

    low, high = 1, 2
    while count(high) < budget:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < budget else (low, middle)
    best = min(low, high, key=lambda hidden: abs(count(hidden) - budget))
    if abs(count(best) - budget) > TOLERANCE * budget:
        raise ConfigError(
            "model.parameter_budget",
            budget,
            f"a number within 1 % of what a hidden size gives, here {count(low)} (hidden size {low}) or "
            f"{count(high)} (hidden size {high})",
        )
    return best
