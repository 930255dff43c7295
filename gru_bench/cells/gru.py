"""Gated recurrent unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import Activations, Cell, Gates, Weights, normalised, spread


@dataclass(frozen=True, kw_only=True)
class GRU(Cell):
    """Gated recurrent unit (Cho et al. 2014, arXiv:1406.1078).

        r = sigmoid(x_r + h U_r);  z = sigmoid(x_z + h U_z)
        n = tanh(x_n + r * (h U_n + b_hn))     reset_after (PyTorch, cuDNN), the default
        n = tanh(x_n + (r * h) U_n)            otherwise (Cho 2014)
        h' = (1 - z) * n + z * h

    Convention: z = 1 keeps h (PyTorch, cuDNN). `candidate_bias` is b_hn, a trained weight that exists only with
    `reset_after`; otherwise it would merge with the bias of x_n. `update_bias` is added to the initial bias of the
    update gate; above 0 it lengthens the initial memory.
    """

    reset_after: bool = True
    update_bias: float = 0.0

    gates: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("reset", "update")
    start_options: ClassVar[tuple[str, ...]] = ("update_bias",)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights that do not depend on the input size."""
        hidden = self.hidden_size
        if self.reset_after:
            return {**super().shapes, "candidate_bias": (hidden,)}
        shapes = {**super().shapes, "recurrent_kernel": (hidden, 2, hidden), "candidate_kernel": (hidden, 1, hidden)}
        if self.layer_norm:
            shapes |= {"recurrent_gain": (2, hidden), "candidate_gain": (1, hidden)}
        return shapes

    @property
    def bias_offsets(self) -> dict[str, float]:
        """Constants to add to the initial bias, by gate."""
        return {"update": self.update_bias}

    @property
    def recurrent_kernels(self) -> tuple[str, ...]:
        """Names of the recurrent kernels: of the hidden state, then of `gated`, if the reset is before the product."""
        return ("recurrent_kernel",) if self.reset_after else ("recurrent_kernel", "candidate_kernel")

    def gated(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, product: Gates
    ) -> Float[Array, "rows hidden"]:
        """Return r * h, the factor of the candidate's kernel if the reset is before the product."""
        reset, *_ = normalised(weights.get("recurrent_gain"), product)
        return jax.nn.sigmoid(projected[0] + reset) * carry

    def step(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Float[Array, "rows hidden"], Activations]:
        """Advance by one time step; see the class for the equations."""
        recurrent = normalised(weights.get("recurrent_gain"), products[0])
        reset = jax.nn.sigmoid(projected[0] + recurrent[0])
        update = jax.nn.sigmoid(projected[1] + recurrent[1])
        if self.reset_after:
            share = reset * (recurrent[2] + spread(weights["candidate_bias"], carry))
        else:
            (share,) = normalised(weights.get("candidate_gain"), products[1])
        candidate = jnp.tanh(projected[2] + share)
        hidden = (1.0 - update) * candidate + update * carry
        return hidden, {"reset": reset, "update": update}
