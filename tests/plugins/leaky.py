"""A cell of one's own: a leaky integrator whose recurrent kernel has a name of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import Activations, Cell, Gates, Weights


@dataclass(frozen=True, kw_only=True)
class Leaky(Cell):
    """h' = leak * h + (1 - leak) * tanh(x + h U)."""

    leak: float = 0.5

    gates: ClassVar[tuple[str, ...]] = ("candidate",)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"feedback": (self.hidden_size, 1, self.hidden_size), "bias": (1, self.hidden_size)}

    @property
    def recurrent_kernels(self) -> tuple[str, ...]:
        return ("feedback",)

    def step(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Float[Array, "rows hidden"], Activations]:
        (recurrent,) = products[0]
        return self.leak * carry + (1 - self.leak) * jnp.tanh(projected[0] + recurrent), {}
