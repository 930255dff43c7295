"""Encoder, stacked recurrent layers, head. Batch-major outside, time-major inside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from gru_bench.models.cells import Carry, Cell
from gru_bench.models.cross_entropy import cross_entropy
from gru_bench.models.initializers import Initializer, draw_cell
from gru_bench.models.pooling import Attention, Pooling
from gru_bench.models.probes import gate_activity, gate_values
from gru_bench.models.products import product
from gru_bench.models.recurrence import Recurrence, recur

_DIRECTIONS = ("forward", "backward")


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


class Embedding(nnx.Module):
    """A table of vectors, one per symbol; `tied` when the head uses it as its kernel."""

    def __init__(self, key: Array, symbols: int, size: int, initializer: Initializer, tied: bool = False):
        self.table = nnx.Param(initializer(key, "kernel" if tied else "table", (symbols, size)))

    def __call__(self, ids: Int[Array, "*leading"]) -> Float[Array, "*leading size"]:
        """Look symbols up."""
        return self.table[...][ids]


class Identity(nnx.Module):
    """Hands real-valued inputs on as they are."""

    def __call__(self, values: Float[Array, "*leading size"]) -> Float[Array, "*leading size"]:
        """Return the values."""
        return values


class Readout(nnx.Module):
    """An affine map from hidden states to outputs; its kernel may be an embedding's table, transposed."""

    def __init__(
        self,
        key: Array,
        size: int,
        outputs: int,
        initializer: Initializer,
        precision: str,
        tied: Embedding | None = None,
    ):
        kernel_key, bias_key = jax.random.split(key)
        self.kernel = nnx.data(nnx.Param(initializer(kernel_key, "kernel", (size, outputs))) if tied is None else None)
        self.bias = nnx.Param(initializer(bias_key, "bias", (outputs,)))
        self.precision = precision

    def __call__(
        self, hidden: Float[Array, "*leading size"], tied: Embedding | None = None
    ) -> Float[Array, "*leading outputs"]:
        """Return outputs for each hidden state."""
        outputs = product(hidden, self._kernel(tied), self.precision)
        return outputs + jnp.broadcast_to(self.bias[...], outputs.shape)

    def cross_entropy(
        self,
        hidden: Float[Array, "*leading size"],
        targets: Int[Array, "*leading"],
        mask: Bool[Array, "*leading"],
        tied: Embedding | None = None,
    ) -> Float[Array, ""]:
        """Return the nll of the targets, in nats, with the outputs as logits; summed over what counts."""
        return cross_entropy(hidden, self._kernel(tied), self.bias[...], targets, mask, jnp.dtype(self.precision))

    def _kernel(self, tied: Embedding | None) -> Float[Array, "size outputs"]:
        return self.kernel[...] if self.kernel is not None else cast(Embedding, tied).table[...].T


class RecurrentLayer(nnx.Module):
    """One cell over time, in one or both directions; both directions' outputs are joined."""

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
        return jnp.concatenate(outputs, axis=-1), final


