"""An encoder and a decoder of the configured cell, with a bridge between their carries, attention and a head."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from gru_bench.cells.base import Carry, spread
from gru_bench.models.attention import ATTENTIONS
from gru_bench.models.builder import Cells
from gru_bench.models.initializers import Initializer
from gru_bench.models.model import Model
from gru_bench.models.products import product
from gru_bench.models.stack import StackCarry, drop

Symbols = Int[Array, "batch target"]
Mask = Bool[Array, "batch target"]


@runtime_checkable
class Reader(Protocol):
    """Turns the source into one vector per time step, such as an embedding of its symbols."""

    @property
    def size(self) -> int:
        """Numbers per vector."""
        ...

    def __call__(self, source: Any, /) -> Float[Array, "batch source size"]:
        """Return the vectors."""
        ...


class Source(NamedTuple):
    """All that the decoder knows of the source.

    Attributes:
        states: the encoder's outputs, of shape (batch, source, state).
        keys: the part of the attention scores that depends on the source alone; the states without attention.
        mask: True for time steps, False for padding.
        start: the decoder's carry before the first time step.
    """

    states: Float[Array, "batch source state"]
    keys: Float[Array, "batch source query"]
    mask: Bool[Array, "batch source"]
    start: StackCarry

    def repeat(self, count: int) -> Source:
        """Return the source with each row `count` times, one after the other."""
        return jax.tree.map(lambda leaf: jnp.repeat(leaf, count, axis=0), self)


class Affine(nnx.Module):
    """tanh(x W + b)."""

    def __init__(self, key: Array, inputs: int, outputs: int, initializer: Initializer, precision: str):
        kernel_key, bias_key = jax.random.split(key)
        self.kernel = nnx.Param(initializer(kernel_key, "kernel", (inputs, outputs)))
        self.bias = nnx.Param(initializer(bias_key, "bias", (outputs,)))
        self.precision = precision

    def __call__(self, values: Float[Array, "*leading inputs"]) -> Float[Array, "*leading outputs"]:
        """Return the outputs."""
        projected = product(values, self.kernel[...], self.precision)
        return jnp.tanh(projected + spread(self.bias[...], projected))


class Bridge(nnx.Module):
    """From the encoder's final carry to the decoder's start, for each layer and each part of the cell's carry.

    A part of the decoder's carry is tanh of an affine map of the same part at the encoder's ends, both directions
    together.
    """

    def __init__(self, key: Array, cells: Cells, layers: int, directions: int):
        shape: Carry = jax.eval_shape(lambda: cells.cell.zero_carry(1))
        leaves, self.form = jax.tree.flatten(jax.tree.map(lambda leaf: leaf.shape[-1], shape))
        keys = jax.random.split(key, (layers, len(leaves)))
        self.maps = nnx.data(
            [
                [
                    Affine(keys[layer, part], directions * size, size, cells.initializer, cells.execution.precision)
                    for part, size in enumerate(leaves)
                ]
                for layer in range(layers)
            ]
        )

    def __call__(self, final: StackCarry) -> StackCarry:
        """Return the decoder's carry before the first time step."""
        start = []
        for maps, ends in zip(self.maps, final, strict=True):
            joined = jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=-1), *ends.values())
            parts = [each(part) for each, part in zip(maps, jax.tree.leaves(joined), strict=True)]
            start.append({"forward": jax.tree.unflatten(self.form, parts)})
        return start


