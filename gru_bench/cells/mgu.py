"""Minimal gated unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import Activations, Cell, Gates, Weights, normalised


@dataclass(frozen=True, kw_only=True)
class MGU(Cell):
    """Minimal gated unit (Zhou et al. 2016, arXiv:1603.09420): one gate, which forgets and resets.

        f = sigmoid(x_f + h U_f)
        n = tanh(x_n + (f * h) U_n)
        h' = (1 - f) * h + f * n

    Convention: f = 1 takes the candidate, as in the paper.
    """

    gates: ClassVar[tuple[str, ...]] = ("forget", "candidate")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("forget",)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights that do not depend on the input size."""
        hidden = self.hidden_size
        shapes = {**super().shapes, "recurrent_kernel": (hidden, 1, hidden), "candidate_kernel": (hidden, 1, hidden)}
        if self.layer_norm:
            shapes |= {"recurrent_gain": (1, hidden), "candidate_gain": (1, hidden)}
        return shapes

    @property
    def recurrent_kernels(self) -> tuple[str, ...]:
        """Names of the recurrent kernels: of the hidden state, then of `gated`."""
        return ("recurrent_kernel", "candidate_kernel")

    def gated(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, product: Gates
    ) -> Float[Array, "rows hidden"]:
        """Return f * h, the factor of the candidate's kernel."""
        return self._forget(weights, projected, product) * carry

    def step(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Float[Array, "rows hidden"], Activations]:
        """Advance by one time step; see the class for the equations."""
        forget = self._forget(weights, projected, products[0])
        (share,) = normalised(weights.get("candidate_gain"), products[1])
        candidate = jnp.tanh(projected[1] + share)
        return (1.0 - forget) * carry + forget * candidate, {"forget": forget}

    def _forget(self, weights: Weights, projected: Gates, product: Gates) -> Float[Array, "rows hidden"]:
        (recurrent,) = normalised(weights.get("recurrent_gain"), product)
        return jax.nn.sigmoid(projected[0] + recurrent)
