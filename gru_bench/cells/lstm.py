"""Long short-term memory, and its variant with coupled input and forget gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import Activations, Cell, Gates, Weights, normalised, spread, standardised


class LSTMCarry(NamedTuple):
    """The carry of an LSTM."""

    cell: Float[Array, "*leading hidden"]
    hidden: Float[Array, "*leading hidden"]


@dataclass(frozen=True, kw_only=True)
class LSTM(Cell):
    """Long short-term memory with forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

        i = sigmoid(x_i + h U_i);  f = sigmoid(x_f + h U_f);  g = tanh(x_g + h U_g)
        c' = f * c + i * g;  o = sigmoid(x_o + h U_o);  h' = o * tanh(c')

    With `peepholes` (Gers & Schmidhuber 2000, diagonal) p_i * c and p_f * c are added to i and f, and p_o * c' to o.
    `forget_bias` is added to the initial bias of the forget gate (Jozefowicz et al. 2015). With layer
    normalisation, h' = o * tanh(gain * standardised c').
    """

    forget_bias: float = 1.0
    peepholes: bool = False

    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("input", "forget", "output")
    start_options: ClassVar[tuple[str, ...]] = ("forget_bias",)
    states: ClassVar[int] = 2

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights that do not depend on the input size."""
        shapes = dict(super().shapes)
        if self.peepholes:
            shapes["peephole"] = (len(self.sigmoid_gates), self.hidden_size)
        if self.layer_norm:
            shapes["cell_gain"] = (self.hidden_size,)
        return shapes

    @property
    def bias_offsets(self) -> dict[str, float]:
        """Constants to add to the initial bias, by gate."""
        return {"forget": self.forget_bias}

    def zero_carry(self, batch: int) -> LSTMCarry:
        """Return the carry before the first time step."""
        shape = (batch, self.hidden_size)
        return LSTMCarry(cell=jnp.zeros(shape), hidden=jnp.zeros(shape))

    def hidden(self, carry: LSTMCarry) -> Float[Array, "*leading hidden"]:
        """Return the hidden state, the cell's output, from a carry."""
        return carry.hidden

    def step(
        self, weights: Weights, carry: LSTMCarry, projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[LSTMCarry, Activations]:
        """Advance by one time step; see the class for the equations."""
        recurrent = normalised(weights.get("recurrent_gain"), products[0])
        sums = {name: share + own for name, share, own in zip(self.gates, projected, recurrent, strict=True)}

        def gate(name: str, seen: Float[Array, "rows hidden"]) -> Float[Array, "rows hidden"]:
            if not self.peepholes:
                return jax.nn.sigmoid(sums[name])
            peephole = weights["peephole"][self.sigmoid_gates.index(name)]
            return jax.nn.sigmoid(sums[name] + spread(peephole, seen) * seen)

        forget = gate("forget", carry.cell)
        into = gate("input", carry.cell) if "input" in sums else 1.0 - forget
        cell = forget * carry.cell + into * jnp.tanh(sums["candidate"])
        out = gate("output", cell)
        exposed = standardised(weights["cell_gain"], cell) if self.layer_norm else cell
        activations = {"input": into, "forget": forget, "output": out}
        hidden = out * jnp.tanh(exposed)
        return LSTMCarry(cell=cell, hidden=hidden), {name: activations[name] for name in self.sigmoid_gates}


@dataclass(frozen=True, kw_only=True)
class CoupledLSTM(LSTM):
    """LSTM with coupled input and forget gates: i = 1 - f (Greff et al. 2017, arXiv:1503.04069, CIFG).

    Otherwise it is the LSTM with its options; the input gate has no weights.
    """

    gates: ClassVar[tuple[str, ...]] = ("forget", "candidate", "output")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("forget", "output")