class EncoderDecoder(Model):
    """A decoder of symbols that starts from an encoder's final carry and may attend to its states.

    The decoder's recurrence reads only the previous symbols. In training these are known (teacher forcing), so that it
    runs over all target time steps at once, and so do attention and head. The input of the head is
    tanh(W [hidden; context] + b), without attention tanh(W hidden + b).

    Args:
        cells: the parts, as the settings define them.
        key: of the initial weights.
        reader: turns the source into vectors.
        symbols: size of the target's vocabulary.
    """

    def __init__(self, cells: Cells, key: Array, reader: Reader, symbols: int):
        keys = jax.random.split(key, 7)
        settings, size, precision = cells.settings, cells.cell.hidden_size, cells.execution.precision
        directions = 2 if settings.bidirectional else 1
        self.reader = reader
        self.encoder = cells.stack(keys[0], reader.size)
        self.bridge = Bridge(keys[1], cells, settings.layers, directions)
        self.embedding = cells.embedding(keys[2], symbols, tied=settings.tied_embeddings)
        self.decoder = cells.stack(keys[3], self.embedding.size, bidirectional=False)
        attend = ATTENTIONS.get(settings.attention)
        states = size * directions
        self.attention = nnx.data(
            None if attend is None else attend(keys[4], size, states, cells.initializer, precision)
        )
        outputs = self.embedding.size if settings.tied_embeddings else size
        inputs = size if attend is None else size + states
        self.combine = Affine(keys[5], inputs, outputs, cells.initializer, precision)
        self.tied = settings.tied_embeddings
        self.head = cells.readout(keys[6], outputs, symbols, tied=self._table)

    @property
    def _table(self) -> Any:
        return self.embedding if self.tied else None

    def encode(self, source: Any, mask: Bool[Array, "batch source"], key: Array | None = None) -> Source:
        """Read the source.

        Args:
            source: the reader's input.
            mask: True for time steps, False for padding.
            key: of the dropout masks; None switches dropout off.
        """
        vectors = self.reader(source)
        states, final = self.encoder.run(vectors, self.encoder.zero_carry(mask.shape[0]), padding=mask, key=key)
        keys = states if self.attention is None else self.attention.keys(states)
        return Source(states, keys, mask, self.bridge(final))

    def hidden(
        self, source: Source, read: Symbols, carry: StackCarry, mask: Mask | None = None, key: Array | None = None
    ) -> tuple[Float[Array, "batch target size"], StackCarry]:
        """Return the inputs of the head at each target time step, and the decoder's carry after the last one.

        Args:
            source: the result of `encode`.
            read: the symbol before each target symbol.
            carry: the decoder's carry before the first of these time steps.
            mask: True for time steps, False for padding.
            key: of the dropout masks; None switches dropout off.
        """
        keys = (None, None) if key is None else jax.random.split(key)
        queries, carry = self.decoder.run(self.embedding(read), carry, padding=mask, key=keys[0])
        if self.attention is None:
            return self._dropped(self.combine(queries), keys[1]), carry
        context = self.attention(queries, source.keys, source.states, source.mask)
        return self._dropped(self.combine(jnp.concatenate([queries, context], axis=-1)), keys[1]), carry

    def _dropped(self, values: Float[Array, "batch target size"], key: Array | None) -> Array:
        return drop(values, self.decoder.dropout.output, False, key)

    def cross_entropy(
        self, source: Source, read: Symbols, target: Symbols, mask: Mask, key: Array | None = None, smoothing: float = 0
    ) -> Float[Array, ""]:
        """Return the summed nll of the target symbols, in nats, under teacher forcing.

        Args:
            source: the result of `encode`.
            read: the symbol before each target symbol.
            target: the target symbols.
            mask: True for scored time steps.
            key: of the dropout masks; None switches dropout off.
            smoothing: share of the target distribution that is spread evenly over all symbols (label smoothing).
        """
        hidden, _ = self.hidden(source, read, source.start, mask, key)
        total = self.head.cross_entropy(hidden, target, mask, self._table)
        return total + smoothing * self._above_mean(hidden, target, mask) if smoothing else total

    def _above_mean(self, hidden: Array, target: Symbols, mask: Mask) -> Float[Array, ""]:
        """Return the summed difference between the target's logit and the mean logit.

        Times the smoothing, that is what label smoothing adds to the nll.
        """
        kernel, bias = self.head.weights(self._table)
        columns = kernel.T[target] - spread(kernel.mean(axis=1), hidden)
        above = (hidden * columns).sum(axis=-1) + bias[target] - bias.mean()
        return jnp.where(mask, above, 0.0).sum()

    def log_probabilities(self, source: Source, read: Symbols, target: Symbols, mask: Mask) -> Float[Array, " batch"]:
        """Return the summed log-probability of the target symbols of each row, in nats; see `cross_entropy`."""
        hidden, _ = self.hidden(source, read, source.start, mask)
        logits = jax.nn.log_softmax(self.head(hidden, self._table))
        each = jnp.take_along_axis(logits, target[..., None], axis=-1)[..., 0]
        return jnp.where(mask, each, 0.0).sum(axis=1)

    def step(
        self, source: Source, carry: StackCarry, symbols: Int[Array, " batch"]
    ) -> tuple[Float[Array, "batch symbols"], StackCarry]:
        """Return the log-probabilities of the next symbols after one more symbol, and the decoder's carry."""
        hidden, carry = self.hidden(source, symbols[:, None], carry)
        return jax.nn.log_softmax(self.head(hidden[:, 0], self._table)), carry

    def attention_weights(self, source: Source, read: Symbols) -> Float[Array, "batch target source"] | None:
        """Return the attention weights at each target time step, or None without attention."""
        if self.attention is None:
            return None
        queries, _ = self.decoder.run(self.embedding(read), source.start)
        return self.attention.weights(queries, source.keys, source.mask)
