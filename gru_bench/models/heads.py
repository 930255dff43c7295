"""Embeddings before recurrent layers, and the affine map to outputs after them."""

from __future__ import annotations

from typing import cast

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from gru_bench.models.cross_entropy import cross_entropy
from gru_bench.models.initializers import Initializer
from gru_bench.models.products import product


class Embedding(nnx.Module):
    """A table of vectors, one per symbol; `tied` if the head uses it as its kernel."""

    def __init__(self, key: Array, symbols: int, size: int, initializer: Initializer, tied: bool = False):
        self.table = nnx.Param(initializer(key, "kernel" if tied else "table", (symbols, size)))

    @property
    def size(self) -> int:
        """Numbers per symbol."""
        return self.table.shape[1]

    def __call__(self, ids: Int[Array, "*leading"]) -> Float[Array, "*leading size"]:
        """Look symbols up."""
        return self.table[...][ids]


class Identity(nnx.Module):
    """The encoder of real-valued inputs, which returns them unchanged."""

    def __call__(self, values: Float[Array, "*leading size"]) -> Float[Array, "*leading size"]:
        """Return the values."""
        return values


class Readout(nnx.Module):
    """An affine map from hidden states to outputs; its kernel may be the transposed table of an embedding."""

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
        """Return the nll of the targets, in nats, with the outputs as logits, summed over the mask."""
        return cross_entropy(hidden, self._kernel(tied), self.bias[...], targets, mask, jnp.dtype(self.precision))

    def _kernel(self, tied: Embedding | None) -> Float[Array, "size outputs"]:
        return self.kernel[...] if self.kernel is not None else cast(Embedding, tied).table[...].T
