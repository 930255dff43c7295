"""From the hidden states of a sequence to one vector: last state, mean, maximum or attention.

Time steps whose padding mask is False are ignored, so padding never changes a result.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from gru_bench.models.initializers import Initializer

Hidden = Float[Array, "batch time size"]
Mask = Bool[Array, "batch time"]
Vector = Float[Array, "batch size"]


class _WithoutWeights(nnx.Module):
    """A pooling that weights no time steps."""

    def weights(self, hidden: Hidden, padding: Mask) -> None:
        """Return None: there are no weights."""


class Last(_WithoutWeights):
    """The state after the last time step, padding aside; in the backward direction, after the first one."""

    def __init__(self, key: Array, size: int, directions: int, initializer: Initializer):
        self.directions = directions

    def __call__(self, hidden: Hidden, padding: Mask) -> Vector:
        """Return one vector per sequence."""
        steps = jnp.arange(hidden.shape[1])
        last = jnp.max(jnp.where(padding, steps, 0), axis=1)
        first = jnp.argmax(padding, axis=1)
        ends = [last, first][: self.directions]
        parts = jnp.split(hidden, self.directions, axis=2)
        taken = [
            jnp.take_along_axis(part, end[:, None, None], axis=1)[:, 0] for part, end in zip(parts, ends, strict=True)
        ]
        return jnp.concatenate(taken, axis=-1)


class Mean(_WithoutWeights):
    """The mean over time."""

    def __init__(self, key: Array, size: int, directions: int, initializer: Initializer):
        pass

    def __call__(self, hidden: Hidden, padding: Mask) -> Vector:
        """Return one vector per sequence; zeros for one without time steps."""
        total = jnp.where(padding[..., None], hidden, 0.0).sum(axis=1)
        return total / jnp.maximum(padding.sum(axis=1), 1).astype(hidden.dtype)[:, None]


class Max(_WithoutWeights):
    """The maximum over time of each hidden unit."""

    def __init__(self, key: Array, size: int, directions: int, initializer: Initializer):
        pass

    def __call__(self, hidden: Hidden, padding: Mask) -> Vector:
        """Return one vector per sequence; zeros for one without time steps."""
        greatest = jnp.where(padding[..., None], hidden, -jnp.inf).max(axis=1)
        return jnp.where(padding.any(axis=1)[:, None], greatest, 0.0)


class Attention(nnx.Module):
    """A weighted mean over time; the weight of a state h is softmax over time of query . tanh(h kernel + bias).

    References: Yang et al. 2016, Hierarchical attention networks for document classification.
    """

    def __init__(self, key: Array, size: int, directions: int, initializer: Initializer):
        kernel_key, bias_key, query_key = jax.random.split(key, 3)
        self.kernel = nnx.Param(initializer(kernel_key, "kernel", (size, size)))
        self.bias = nnx.Param(initializer(bias_key, "bias", (size,)))
        self.query = nnx.Param(initializer(query_key, "kernel", (size, 1)))

    def weights(self, hidden: Hidden, padding: Mask) -> Float[Array, "batch time"]:
        """Return the weight of each time step; the weights of a sequence sum to 1, or are 0 if it is all padding."""
        seen = hidden @ self.kernel[...]
        seen = jnp.tanh(seen + jnp.broadcast_to(self.bias[...], seen.shape))
        scores = jnp.where(padding, (seen @ self.query[...])[..., 0], -jnp.inf)
        shifted = scores - jnp.where(padding.any(axis=1), scores.max(axis=1), 0.0)[:, None]
        raw = jnp.where(padding, jnp.exp(shifted), 0.0)
        return raw / jnp.maximum(raw.sum(axis=1), 1e-30)[:, None]

    def __call__(self, hidden: Hidden, padding: Mask) -> Vector:
        """Return one vector per sequence; zeros for one without time steps."""
        return (jnp.where(padding[..., None], hidden, 0.0) * self.weights(hidden, padding)[..., None]).sum(axis=1)


Pooling = Last | Mean | Max | Attention
POOLINGS: dict[str, type[Pooling]] = {"last": Last, "mean": Mean, "max": Max, "attention": Attention}
