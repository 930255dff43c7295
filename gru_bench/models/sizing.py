"""Sizes of a cell, and the hidden size for a parameter budget."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from gru_bench.cells.base import Cell
from gru_bench.errors import ConfigError

TOLERANCE = 0.01
BACKWARD_AND_FORWARD = 3
"""Matrix products of an update, relative to the forward pass: once for itself, twice for the gradients."""


def cell_parameters(cell: Cell, input_size: int) -> int:
    """Return the number of trained values of one cell."""
    return sum(math.prod(shape) for shape in cell.weight_shapes(input_size).values())


def cell_flops(cell: Cell, input_size: int) -> int:
    """Return the floating-point operations of the matrix products of one time step, forward."""
    shapes = cell.weight_shapes(input_size)
    return 2 * sum(math.prod(shapes[name]) for name in ("kernel", *cell.recurrent_kernels))


def hidden_sizes_around(budget: int, count: Callable[[int], int]) -> tuple[int, int]:
    """Return the neighbouring hidden sizes whose recurrent parameters enclose `budget`, the closer one first.

    Args:
        budget: the target number.
        count: returns the number for a hidden size; it is increasing.
    """
    count = functools.cache(count)
    low, high = 1, 2
    while count(high) < budget:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < budget else (low, middle)
    closer, other = sorted((low, high), key=lambda hidden: abs(count(hidden) - budget))
    return closer, other


def attainable(budget: int, count: Callable[[int], int]) -> int:
    """Return `budget` where a hidden size has it within 1 %, else the recurrent parameters of the closest size.

    Args:
        budget: the target number.
        count: returns the number for a hidden size; it is increasing.
    """
    closest = count(hidden_sizes_around(budget, count)[0])
    return budget if _within(closest, budget) else closest


def _within(number: int, budget: int) -> bool:
    return abs(number - budget) <= TOLERANCE * budget


def hidden_size_for(budget: int, count: Callable[[int], int]) -> int:
    """Return the hidden size whose number of recurrent parameters is closest to `budget`.

    Args:
        budget: the target number.
        count: returns the number for a hidden size; it is increasing.

    Raises:
        ConfigError: no hidden size is within 1 %.
    """
    count = functools.cache(count)
    best, other = hidden_sizes_around(budget, count)
    if not _within(count(best), budget):
        low, high = sorted((best, other))
        raise ConfigError(
            "model.parameter_budget",
            budget,
            f"a number within 1 % of that of a hidden size, here {count(low)} (hidden size {low}) or "
            f"{count(high)} (hidden size {high})",
        )
    return best
