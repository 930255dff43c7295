"""Attention of a decoder over the states of an encoder: additive or multiplicative, with padding masked.

The decoder's recurrence does not read the context, so attention is computed for all target time steps at once, after
the recurrence (Luong et al. 2015, arXiv:1508.04025, without input feeding).
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from gru_bench.cells.base import spread
from gru_bench.models.initializers import Initializer
from gru_bench.models.products import product

Queries = Float[Array, "batch target query"]
States = Float[Array, "batch source state"]
Keys = Float[Array, "batch source query"]
Scores = Float[Array, "batch target source"]
SourceMask = Bool[Array, "batch source"]


class Attention(nnx.Module):
    """Weights over the source time steps for each target time step, and the weighted means of the encoder's states.

    Subclasses define the scores; `keys` is the part of them that depends on the source alone.
    """

    def __init__(self, key: Array, query_size: int, state_size: int, initializer: Initializer, precision: str):
        self.kernel = nnx.Param(initializer(key, "kernel", (state_size, query_size)))
        self.precision = precision

    def keys(self, states: States) -> Keys:
        """Return the projected states, computed once per source."""
        return product(states, self.kernel[...], self.precision)

    def scores(self, queries: Queries, keys: Keys) -> Scores:
        """Return the score of each pair of a query and a key."""
        raise NotImplementedError

    def weights(self, queries: Queries, keys: Keys, mask: SourceMask) -> Scores:
        """Return weights that sum to 1 over the source time steps; padding has 0, as has a source of padding alone."""
        visible = mask[:, None, :]
        scores = jnp.where(visible, self.scores(queries, keys), jnp.finfo(queries.dtype).min)
        return jnp.where(visible, jax.nn.softmax(scores, axis=-1), 0.0)

    def __call__(self, queries: Queries, keys: Keys, states: States, mask: SourceMask) -> Array:
        """Return the context of each query, of shape (batch, target, state)."""
        return self.weights(queries, keys, mask) @ states


class Multiplicative(Attention):
    """score(q, s) = q . (s W) / sqrt(d) with d numbers per query.

    That is the `general` score of Luong et al. 2015, scaled as by Vaswani et al. 2017, arXiv:1706.03762: unscaled, the
    first weights of a wide network are nearly one-hot, at random time steps.
    """

    def scores(self, queries: Queries, keys: Keys) -> Scores:
        """Return the score of each pair of a query and a key."""
        return queries @ jnp.swapaxes(keys, 1, 2) / math.sqrt(queries.shape[-1])


class Additive(Attention):
    """score(q, s) = v . tanh(q V + s W + b), Bahdanau et al. 2015, arXiv:1409.0473."""

    def __init__(self, key: Array, query_size: int, state_size: int, initializer: Initializer, precision: str):
        state_key, query_key, bias_key, vector_key = jax.random.split(key, 4)
        super().__init__(state_key, query_size, state_size, initializer, precision)
        self.query_kernel = nnx.Param(initializer(query_key, "kernel", (query_size, query_size)))
        self.bias = nnx.Param(initializer(bias_key, "bias", (query_size,)))
        self.vector = nnx.Param(initializer(vector_key, "kernel", (query_size, 1)))

    def scores(self, queries: Queries, keys: Keys) -> Scores:
        """Return the score of each pair of a query and a key."""
        projected = product(queries, self.query_kernel[...], self.precision)
        projected += spread(self.bias[...], projected)
        return (jnp.tanh(projected[:, :, None] + keys[:, None]) @ self.vector[...])[..., 0]


ATTENTIONS: dict[str, type[Attention]] = {"additive": Additive, "multiplicative": Multiplicative}
"""The classes of `model.attention`, `none` left out."""
