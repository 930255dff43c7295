"""The default network of a task: encoder, stacked recurrent layers, pooling, head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from gru_bench.errors import ConfigError
from gru_bench.models.builder import Cells
from gru_bench.models.frames import Pixels
from gru_bench.models.heads import Decay, Embedding, Identity, Readout
from gru_bench.models.model import Model
from gru_bench.models.pooling import Attention, Pooling
from gru_bench.models.self_attention import Refined
from gru_bench.models.stack import Dropout, RecurrentLayer, Stack, StackCarry


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The inputs and outputs of the default network.

    Attributes:
        outputs: numbers per time step, or per sequence if `pooled`.
        symbols: size of the vocabulary; None: inputs are `channels` real values.
        channels: real values per time step.
        frame: rows, columns and channels of a frame whose pixels are the channels; None: they are no pixels.
        frame_features: numbers that a small convolution makes of each frame.
        decays: whether the first third of them decays between observations; see `gru_bench.models.heads.Decay`.
        pooled: whether there is one output per sequence instead of one per time step.
        features: numbers to append to the pooled hidden state before the head.
    """

    outputs: int
    symbols: int | None = None
    channels: int | None = None
    frame: tuple[int, int, int] | None = None
    frame_features: int = 0
    decays: bool = False
    pooled: bool = False
    features: int = 0


Encoder = Embedding | Identity | Decay | Pixels


class Network(Model, Stack):
    """Recurrent layers between an encoder and a head; with pooling, one output per sequence."""

    def __init__(
        self,
        encoder: Encoder,
        layers: Sequence[RecurrentLayer],
        pooling: Pooling | Refined | None,
        head: Readout,
        *,
        residual: bool,
        dropout: Dropout,
    ):
        super().__init__(layers, residual=residual, dropout=dropout)
        self.encoder, self.head = encoder, head
        self.pooling = nnx.data(pooling)

    def __call__(
        self,
        inputs: Array,
        carry: StackCarry,
        *,
        padding: Bool[Array, "batch time"] | None = None,
        reset: Bool[Array, "batch time"] | None = None,
        features: Float[Array, "batch feature"] | None = None,
        last: int | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, "batch *time outputs"], StackCarry]:
        """Run the network.

        Args:
            inputs: symbols (batch, time) or real values (batch, time, channel).
            carry: the carry of all layers before the first time step.
            padding: True for time steps, False for padding.
            reset: True where a time step starts a sequence.
            features: numbers to append to the pooled hidden state before the head.
            last: without pooling, return outputs only of this many last time steps; None: of all.
            key: of the dropout masks; None switches dropout off.

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
        carry: StackCarry,
        *,
        mask: Bool[Array, "batch time"],
        reset: Bool[Array, "batch time"] | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, ""], StackCarry]:
        """Run the network and return the summed nll of one target per time step, in nats, without storing its outputs.

        Args:
            inputs: see `__call__`.
            targets: the target symbol of each time step.
            carry: see `__call__`.
            mask: True for scored time steps.
            reset: see `__call__`.
            key: see `__call__`.

        Returns:
            The sum over the mask, and the carry after the last time step.
        """
        hidden, carry = self.encode(inputs, carry, padding=mask, reset=reset, key=key)
        return self.head.cross_entropy(hidden, targets, mask, self._table), carry

    @property
    def products(self) -> list[str]:
        """The parts whose matrix products are counted as operations."""
        kernel = self.head.kernel
        features = kernel is not None and kernel.shape[0] > self.layers[-1].output_size
        optional = {"features": features, "pooling": isinstance(self.pooling, Attention | Refined)}
        optional["frames"] = isinstance(self.encoder, Pixels)
        return ["layers", "head", *(name for name, used in optional.items() if used)]

    @property
    def _table(self) -> Embedding | None:
        return self.encoder if isinstance(self.encoder, Embedding) else None

    def attention(self, inputs: Array, padding: Bool[Array, "batch time"]) -> Float[Array, "batch time"] | None:
        """Return the attention weight of each time step, or None without attention pooling."""
        if self.pooling is None:
            return None
        hidden, _ = self.encode(inputs, self.zero_carry(inputs.shape[0]), padding=padding)
        return self.pooling.weights(hidden, padding)

    def encode(
        self,
        inputs: Array,
        carry: StackCarry,
        *,
        padding: Bool[Array, "batch time"] | None = None,
        reset: Bool[Array, "batch time"] | None = None,
        key: Array | None = None,
    ) -> tuple[Float[Array, "batch time size"], StackCarry]:
        """Return the last layer's hidden states instead of the head's outputs; see `__call__`."""
        hidden = self.encoder(jnp.swapaxes(inputs, 0, 1))  # time-major from here on
        hidden, carry = self.over_time(hidden, carry, padding=padding, reset=reset, key=key)
        return jnp.swapaxes(hidden, 0, 1), carry


def _all_count(inputs: Array) -> Bool[Array, "batch time"]:
    return jnp.ones(inputs.shape[:2], bool)


def build_network(cells: Cells, signature: Signature, key: Array) -> Network:
    """Build the network of a signature.

    Raises:
        ConfigError: tied embeddings for a task whose inputs and outputs are not the same symbols.
    """
    settings = cells.settings
    if settings.tied_embeddings and (signature.symbols != signature.outputs or signature.pooled):
        reads = "real values" if signature.symbols is None else f"{signature.symbols} symbols"
        per = "sequence" if signature.pooled else "time step"
        raise ConfigError(
            "model.tied_embeddings",
            True,
            f"false: this task reads {reads} and returns {signature.outputs} numbers per {per}",
        )
    encoder_key, head_key, *layer_keys = jax.random.split(key, 2 + settings.layers)
    encoder: Encoder = Identity()
    input_size, tied = signature.channels or 0, None
    if signature.decays:
        encoder = Decay(input_size // 3)
    if signature.frame is not None:
        encoder = Pixels(cells.frames(encoder_key, signature.frame, signature.frame_features), signature.frame)
        input_size = encoder.size
    if signature.symbols is not None:
        encoder = cells.embedding(encoder_key, signature.symbols, tied=settings.tied_embeddings)
        input_size, tied = encoder.size, encoder if settings.tied_embeddings else None
    layers = cells.recurrent_layers(layer_keys, input_size, bidirectional=settings.bidirectional)
    size = layers[-1].output_size
    pooling = None
    if signature.pooled:
        pooling = cells.pooling(jax.random.fold_in(head_key, 1), size, len(layers[-1].weights))
    head = cells.readout(head_key, size + signature.features, signature.outputs, tied=tied)
    return Network(encoder, layers, pooling, head, residual=settings.residual, dropout=cells.dropout)
