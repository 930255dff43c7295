"""The equations and carries of every cell; the only file that knows which cell it is.

A cell is a frozen dataclass of its options. Adding one means one class here, decorated with `register`, and
one file in configs/model. Weights are dictionaries of float32 arrays, with one block per gate:

    kernel            (input, gate, hidden)    from the input
    recurrent_kernel  (hidden, gate, hidden)   from the hidden state
    bias              (gate, hidden)           added to the input projection, once

`step` gets the projected input and a function `linear(x, kernel)` for every product with the hidden state. The
recurrence passes its own `linear`, which is how all cells share recurrent dropout, mixed precision and the
fast gradient without knowing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Weights = Mapping[str, Array]
Linear = Callable[[Array, Array], Array]
Gates = dict[str, Array]
Carry = Any

_LAYER_NORM_EPSILON = 1e-5


class LSTMCarry(NamedTuple):
    """What an LSTM passes from one time step to the next."""

    cell: Float[Array, "batch hidden"]
    hidden: Float[Array, "batch hidden"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What all cells share: names of gates, shapes of weights, layer normalisation, the zero carry.

    With `layer_norm`, each gate's input projection and recurrent product is normalised over the hidden axis and
    scaled by its own gain before the bias is added. (Ba et al. 2016, arXiv:1607.06450, normalise all gates of a
    product together; here one rule holds per gate block, for all cells alike.)
    """

    hidden_size: int
    layer_norm: bool = False

    gates: ClassVar[tuple[str, ...]] = ()
    sigmoid_gates: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[int] = 1

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights that do not depend on the input size."""
        gates, hidden = len(self.gates), self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "recurrent_kernel": (hidden, gates, hidden),
            "bias": (gates, hidden),
        }
        if self.layer_norm:
            shapes |= {"input_gain": (gates, hidden), "recurrent_gain": (gates, hidden)}
        return shapes

    def weight_shapes(self, input_size: int) -> dict[str, tuple[int, ...]]:
        """Shapes of all weights of a cell that reads `input_size` numbers per time step."""
        return {"kernel": (input_size, len(self.gates), self.hidden_size), **self.shapes}

    @property
    def bias_offsets(self) -> dict[str, float]:
        """Constants added to the initial bias of a gate, by the gate's name."""
        return {}

    @property
    def matrices(self) -> tuple[str, ...]:
        """Names of the weights that `step` multiplies with through `linear`."""
        return ("recurrent_kernel",)

    def project(
        self, weights: Weights, inputs: Float[Array, "*time_batch input"], linear: Linear
    ) -> Float[Array, "*time_batch gate hidden"]:
        """Return the input's share of every gate for all time steps at once, bias included."""
        projected = linear(inputs, weights["kernel"])
        if self.layer_norm:
            projected = _spread(weights["input_gain"], projected) * _standardise(projected)
        return projected + _spread(weights["bias"], projected)

    def recurrent_product(
        self, weights: Weights, hidden: Float[Array, "batch hidden"], linear: Linear
    ) -> Float[Array, "batch gate hidden"]:
        """Return h U for every gate, normalised where the cell says so."""
        product = linear(hidden, weights["recurrent_kernel"])
        return _spread(weights["recurrent_gain"], product) * _standardise(product) if self.layer_norm else product

    def zero_carry(self, batch: int) -> Carry:
        """Return the carry before the first time step."""
        return jnp.zeros((batch, self.hidden_size))

    def hidden(self, carry: Carry) -> Float[Array, "batch hidden"]:
        """Return the hidden state, the cell's output, from a carry."""
        return carry

    def step(
        self, weights: Weights, carry: Carry, projected: Float[Array, "batch gate hidden"], linear: Linear
    ) -> tuple[Carry, Gates]:
        """Advance by one time step: the new carry, and the activations of the gates by name."""
        raise TypeError(f"{type(self).__name__} has no equations")


CELLS: dict[str, type[Cell]] = {}
C = TypeVar("C", bound=type[Cell])


def register(name: str) -> Callable[[C], C]:
    """Make a cell available as `model.cell=name`."""

    def add(cell: C) -> C:
        CELLS[name] = cell
        return cell

    return add


@register("gru")
@dataclass(frozen=True, kw_only=True)
class GRU(Cell):
    """Gated recurrent unit (Cho et al. 2014, arXiv:1406.1078).

        r = sigmoid(x_r + h U_r);  z = sigmoid(x_z + h U_z)
        n = tanh(x_n + r * (h U_n + b_hn))     reset_after (PyTorch, cuDNN), the default
        n = tanh(x_n + (r * h) U_n)            otherwise (Cho 2014)
        h' = (1 - z) * n + z * h

    Convention: z = 1 keeps h (PyTorch, cuDNN). `candidate_bias` is b_hn, trained, there only with `reset_after`:
    before the product it would add to the bias of x_n.
    """

    reset_after: bool = True

    gates: ClassVar[tuple[str, ...]] = ("reset", "update", "candidate")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("reset", "update")

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
    def matrices(self) -> tuple[str, ...]:
        """Names of the weights that `step` multiplies with through `linear`."""
        return ("recurrent_kernel",) if self.reset_after else ("recurrent_kernel", "candidate_kernel")

    def step(
        self,
        weights: Weights,
        carry: Float[Array, "batch hidden"],
        projected: Float[Array, "batch 3 hidden"],
        linear: Linear,
    ) -> tuple[Float[Array, "batch hidden"], Gates]:
        """Advance by one time step; see the class for the equations."""
        product = self.recurrent_product(weights, carry, linear)
        reset = jax.nn.sigmoid(projected[..., 0, :] + product[..., 0, :])
        update = jax.nn.sigmoid(projected[..., 1, :] + product[..., 1, :])
        if self.reset_after:
            recurrent = reset * (product[..., 2, :] + _spread(weights["candidate_bias"], carry))
        else:
            recurrent = linear(reset * carry, weights["candidate_kernel"])
            if self.layer_norm:
                recurrent = _spread(weights["candidate_gain"], recurrent) * _standardise(recurrent)
            recurrent = recurrent[..., 0, :]
        candidate = jnp.tanh(projected[..., 2, :] + recurrent)
        hidden = (1.0 - update) * candidate + update * carry
        return hidden, {"reset": reset, "update": update}


