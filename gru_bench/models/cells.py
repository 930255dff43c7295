"""The equations and carries of every cell; the only file that knows which cell it is.

A cell is a frozen dataclass of its options, which `gru_bench.models.settings` declares. Adding one means one class
here, decorated with `register`, its line there, and one file in configs/model. Weights are dictionaries of float32
arrays, with one block per gate:

    kernel            (input, gate, hidden)    from the input
    recurrent_kernel  (hidden, gate, hidden)   from the hidden state
    bias              (gate, hidden)           added to the input projection, once

A cell is row-local: its functions get products that are already made, one array per gate, and treat every row of the
batch alone. The recurrence makes the products and their gradients, which is how all cells share recurrent dropout,
mixed precision and the fast gradient without knowing of them. A cell whose gates see the input alone has no recurrent
kernel; it states its associative form, and the recurrence need not go step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.models.products import Gates
from gru_bench.models.settings import GRUOptions, LSTMOptions, MinGRUOptions, MinLSTMOptions, RNNOptions

Weights = Mapping[str, Array]
Activations = dict[str, Array]
Carry = Any

_LAYER_NORM_EPSILON = 1e-5


class LSTMCarry(NamedTuple):
    """What an LSTM passes from one time step to the next."""

    cell: Float[Array, "*leading hidden"]
    hidden: Float[Array, "*leading hidden"]


class Affine(NamedTuple):
    """h' = scale * h + shift, element by element: one time step, or several in a row, for they compose."""

    scale: Float[Array, "*leading hidden"]
    shift: Float[Array, "*leading hidden"]


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
    input_weights: ClassVar[tuple[str, ...]] = ("bias", "input_gain")  # what `project` reads
    start_options: ClassVar[tuple[str, ...]] = ()  # options that the start of the weights alone depends on

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
    def recurrent_kernels(self) -> tuple[str, ...]:
        """Names of the recurrent kernels: the hidden state's, and that of `gated` where a gate acts before it."""
        return ("recurrent_kernel",)

    @property
    def associative_form(self) -> Callable[[Gates], Affine] | None:
        """From the input's share of every gate to what a time step does to the carry; None if that depends on it.

        For cells whose carry is the hidden state.
        """
        return None

    def project(self, weights: Weights, products: Gates) -> Gates:
        """Return the input's share of every gate from its product with the kernel: normalised, bias added."""
        scaled = _normalised(weights.get("input_gain"), products)
        return tuple(share + _spread(weights["bias"][gate], share) for gate, share in enumerate(scaled))

    def zero_carry(self, batch: int) -> Carry:
        """Return the carry before the first time step."""
        return jnp.zeros((batch, self.hidden_size))

    def hidden(self, carry: Carry) -> Float[Array, "*leading hidden"]:
        """Return the hidden state, the cell's output, from a carry."""
        return carry

    def gated(self, weights: Weights, carry: Carry, projected: Gates, product: Gates) -> Float[Array, "rows hidden"]:
        """Return what the second recurrent product multiplies, for a cell in which a gate acts before it.

        Args:
            weights: the recurrent weights that are no kernels.
            carry: the carry before this time step.
            projected: the input's share of every gate.
            product: the hidden state's product with the first recurrent kernel.
        """
        raise TypeError(f"{type(self).__name__} has one recurrent product")

    def step(
        self, weights: Weights, carry: Carry, projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Carry, Activations]:
        """Advance by one time step: the new carry, and the activations of the sigmoid gates by name.

        Args:
            weights: the recurrent weights; kernels are not for use here.
            carry: the carry before this time step.
            projected: the input's share of every gate, each (rows, hidden).
            products: the recurrent products in the order of `recurrent_kernels`.
        """
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
class GRU(GRUOptions, Cell):
    """Gated recurrent unit (Cho et al. 2014, arXiv:1406.1078).

        r = sigmoid(x_r + h U_r);  z = sigmoid(x_z + h U_z)
        n = tanh(x_n + r * (h U_n + b_hn))     reset_after (PyTorch, cuDNN), the default
        n = tanh(x_n + (r * h) U_n)            otherwise (Cho 2014)
        h' = (1 - z) * n + z * h

    Convention: z = 1 keeps h (PyTorch, cuDNN). `candidate_bias` is b_hn, trained, there only with `reset_after`:
    before the product it would add to the bias of x_n. `update_bias` is added to the initial bias of the update gate;
    above 0 it lengthens memory at the start.
    """

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
        """Constants added to the initial bias of a gate, by the gate's name."""
        return {"update": self.update_bias}

    @property
    def recurrent_kernels(self) -> tuple[str, ...]:
        """Names of the recurrent kernels: the hidden state's, and that of `gated` where a gate acts before it."""
        return ("recurrent_kernel",) if self.reset_after else ("recurrent_kernel", "candidate_kernel")

    def gated(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, product: Gates
    ) -> Float[Array, "rows hidden"]:
        """Return r * h, which the candidate's kernel multiplies where the reset comes before the product."""
        reset, *_ = _normalised(weights.get("recurrent_gain"), product)
        return jax.nn.sigmoid(projected[0] + reset) * carry

    def step(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Float[Array, "rows hidden"], Activations]:
        """Advance by one time step; see the class for the equations."""
        recurrent = _normalised(weights.get("recurrent_gain"), products[0])
        reset = jax.nn.sigmoid(projected[0] + recurrent[0])
        update = jax.nn.sigmoid(projected[1] + recurrent[1])
        if self.reset_after:
            share = reset * (recurrent[2] + _spread(weights["candidate_bias"], carry))
        else:
            (share,) = _normalised(weights.get("candidate_gain"), products[1])
        candidate = jnp.tanh(projected[2] + share)
        hidden = (1.0 - update) * candidate + update * carry
        return hidden, {"reset": reset, "update": update}


