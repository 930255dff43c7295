"""Plain recurrent network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import Activations, Cell, Gates, Weights, normalised


@dataclass(frozen=True, kw_only=True)
class RNN(Cell):
    """Plain recurrent network (Elman 1990): h' = activation(x + h U)."""

    activation: Literal["tanh", "relu"] = "tanh"

    gates: ClassVar[tuple[str, ...]] = ("candidate",)

    def step(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Float[Array, "rows hidden"], Activations]:
        """Advance by one time step; see the class for the equation."""
        (recurrent,) = normalised(weights.get("recurrent_gain"), products[0])
        total = projected[0] + recurrent
        return (jnp.tanh(total) if self.activation == "tanh" else jax.nn.relu(total)), {}
