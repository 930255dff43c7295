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


class Decay(nnx.Module):
    """The encoder of irregular series: a held value decays towards 0, the mean of its channel, until the next one.

    After an elapsed time d the value is multiplied by exp(-max(0, w d + b)), with a weight w and a bias b per channel.

    References: Che et al. 2018, Recurrent neural networks for multivariate time series with missing values,
    arXiv:1606.01865, equations 4 and 5.
    """

    def __init__(self, channels: int):
        self.rate = nnx.Param(jnp.ones(channels))
        self.bias = nnx.Param(jnp.zeros(channels))

    def __call__(self, inputs: Float[Array, "*leading size"]) -> Float[Array, "*leading size"]:
        """Return values, whether they are observed, and elapsed times, one after the other for all channels.

        Args:
            inputs: the same with the last observed values; see `gru_bench.data.signals.signals.SignalForm.encode`.
        """
        held, observed, elapsed = jnp.split(inputs, 3, axis=-1)
        rate, bias = (jnp.broadcast_to(weight[...], elapsed.shape) for weight in (self.rate, self.bias))
        decayed = held * jnp.exp(-jnp.maximum(rate * elapsed + bias, 0.0))
        return jnp.concatenate([jnp.where(observed > 0, held, decayed), observed, elapsed], axis=-1)


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

    def weights(self, tied: Embedding | None = None) -> tuple[Float[Array, "size outputs"], Float[Array, " outputs"]]:
        """Return kernel and bias."""
        return self._kernel(tied), self.bias[...]

    def _kernel(self, tied: Embedding | None) -> Float[Array, "size outputs"]:
        return self.kernel[...] if self.kernel is not None else cast(Embedding, tied).table[...].T
