"""Self-attention over the hidden states of a sequence: the part of a transformer that hybrid networks put on an RNN."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from gru_bench.cells.base import standardised
from gru_bench.errors import ConfigError
from gru_bench.models.initializers import Initializer
from gru_bench.models.pooling import Hidden, Mask, Pooling, Vector
from gru_bench.models.products import product


class SelfAttention(nnx.Module):
    """h + Attention(Norm(h)) W: each hidden state plus what it attends to in the whole sequence, over several heads.

    Order needs no encoding of positions: the hidden states come from a recurrence.

    Args:
        key: of the initial weights.
        size: numbers per hidden state.
        heads: their number divides `size`.
        initializer: of the kernels.
        precision: of the products.

    Raises:
        ConfigError: it does not.
    References: Vaswani et al. 2017, arXiv:1706.03762; normalised first as by Xiong et al. 2020, arXiv:2002.04745.
    """

    def __init__(self, key: Array, size: int, heads: int, initializer: Initializer, precision: str):
        if size % heads:
            raise ConfigError(
                "model.self_attention", heads, f"a number of heads that divides the {size} numbers per hidden state"
            )
        mixing_key, output_key = jax.random.split(key)
        self.heads, self.precision = heads, precision
        self.gain = nnx.Param(jnp.ones(size))
        self.mixing_kernel = nnx.Param(initializer(mixing_key, "kernel", (size, 3 * size)))
        self.output_kernel = nnx.Param(initializer(output_key, "kernel", (size, size)))

    def __call__(self, hidden: Hidden, padding: Mask) -> Hidden:
        """Return the refined hidden states; padding is not attended to."""
        batch, time, size = hidden.shape
        hidden = jnp.where(padding[..., None], hidden, 0.0)  # of a finite gradient, whatever stands in padding
        mixed = product(standardised(self.gain[...], hidden), self.mixing_kernel[...], self.precision)
        query, key, value = jnp.split(mixed.reshape(batch, time, 3 * self.heads, size // self.heads), 3, axis=2)
        seen = jax.nn.dot_product_attention(query, key, value, mask=padding[:, None, None, :])
        return hidden + product(seen.reshape(batch, time, size), self.output_kernel[...], self.precision)


class Refined(nnx.Module):
    """A pooling of hidden states after self-attention."""

    def __init__(self, attention: SelfAttention, pooling: Pooling):
        self.attention, self.pooling = attention, pooling

    def weights(self, hidden: Hidden, padding: Mask) -> Float[Array, "batch time"] | None:
        """Return the weights of the pooling, where it has some."""
        return self.pooling.weights(self.attention(hidden, padding), padding)

    def __call__(self, hidden: Hidden, padding: Mask) -> Vector:
        """Return one vector per sequence."""
        return self.pooling(self.attention(hidden, padding), padding)