@register("lstm")
@dataclass(frozen=True, kw_only=True)
class LSTM(LSTMOptions, Cell):
    """Long short-term memory with forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

        i = sigmoid(x_i + h U_i);  f = sigmoid(x_f + h U_f);  g = tanh(x_g + h U_g)
        c' = f * c + i * g;  o = sigmoid(x_o + h U_o);  h' = o * tanh(c')

    With `peepholes` (Gers & Schmidhuber 2000, diagonal): i and f also see p_i * c and p_f * c, o sees p_o * c'.
    `forget_bias` is added to the initial bias of the forget gate (Jozefowicz et al. 2015). With layer
    normalisation, h' = o * tanh(gain * standardised c').
    """

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
        """Constants added to the initial bias of a gate, by the gate's name."""
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
        recurrent = _normalised(weights.get("recurrent_gain"), products[0])
        sums = {name: share + own for name, share, own in zip(self.gates, projected, recurrent, strict=True)}

        def gate(name: str, seen: Float[Array, "rows hidden"]) -> Float[Array, "rows hidden"]:
            if not self.peepholes:
                return jax.nn.sigmoid(sums[name])
            peephole = weights["peephole"][self.sigmoid_gates.index(name)]
            return jax.nn.sigmoid(sums[name] + _spread(peephole, seen) * seen)

        forget = gate("forget", carry.cell)
        into = gate("input", carry.cell) if "input" in sums else 1.0 - forget
        cell = forget * carry.cell + into * jnp.tanh(sums["candidate"])
        out = gate("output", cell)
        exposed = _standardised(weights["cell_gain"], cell) if self.layer_norm else cell
        activations = {"input": into, "forget": forget, "output": out}
        hidden = out * jnp.tanh(exposed)
        return LSTMCarry(cell=cell, hidden=hidden), {name: activations[name] for name in self.sigmoid_gates}


@register("rnn")
@dataclass(frozen=True, kw_only=True)
class RNN(RNNOptions, Cell):
    """Plain recurrent network (Elman 1990): h' = activation(x + h U)."""

    gates: ClassVar[tuple[str, ...]] = ("candidate",)

    def step(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Float[Array, "rows hidden"], Activations]:
        """Advance by one time step; see the class for the equation."""
        (recurrent,) = _normalised(weights.get("recurrent_gain"), products[0])
        total = projected[0] + recurrent
        return (jnp.tanh(total) if self.activation == "tanh" else jax.nn.relu(total)), {}


@register("mgu")
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
        """Names of the recurrent kernels: the hidden state's, and that of `gated`."""
        return ("recurrent_kernel", "candidate_kernel")

    def gated(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, product: Gates
    ) -> Float[Array, "rows hidden"]:
        """Return f * h, which the candidate's kernel multiplies."""
        return self._forget(weights, projected, product) * carry

    def step(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Float[Array, "rows hidden"], Activations]:
        """Advance by one time step; see the class for the equations."""
        forget = self._forget(weights, projected, products[0])
        (share,) = _normalised(weights.get("candidate_gain"), products[1])
        candidate = jnp.tanh(projected[1] + share)
        return (1.0 - forget) * carry + forget * candidate, {"forget": forget}

    def _forget(self, weights: Weights, projected: Gates, product: Gates) -> Float[Array, "rows hidden"]:
        (recurrent,) = _normalised(weights.get("recurrent_gain"), product)
        return jax.nn.sigmoid(projected[0] + recurrent)


