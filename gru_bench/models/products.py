"""Matrix products in a chosen precision, gate by gate, and their gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import Gates


def product(x: Float[Array, "*leading size"], kernel: Float[Array, " size *out"], precision: Any) -> Array:
    """Return x W over the last axis of x, shape (*leading, *out), computed in `precision` and summed in float32.

    Factors and result of float64 stay float64.
    """
    flat = kernel.reshape(kernel.shape[0], -1)
    result = _matmul(x.reshape(-1, x.shape[-1]), flat, precision)
    return result.reshape(*x.shape[:-1], *kernel.shape[1:])


def split_gates(values: Float[Array, "*leading gate hidden"]) -> Gates:
    """Return one array per gate."""
    return tuple(values[..., gate, :] for gate in range(values.shape[-2]))


def join_gates(gates: Sequence[Float[Array, "*leading hidden"]]) -> Float[Array, "*leading width"]:
    """Concatenate the gates along the last axis."""
    return jnp.concatenate(gates, axis=-1)


def kernel_gradient(
    x: Float[Array, "*leading size"], gradient: Float[Array, "*leading width"], shape: tuple[int, ...], precision: Any
) -> Array:
    """Return the gradient of x W with respect to W, as one product over all rows, in the `shape` of the kernel."""
    rows, d_rows = x.reshape(-1, x.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
    return _matmul(rows.T, d_rows, precision).reshape(shape)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def gate_products(
    x: Float[Array, "*leading input"], kernel: Float[Array, "input gate hidden"], precision: Any
) -> Gates:
    """Return x W as one array per gate; its gradient is one product for all gates.

    On a CPU a scan over one array per gate is up to three times as fast as over slices of a joint array, but the
    gradient is faster jointly (docs/decisions/recurrence.md). For few rows, as in streaming, slicing the result copies
    less than slicing the kernel.
    """
    if math.prod(x.shape[:-1]) <= kernel.shape[0]:
        return split_gates(product(x, kernel, precision))
    return tuple(product(x, kernel[:, gate], precision) for gate in range(kernel.shape[1]))


def _forward(x: Array, kernel: Array, precision: Any) -> tuple[Gates, tuple[Array, Array]]:
    return gate_products(x, kernel, precision), (x, kernel)


def _backward(precision: Any, saved: tuple[Array, Array], gradients: Gates) -> tuple[Array, Array]:
    x, kernel = saved
    joined = join_gates(gradients)
    flat = kernel.reshape(kernel.shape[0], -1)
    return product(joined, flat.T, precision), kernel_gradient(x, joined, kernel.shape, precision)


gate_products.defvjp(_forward, _backward)


def _matmul(a: Float[Array, "rows inner"], b: Float[Array, "inner columns"], precision: Any) -> Array:
    total = jnp.float32 if jnp.finfo(precision).bits < 32 else precision
    return jnp.matmul(a.astype(precision), b.astype(precision), preferred_element_type=total)
