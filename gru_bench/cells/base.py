"""What all cells share, and what a cell has to say of itself.

A cell is a frozen dataclass of its options. Adding one means one class and one file in configs/model that names it.
Weights are dictionaries of float32 arrays, with one block per gate:

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
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Gates = tuple[Float[Array, "*leading hidden"], ...]
"""One array per gate."""

Role = Literal["kernel", "recurrent_kernel", "bias", "gain", "table"]
"""What a weight is: a table holds one vector per symbol, whatever is none of the others is a kernel."""

Weights = Mapping[str, Array]
Activations = dict[str, Array]
Carry = Any

_LAYER_NORM_EPSILON = 1e-5


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

    sees_hidden: ClassVar[bool] = True  # whether gates or candidate see the hidden state
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

    def role(self, weight: str) -> Role:
        """Return what a weight is, which decides how it starts (see `gru_bench.models.initializers`).

        By default recurrent kernels are those that `recurrent_kernels` names, and biases and gains are called so.
        """
        if weight in self.recurrent_kernels:
            return "recurrent_kernel"
        return "bias" if weight.endswith("bias") else "gain" if weight.endswith("gain") else "kernel"

    @property
    def associative_form(self) -> Callable[[Gates], Affine] | None:
        """From the input's share of every gate to what a time step does to the carry; None if that depends on it.

        For cells whose carry is the hidden state.
        """
        return None

    def project(self, weights: Weights, products: Gates) -> Gates:
        """Return the input's share of every gate from its product with the kernel: normalised, bias added."""
        scaled = normalised(weights.get("input_gain"), products)
        return tuple(share + spread(weights["bias"][gate], share) for gate, share in enumerate(scaled))

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


def spread(weight: Float[Array, "*trailing"], values: Float[Array, "*leading"]) -> Float[Array, "*leading"]:
    """Repeat a weight over the leading axes of `values`, said aloud because tests forbid silent rank promotion."""
    return jnp.broadcast_to(weight, values.shape)


def normalised(gain: Float[Array, "gate hidden"] | None, gates: Gates) -> Gates:
    """Return each gate's block standardised and scaled by its own gain; as it is where there is no gain."""
    return gates if gain is None else tuple(standardised(gain[gate], block) for gate, block in enumerate(gates))


def standardised(gain: Float[Array, " hidden"], values: Float[Array, "*leading hidden"]) -> Array:
    """Return values of mean 0 and variance 1 over the hidden axis, scaled by a gain."""
    centred = values - values.mean(axis=-1, keepdims=True)
    variance = jnp.square(centred).mean(axis=-1, keepdims=True)
    return spread(gain, values) * (centred * jax.lax.rsqrt(variance + _LAYER_NORM_EPSILON))