@register("coupled_lstm")
@dataclass(frozen=True, kw_only=True)
class CoupledLSTM(LSTM):
    """LSTM whose input gate is what the forget gate leaves: i = 1 - f (Greff et al. 2017, arXiv:1503.04069, CIFG).

    All else, options included, is that of the LSTM; the input gate has no weights.
    """

    gates: ClassVar[tuple[str, ...]] = ("forget", "candidate", "output")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("forget", "output")


@dataclass(frozen=True, kw_only=True)
class InputGated(Cell):
    """What cells share whose gates and candidate see the input alone: h' = a * h + b, without a recurrent kernel."""

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
        """From the input's share of every gate to a and b."""
        return lambda projected: self.affine(projected)[0]

    def step(
        self, weights: Weights, carry: Float[Array, "rows hidden"], projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Float[Array, "rows hidden"], Activations]:
        """Advance by one time step: h' = a * h + b."""
        (scale, shift), activations = self.affine(projected)
        return scale * carry + shift, activations


@register("min_gru")
@dataclass(frozen=True, kw_only=True)
class MinGRU(MinGRUOptions, InputGated):
    """minGRU (Feng et al. 2024, arXiv:2410.01201, section 3.1, computed as it stands, not in logarithms).

        z = sigmoid(x_z)
        h' = z * h + (1 - z) * x_n

    The candidate x_n has no tanh. Convention: z = 1 keeps h, as in the GRU here; the paper's z is 1 - z.
    `update_bias` is added to the initial bias of the update gate, as in the GRU.
    """

    gates: ClassVar[tuple[str, ...]] = ("update", "candidate")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("update",)
    start_options: ClassVar[tuple[str, ...]] = ("update_bias",)

    @property
    def bias_offsets(self) -> dict[str, float]:
        """Constants added to the initial bias of a gate, by the gate's name."""
        return {"update": self.update_bias}

    def affine(self, projected: Gates) -> tuple[Affine, Activations]:
        """Return z and (1 - z) * x_n, and z."""
        update = jax.nn.sigmoid(projected[0])
        return Affine(update, (1.0 - update) * projected[1]), {"update": update}


@register("min_lstm")
@dataclass(frozen=True, kw_only=True)
class MinLSTM(MinLSTMOptions, InputGated):
    """minLSTM (Feng et al. 2024, arXiv:2410.01201, section 3.2, computed as it stands, not in logarithms).

        i = sigmoid(x_i);  f = sigmoid(x_f)
        h' = f / (f + i) * h + i / (f + i) * x_g

    The candidate x_g has no tanh; there is no output gate and no cell state beside h. Both gates are divided by their
    sum, which keeps the scale of h independent of time; gate activities are those after the division.
    `forget_bias` is added to the initial bias of f, as in the LSTM.
    """

    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "candidate")
    sigmoid_gates: ClassVar[tuple[str, ...]] = ("input", "forget")
    start_options: ClassVar[tuple[str, ...]] = ("forget_bias",)

    @property
    def bias_offsets(self) -> dict[str, float]:
        """Constants added to the initial bias of a gate, by the gate's name."""
        return {"forget": self.forget_bias}

    def affine(self, projected: Gates) -> tuple[Affine, Activations]:
        """Return f / (f + i) and i / (f + i) * x_g, and both gates divided by their sum."""
        # f / (f + i) is sigmoid(log f - log i), which also holds where both gates underflow
        forget = jax.nn.sigmoid(jax.nn.log_sigmoid(projected[1]) - jax.nn.log_sigmoid(projected[0]))
        into = 1.0 - forget
        return Affine(forget, into * projected[2]), {"input": into, "forget": forget}


def _spread(weight: Float[Array, "*trailing"], values: Float[Array, "*leading"]) -> Float[Array, "*leading"]:
    """Repeat a weight over the leading axes of `values`, said aloud because tests forbid silent rank promotion."""
    return jnp.broadcast_to(weight, values.shape)


def _normalised(gain: Float[Array, "gate hidden"] | None, gates: Gates) -> Gates:
    """Return each gate's block standardised and scaled by its own gain; as it is where there is no gain."""
    return gates if gain is None else tuple(_standardised(gain[gate], block) for gate, block in enumerate(gates))


def _standardised(gain: Float[Array, " hidden"], values: Float[Array, "*leading hidden"]) -> Array:
    centred = values - values.mean(axis=-1, keepdims=True)
    variance = jnp.square(centred).mean(axis=-1, keepdims=True)
    return _spread(gain, values) * (centred * jax.lax.rsqrt(variance + _LAYER_NORM_EPSILON))
