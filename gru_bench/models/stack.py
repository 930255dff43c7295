"""Stacked recurrent layers: a cell over time, in one or both directions, with dropout between the layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from gru_bench.cells.base import Carry, Cell
from gru_bench.models.initializers import Initializer, draw_cell
from gru_bench.models.recurrence import Recurrence, recur

_DIRECTIONS = ("forward", "backward")

StackCarry = list[dict[str, Carry]]
"""The carry of each layer, by direction."""


@dataclass(frozen=True, kw_only=True)
class Dropout:
    """Shares of values set to 0 in training.

    `input` acts on what enters the first recurrent layer, `output` on what leaves each one, `recurrent` on the hidden
    state in the recurrent products. The recurrent mask is the same at every time step; with `variational` the other
    two are as well (Gal & Ghahramani 2016, arXiv:1512.05287), else they are drawn anew at each step (Zaremba et al.
    2014, arXiv:1409.2329).
    """

    input: float = 0.0
    output: float = 0.0
    recurrent: float = 0.0
    variational: bool = False


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How the recurrence runs: dtype of products, steps per loop iteration, memory for time, whose gradient."""

    precision: str = "float32"
    unroll: int = 1
    rematerialise: bool = False
    recurrence: Recurrence = "fast"


def _keep_mask(key: Array, rate: float, shape: tuple[int, ...]) -> Array:
    return jax.random.bernoulli(key, 1.0 - rate, shape).astype(jnp.float32) / (1.0 - rate)


def _drop(
    values: Float[Array, "time batch size"], rate: float, variational: bool, key: Array | None
) -> Float[Array, "time batch size"]:
    if key is None or rate == 0.0:
        return values
    shape = (1, *values.shape[1:]) if variational else values.shape
    return values * _keep_mask(key, rate, shape)


class Seen(NamedTuple):
    """What a recurrent layer was called with, and what it returned, time first; the carry by direction."""

    inputs: Float[Array, "time batch input"]
    carry: dict[str, Carry]
    padding: Bool[Array, "time batch"] | None
    reset: Bool[Array, "time batch"] | None
    outputs: Float[Array, "time batch output"]


class RecurrentLayer(nnx.Module):
    """One cell over time, in one or both directions; both directions' outputs are joined.

    Attributes:
        watched: whether a call leaves `seen`, for measurements of gates and gradients.
        added: what is added to the outputs, where their gradient is wanted.
    """

    watched: bool = False
    added: Float[Array, "time batch output"] | None = None

    def __init__(
        self,
        key: Array,
        cell: Cell,
        input_size: int,
        bidirectional: bool,
        initializer: Initializer,
        execution: Execution,
    ):
        self.cell, self.execution = cell, execution
        directions = _DIRECTIONS if bidirectional else _DIRECTIONS[:1]
        self.weights = nnx.data(
            {
                name: {
                    weight: nnx.Param(value)
                    for weight, value in draw_cell(direction_key, cell, input_size, initializer).items()
                }
                for name, direction_key in zip(directions, jax.random.split(key, len(directions)), strict=True)
            }
        )

    @property
    def output_size(self) -> int:
        """Numbers per time step that the layer returns, both directions together."""
        return self.cell.hidden_size * len(self.weights)

    @property
    def directions(self) -> dict[str, dict[str, Array]]:
        """Weights by direction: `forward`, and `backward` when bidirectional, always in this order."""
        return {  # `self.weights` itself comes back from a split and merge sorted by name
            name: {weight: parameter[...] for weight, parameter in self.weights[name].items()}
            for name in _DIRECTIONS
            if name in self.weights
        }

    def __call__(
        self,
        inputs: Float[Array, "time batch input"],
        carry: dict[str, Carry],
        padding: Bool[Array, "time batch"] | None,
        reset: Bool[Array, "time batch"] | None,
        recurrent_dropout: float,
        key: Array | None,
    ) -> tuple[Float[Array, "time batch output"], dict[str, Carry]]:
        """Return hidden states and final carries by direction."""
        outputs, final = [], {}
        for index, (name, weights) in enumerate(self.directions.items()):
            mask = None
            if key is not None and recurrent_dropout:
                shape = (inputs.shape[1], self.cell.hidden_size)
                mask = _keep_mask(jax.random.fold_in(key, index), recurrent_dropout, shape)
            hidden, final[name] = recur(
                self.cell,
                weights,
                inputs,
                carry[name],
                padding=padding,
                reset=reset,
                reverse=name == "backward",
                recurrent_mask=mask,
                precision=jnp.dtype(self.execution.precision),
                unroll=self.execution.unroll,
                rematerialise=self.execution.rematerialise,
                recurrence=self.execution.recurrence,
            )
            outputs.append(hidden)
        joined = jnp.concatenate(outputs, axis=-1)
        if self.watched:
            self.seen = nnx.data(Seen(inputs, carry, padding, reset, joined))
        return joined if self.added is None else joined + self.added, final


class Stack(nnx.Module):
    """Recurrent layers on top of each other. Batch-major outside, time-major inside."""

    def __init__(self, layers: Sequence[RecurrentLayer], *, residual: bool, dropout: Dropout):
        self.layers = nnx.data(list(layers))
        self.residual, self.dropout = residual, dropout

    def zero_carry(self, batch: int) -> StackCarry:
        """Return the carry of all layers before the first time step."""
        return [{name: layer.cell.zero_carry(batch) for name in layer.weights} for layer in self.layers]

    def run(
        self,
        values: Float[Array, "batch time input"],
        carry: StackCarry,
        *,
        padding: Bool[Array, "batch time"] | None = None,
        reset: Bool[Array, "batch time"] | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, "batch time size"], StackCarry]:
        """Run the layers.

        Args:
            values: what the first layer reads.
            carry: the carry of all layers before the first time step.
            padding: True where a time step counts.
            reset: True where a time step starts a sequence.
            key: draws dropout masks; None switches dropout off.

        Returns:
            The last layer's hidden states, and the carry after the last time step.
        """
        hidden, carry = self.over_time(jnp.swapaxes(values, 0, 1), carry, padding=padding, reset=reset, key=key)
        return jnp.swapaxes(hidden, 0, 1), carry

    def over_time(
        self,
        values: Float[Array, "time batch input"],
        carry: StackCarry,
        *,
        padding: Bool[Array, "batch time"] | None = None,
        reset: Bool[Array, "batch time"] | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, "time batch size"], StackCarry]:
        """Run the layers on time-major values; see `run`."""
        dropout, count = self.dropout, 2 * len(self.layers) + 1
        padding = None if padding is None else padding.T
        reset = None if reset is None else reset.T
        input_key, *keys = [None] * count if key is None else list(jax.random.split(key, count))
        hidden = _drop(values, dropout.input, dropout.variational, input_key)
        final = []
        for index, (layer, start) in enumerate(zip(self.layers, carry, strict=True)):
            outputs, after = layer(hidden, start, padding, reset, dropout.recurrent, keys[2 * index])
            outputs = _drop(outputs, dropout.output, dropout.variational, keys[2 * index + 1])
            joined = self.residual and outputs.shape == hidden.shape
            hidden = hidden + outputs if joined else outputs
            final.append(after)
        return hidden, final
