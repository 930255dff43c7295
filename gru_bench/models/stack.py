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

    `input` applies to the inputs of the first recurrent layer, `output` to the outputs of each one, `recurrent` to the
    hidden state in the recurrent products. The recurrent mask is the same at every time step; with `variational` so are
    the other two (Gal & Ghahramani 2016, arXiv:1512.05287), else each time step has its own (Zaremba et al. 2014,
    arXiv:1409.2329).
    """

    input: float = 0.0
    output: float = 0.0
    recurrent: float = 0.0
    variational: bool = False


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How the recurrence runs: dtype of products, steps per loop iteration, rematerialisation, kind of gradient."""

    precision: str = "float32"
    unroll: int = 1
    rematerialise: bool = False
    recurrence: Recurrence = "fast"


def _keep_mask(key: Array, rate: float, shape: tuple[int, ...]) -> Array:
    """Draw 0 with probability `rate`, to the nearest 2^-16, else 1 / (1 - rate).

    Two values share a random word: on a CPU faster than `jax.random.bernoulli`, see docs/decisions/dropout_masks.md.
    """
    *outer, size = shape
    words = jax.random.bits(key, (*outer, (size + 1) // 2), jnp.uint32)
    draws = jax.lax.bitcast_convert_type(words, jnp.uint16).reshape(*outer, -1)[..., :size]
    return (draws >= round(rate * 2**16)).astype(jnp.float32) / (1.0 - rate)


def drop(
    values: Float[Array, "time batch size"], rate: float, variational: bool, key: Array | None
) -> Float[Array, "time batch size"]:
    """Set a share of the values to 0 and scale the others up; `variational` repeats one mask along the first axis."""
    if key is None or rate == 0.0:
        return values
    shape = (1, *values.shape[1:]) if variational else values.shape
    return values * _keep_mask(key, rate, shape)


class Seen(NamedTuple):
    """The inputs and outputs of a call of a recurrent layer, time first; the carry by direction."""

    inputs: Float[Array, "time batch input"]
    carry: dict[str, Carry]
    padding: Bool[Array, "time batch"] | None
    reset: Bool[Array, "time batch"] | None
    outputs: Float[Array, "time batch output"]


class RecurrentLayer(nnx.Module):
    """One cell over time, in one or both directions, whose outputs are concatenated.

    Attributes:
        watched: whether a call stores its inputs and outputs in `seen`, to measure gates and gradients.
        added: summand of the outputs, for gradients with respect to them.
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
        """Outputs per time step, both directions together."""
        return self.cell.hidden_size * len(self.weights)

    @property
    def directions(self) -> dict[str, dict[str, Array]]:
        """Weights by direction: `forward`, and `backward` if bidirectional, always in this order."""
        return {  # a split and merge sorts `self.weights` by name
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
    """Stacked recurrent layers, batch-major outside and time-major inside."""

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
            values: the inputs of the first layer.
            carry: the carry of all layers before the first time step.
            padding: True for time steps, False for padding.
            reset: True where a time step starts a sequence.
            key: of the dropout masks; None switches dropout off.

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
        hidden = drop(values, dropout.input, dropout.variational, input_key)
        final = []
        for index, (layer, start) in enumerate(zip(self.layers, carry, strict=True)):
            outputs, after = layer(hidden, start, padding, reset, dropout.recurrent, keys[2 * index])
            outputs = drop(outputs, dropout.output, dropout.variational, keys[2 * index + 1])
            joined = self.residual and outputs.shape == hidden.shape
            hidden = hidden + outputs if joined else outputs
            final.append(after)
        return hidden, final