@register("lstm")
@dataclass(frozen=True, kw_only=True)
class LSTM(Cell):
    """Long short-term memory with forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

        i = sigmoid(x_i + h U_i);  f = sigmoid(x_f + h U_f);  g = tanh(x_g + h U_g)
        c' = f * c + i * g;  o = sigmoid(x_o + h U_o);  h' = o * tanh(c')

    With `peepholes` (Gers & Schmidhuber 2000, diagonal): i and f also see p_i * c and p_f * c, o sees p_o * c'.
    `forget_bias` is added to the initial bias of the forget gate (Jozefowicz et al. 2015). With layer
    normalisation, h' = o * tanh(gain * standardised c').
    """

    forget_bias: float = 1.0
    peepholes: bool = False

    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate", "output")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("input", "forget", "output")
    states: ClassVar[int] = 2

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the weights that do not depend on the input size."""
        shapes = dict(super().shapes)
        if self.peepholes:
            shapes["peephole"] = (3, self.hidden_size)
        if self.layer_norm:
            shapes["cell_gain"] = (self.hidden_size,)
        return shapes

    @property
    def bias_offsets(self) -> dict[str, float]:
        """Constants added to the initial bias of a gate, by the gate's name."""
        return {"forget": self.forget_bias}

    def zero_carry(self, batch: int) -> LSTMCarry:
        """Return the carry before the first time step."""
        shape = (batch, self.hidden_size)
        return LSTMCarry(cell=jnp.zeros(shape), hidden=jnp.zeros(shape))

    def hidden(self, carry: LSTMCarry) -> Float[Array, "batch hidden"]:
        """Return the hidden state, the cell's output, from a carry."""
        return carry.hidden

    def step(
        self, weights: Weights, carry: LSTMCarry, projected: Float[Array, "batch 4 hidden"], linear: Linear
    ) -> tuple[LSTMCarry, Gates]:
        """Advance by one time step; see the class for the equations."""
        product = self.recurrent_product(weights, carry.hidden, linear)
        into, forget, candidate, out = (projected[..., gate, :] + product[..., gate, :] for gate in range(4))
        if self.peepholes:
            into = into + _spread(weights["peephole"][0], carry.cell) * carry.cell
            forget = forget + _spread(weights["peephole"][1], carry.cell) * carry.cell
        into, forget = jax.nn.sigmoid(into), jax.nn.sigmoid(forget)
        cell = forget * carry.cell + into * jnp.tanh(candidate)
        if self.peepholes:
            out = out + _spread(weights["peephole"][2], cell) * cell
        out = jax.nn.sigmoid(out)
        exposed = _spread(weights["cell_gain"], cell) * _standardise(cell) if self.layer_norm else cell
        hidden = out * jnp.tanh(exposed)
        return LSTMCarry(cell=cell, hidden=hidden), {"input": into, "forget": forget, "output": out}


@register("rnn")
@dataclass(frozen=True, kw_only=True)
class RNN(Cell):
    """Plain recurrent network (Elman 1990): h' = activation(x + h U)."""

    activation: Literal["tanh", "relu"] = "tanh"

    gates: ClassVar[tuple[str, ...]] = ("candidate",)

    def step(
        self,
        weights: Weights,
        carry: Float[Array, "batch hidden"],
        projected: Float[Array, "batch 1 hidden"],
        linear: Linear,
    ) -> tuple[Float[Array, "batch hidden"], Gates]:
        """Advance by one time step; see the class for the equation."""
        total = (projected + self.recurrent_product(weights, carry, linear))[..., 0, :]
        return (jnp.tanh(total) if self.activation == "tanh" else jax.nn.relu(total)), {}


def _spread(weight: Float[Array, "*trailing"], values: Float[Array, "*leading"]) -> Float[Array, "*leading"]:
    """Repeat a weight over the leading axes of `values`, said aloud because tests forbid silent rank promotion."""
    return jnp.broadcast_to(weight, values.shape)


def _standardise(values: Float[Array, "*leading hidden"]) -> Float[Array, "*leading hidden"]:
    centred = values - values.mean(axis=-1, keepdims=True)
    variance = jnp.square(centred).mean(axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(variance + _LAYER_NORM_EPSILON)
