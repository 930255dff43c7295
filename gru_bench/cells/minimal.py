"""Cells whose gates depend only on the input, so that they can run in parallel over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import jax
from jaxtyping import Array, Float

from gru_bench.cells.base import Activations, Affine, Cell, Gates, Weights


@dataclass(frozen=True, kw_only=True)
class InputGated(Cell):
    """Base class of cells whose gates and candidate depend only on the input: h' = a * h + b, no recurrent kernel."""

    sees_hidden: ClassVar[bool] = False

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights that do not depend on the input size."""
        names = ("bias", "input_gain") if self.layer_norm else ("bias",)
        return {name: (len(self.gates), self.hidden_size) for name in names}

    @property
    def recurrent_kernels(self) -> tuple[str, ...]:
        """Names of the recurrent kernels: none."""
        return ()

    def affine(self, projected: Gates) -> tuple[Affine, Activations]:
        """Return a and b, and the activations of the sigmoid gates by name."""
        raise TypeError(f"{type(self).__name__} has no equations")

    @property
    def associative_form(self) -> Callable[[Gates], Affine]:
        """From the projected inputs to a and b."""
        return lambda projected: self.affine(projected)[0]

    def step(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Float[Array, "rows hidden"], Activations]:
        """Advance by one time step: h' = a * h + b."""
        (scale, shift), activations = self.affine(projected)
        return scale * carry + shift, activations


@dataclass(frozen=True, kw_only=True)
class MinGRU(InputGated):
    """minGRU (Feng et al. 2024, arXiv:2410.01201, section 3.1, in linear space, not in logarithms).

        z = sigmoid(x_z)
        h' = z * h + (1 - z) * x_n

    The candidate x_n has no tanh. Convention: z = 1 keeps h, as in the GRU; the paper's z is 1 - z.
    `update_bias` is added to the initial bias of the update gate, as in the GRU.
    """

    update_bias: float = 0.0

    gates: ClassVar[tuple[str, ...]] = ("update", "candidate")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("update",)
    start_options: ClassVar[tuple[str, ...]] = ("update_bias",)

    @property
    def bias_offsets(self) -> dict[str, float]:
        """Constants to add to the initial bias, by gate."""
        return {"update": self.update_bias}

    def affine(self, projected: Gates) -> tuple[Affine, Activations]:
        """Return z and (1 - z) * x_n, and z."""
        update = jax.nn.sigmoid(projected[0])
        return Affine(update, (1.0 - update) * projected[1]), {"update": update}


@dataclass(frozen=True, kw_only=True)
class MinLSTM(InputGated):
    """minLSTM (Feng et al. 2024, arXiv:2410.01201, section 3.2, in linear space, not in logarithms).

        i = sigmoid(x_i);  f = sigmoid(x_f)
        h' = f / (f + i) * h + i / (f + i) * x_g

    The candidate x_g has no tanh; there is no output gate and no cell state besides h. Both gates are divided by their
    sum, so that the scale of h does not depend on time; recorded gate activities are those after the division.
    `forget_bias` is added to the initial bias of f, as in the LSTM.
    """

    forget_bias: float = 1.0

    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("input", "forget")
    start_options: ClassVar[tuple[str, ...]] = ("forget_bias",)

    @property
    def bias_offsets(self) -> dict[str, float]:
        """Constants to add to the initial bias, by gate."""
        return {"forget": self.forget_bias}

    def affine(self, projected: Gates) -> tuple[Affine, Activations]:
        """Return f / (f + i) and i / (f + i) * x_g, and both gates divided by their sum."""
        # f / (f + i) = sigmoid(log f - log i), which also works if both gates underflow
        forget = jax.nn.sigmoid(jax.nn.log_sigmoid(projected[1]) - jax.nn.log_sigmoid(projected[0]))
        into = 1.0 - forget
        return Affine(forget, into * projected[2]), {"input": into, "forget": forget}
