"""The base class of cells.

A cell is a frozen dataclass of its options. A new one is a class and a file in configs/model that names it. Weights are
dictionaries of float32 arrays, with one block per gate:

    kernel            (input, gate, hidden)    from the input
    recurrent_kernel  (hidden, gate, hidden)   from the hidden state
    bias              (gate, hidden)           added to the input projection, once

A cell is row-local: its methods receive finished products, one array per gate, and treat each row of the batch
independently. The recurrence computes the products and their gradients, so that all cells share recurrent dropout,
mixed precision and the fast gradient. A cell whose gates depend only on the input has no recurrent kernel; it defines
its associative form, which can be evaluated in parallel over time.
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
"""The role of a weight: a table has one vector per symbol; every weight of no other role is a kernel."""

Weights = Mapping[str, Array]
Activations = dict[str, Array]
Carry = Any

_LAYER_NORM_EPSILON = 1e-5


class Affine(NamedTuple):
    """h' = scale * h + shift, element-wise: one time step, or the composition of several."""

    scale: Float[Array, "*leading hidden"]
    shift: Float[Array, "*leading hidden"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Base class of cells: names of gates, shapes of weights, layer normalisation, the zero carry.

    With `layer_norm`, each gate's input projection and recurrent product is normalised over the hidden axis and
    scaled by its own gain before the bias is added. (Ba et al. 2016, arXiv:1607.06450, normalise all gates of a
    product together; here one rule holds per gate block, for all cells alike.)
    """

    hidden_size: int
    layer_norm: bool = False

    sees_hidden: ClassVar[bool] = True  # whether gates or candidate depend on the hidden state
    gates: ClassVar[tuple[str, ...]] = ()
    sigmoid_gates: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[int] = 1
    input_weights: ClassVar[tuple[str, ...]] = ("bias", "input_gain")  # the weights that `project` uses
    start_options: ClassVar[tuple[str, ...]] = ()  # options that only affect the initial weights

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
        """Shapes of all weights for inputs of `input_size` numbers per time step."""
        return {"kernel": (input_size, len(self.gates), self.hidden_size), **self.shapes}

    @property
    def bias_offsets(self) -> dict[str, float]:
        """Constants to add to the initial bias, by gate."""
        return {}

    @property
    def recurrent_kernels(self) -> tuple[str, ...]:
        """Names of the recurrent kernels: of the hidden state, then of `gated`, if a gate acts before the product."""
        return ("recurrent_kernel",)

    def role(self, weight: str) -> Role:
        """Return the role of a weight, which decides its initialiser (see `gru_bench.models.initializers`).

        By default `recurrent_kernels` names the recurrent kernels, and biases and gains are recognised by name.
        """
        if weight in self.recurrent_kernels:
            return "recurrent_kernel"
        return "bias" if weight.endswith("bias") else "gain" if weight.endswith("gain") else "kernel"

    @property
    def associative_form(self) -> Callable[[Gates], Affine] | None:
        """From the projected inputs to the affine map of the carry; None if gates depend on the hidden state.

        Only for cells whose carry is the hidden state.
        """
        return None

    def project(self, weights: Weights, products: Gates) -> Gates:
        """Return the projected inputs, one per gate: the product with the kernel, normalised, plus the bias."""
        scaled = normalised(weights.get("input_gain"), products)
        return tuple(share + spread(weights["bias"][gate], share) for gate, share in enumerate(scaled))

    def zero_carry(self, batch: int) -> Carry:
        """Return the carry before the first time step."""
        return jnp.zeros((batch, self.hidden_size))

    def hidden(self, carry: Carry) -> Float[Array, "*leading hidden"]:
        """Return the hidden state, the cell's output, from a carry."""
        return carry

    def gated(self, weights: Weights, carry: Carry, projected: Gates, product: Gates) -> Float[Array, "rows hidden"]:
        """Return the factor of the second recurrent product, for a cell in which a gate acts before it.

        Args:
            weights: the recurrent weights without the kernels.
            carry: the carry before this time step.
            projected: the projected inputs, one per gate.
            product: the product of the hidden state with the first recurrent kernel.
        """
        raise TypeError(f"{type(self).__name__} has one recurrent product")

    def step(
        self, weights: Weights, carry: Carry, projected: Gates, products: tuple[Gates, ...]
    ) -> tuple[Carry, Activations]:
        """Advance by one time step: the new carry, and the activations of the sigmoid gates by name.

        Args:
            weights: the recurrent weights; their kernels are already in `products`.
            carry: the carry before this time step.
            projected: the projected inputs, one per gate, each (rows, hidden).
            products: the recurrent products in the order of `recurrent_kernels`.
        """
        raise TypeError(f"{type(self).__name__} has no equations")


def spread(weight: Float[Array, "*trailing"], values: Float[Array, "*leading"]) -> Float[Array, "*leading"]:
    """Broadcast a weight over the leading axes of `values`, explicitly: tests forbid implicit rank promotion."""
    return jnp.broadcast_to(weight, values.shape)


def normalised(gain: Float[Array, "gate hidden"] | None, gates: Gates) -> Gates:
    """Standardise each gate's block and scale it by its gain; without a gain return it unchanged."""
    return gates if gain is None else tuple(standardised(gain[gate], block) for gate, block in enumerate(gates))


def standardised(gain: Float[Array, " hidden"], values: Float[Array, "*leading hidden"]) -> Array:
    """Standardise values over the hidden axis, mean 0 and variance 1, and scale them by a gain."""
    centred = values - values.mean(axis=-1, keepdims=True)
    variance = jnp.square(centred).mean(axis=-1, keepdims=True)
    return spread(gain, values) * (centred * jax.lax.rsqrt(variance + _LAYER_NORM_EPSILON))