class Network(nnx.Module):
    """Encoder, recurrent layers, head; with pooling between layers and head one output per sequence."""

    def __init__(
        self,
        encoder: Embedding | Identity,
        layers: Sequence[RecurrentLayer],
        pooling: Pooling | None,
        head: Readout,
        *,
        residual: bool,
        dropout: Dropout,
    ):
        self.encoder, self.layers, self.head = encoder, nnx.data(list(layers)), head
        self.pooling = nnx.data(pooling)
        self.residual, self.dropout = residual, dropout

    def zero_carry(self, batch: int) -> list[dict[str, Carry]]:
        """Return the carry of all layers before the first time step."""
        return [{name: layer.cell.zero_carry(batch) for name in layer.weights} for layer in self.layers]

    def __call__(
        self,
        inputs: Array,
        carry: list[dict[str, Carry]],
        *,
        padding: Bool[Array, "batch time"] | None = None,
        reset: Bool[Array, "batch time"] | None = None,
        features: Float[Array, "batch feature"] | None = None,
        last: int | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, "batch *time outputs"], list[dict[str, Carry]]]:
        """Run the network.

        Args:
            inputs: symbols (batch, time) or real values (batch, time, channel).
            carry: the carry of all layers before the first time step.
            padding: True where a time step counts.
            reset: True where a time step starts a sequence.
            features: what joins the pooled hidden state before the head, where the task has such features.
            last: without pooling, of how many time steps outputs are wanted, the last ones; None: of all.
            key: draws dropout masks; None switches dropout off.

        Returns:
            The head's outputs, per time step or, with pooling, per sequence; and the carry after the last time step.
        """
        hidden, carry = self.encode(inputs, carry, padding=padding, reset=reset, key=key)
        if self.pooling is not None:
            hidden = self.pooling(hidden, _all_count(inputs) if padding is None else padding)
        elif last is not None:
            hidden = hidden[:, -last:]
        if features is not None:
            hidden = jnp.concatenate([hidden, features], axis=-1)
        return self.head(hidden, self._table), carry

    def cross_entropy(
        self,
        inputs: Array,
        targets: Int[Array, "batch time"],
        carry: list[dict[str, Carry]],
        *,
        mask: Bool[Array, "batch time"],
        reset: Bool[Array, "batch time"] | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, ""], list[dict[str, Carry]]]:
        """Run the network and return the summed nll of one target per time step, in nats, without keeping its outputs.

        Args:
            inputs: see `__call__`.
            targets: the symbol to predict at each time step.
            carry: see `__call__`.
            mask: True where a time step and its target count.
            reset: see `__call__`.
            key: see `__call__`.

        Returns:
            The sum over what counts, and the carry after the last time step.
        """
        hidden, carry = self.encode(inputs, carry, padding=mask, reset=reset, key=key)
        return self.head.cross_entropy(hidden, targets, mask, self._table), carry

    @property
    def _table(self) -> Embedding | None:
        return self.encoder if isinstance(self.encoder, Embedding) else None

    def attention(self, inputs: Array, padding: Bool[Array, "batch time"]) -> Float[Array, "batch time"] | None:
        """Return the weight of each time step in the pooled state; None where the pooling is no attention."""
        if not isinstance(self.pooling, Attention):
            return None
        hidden, _ = self.encode(inputs, self.zero_carry(inputs.shape[0]), padding=padding)
        return self.pooling.weights(hidden, padding)

    def encode(
        self,
        inputs: Array,
        carry: list[dict[str, Carry]],
        *,
        padding: Bool[Array, "batch time"] | None = None,
        reset: Bool[Array, "batch time"] | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, "batch time size"], list[dict[str, Carry]]]:
        """Return the last layer's hidden states instead of the head's outputs; see `__call__`."""
        dropout = self.dropout
        padding = None if padding is None else padding.T
        reset = None if reset is None else reset.T
        input_key, *keys = [None] * (2 * len(self.layers) + 1) if key is None else _split(key, 2 * len(self.layers) + 1)
        hidden = self.encoder(jnp.swapaxes(inputs, 0, 1))
        hidden = _drop(hidden, dropout.input, dropout.variational, input_key)
        final = []
        for index, (layer, start) in enumerate(zip(self.layers, carry, strict=True)):
            outputs, after = layer(hidden, start, padding, reset, dropout.recurrent, keys[2 * index])
            outputs = _drop(outputs, dropout.output, dropout.variational, keys[2 * index + 1])
            hidden = self._joined(hidden, outputs)
            final.append(after)
        return jnp.swapaxes(hidden, 0, 1), final

    def gate_activity(
        self,
        inputs: Array,
        carry: list[dict[str, Carry]],
        padding: Bool[Array, "batch time"] | None = None,
        reset: Bool[Array, "batch time"] | None = None,
    ) -> dict[str, Array]:
        """Return mean and saturated share of each gate, named `layer<k>/<direction>/<gate>/<mean|saturated>`.

        The network runs as in `__call__` without dropout. Time steps whose `padding` is False are left out.
        """
        hidden, activity = self.encoder(jnp.swapaxes(inputs, 0, 1)), {}
        padding = None if padding is None else padding.T
        reset = None if reset is None else reset.T
        for index, (layer, start) in enumerate(zip(self.layers, carry, strict=True)):
            masks, outputs = {"padding": padding, "reset": reset}, []
            for name, weights in layer.directions.items():
                how = {"reverse": name == "backward", "precision": jnp.dtype(layer.execution.precision)}
                gates, states = gate_values(layer.cell, weights, hidden, start[name], **masks, **how)
                outputs.append(states)
                for gate, measured in gate_activity(gates, padding).items():
                    activity |= {f"layer{index}/{name}/{gate}/{what}": value for what, value in measured.items()}
            hidden = self._joined(hidden, jnp.concatenate(outputs, axis=-1))
        return activity

    def _joined(self, inputs: Float[Array, "time batch input"], outputs: Float[Array, "time batch size"]) -> Array:
        """Return what leaves a layer: its outputs, and with them its inputs where the network is residual."""
        return inputs + outputs if self.residual and outputs.shape == inputs.shape else outputs

    @property
    def parameters(self) -> dict[str, int]:
        """Exact counts of trained values: `recurrent` layers, and `total`."""
        return {"recurrent": count_parameters(self.layers), "total": count_parameters(self)}


def _all_count(inputs: Array) -> Bool[Array, "batch time"]:
    return jnp.ones(inputs.shape[:2], bool)


def count_parameters(tree: Any) -> int:
    """Return the number of trained values of a network or a part of one; shapes are enough."""
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(nnx.state(tree, nnx.Param)))


def _split(key: Array, number: int) -> list[Array]:
    return list(jax.random.split(key, number))
