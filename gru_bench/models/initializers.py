"""Initialisers: one rule per gate block, the same for all cells.

`orthogonal` makes each gate's input block Glorot-uniform and each gate's recurrent block orthogonal; biases are 0,
gains 1, peepholes Glorot-uniform, embeddings N(0, 1) so that inputs have unit scale (a table that is tied to the head
is a kernel: Glorot-uniform). `uniform` draws everything but gains from U(-scale, scale) (Zaremba et al. 2014,
arXiv:1409.2329). Both add the constants of `Cell.bias_offsets` to the bias of a cell. `Cell.role` tells which weights
are recurrent kernels.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gru_bench.cells.base import Cell, Role

Initializer = Callable[[Array, Role, tuple[int, ...]], Array]


def orthogonal(key: Array, role: Role, shape: tuple[int, ...]) -> Array:
    """Initialise a weight by its role."""
    if role == "gain":
        return jnp.ones(shape)
    if role == "bias":
        return jnp.zeros(shape)
    if role == "table":
        return jax.random.normal(key, shape)
    if role == "recurrent_kernel":
        keys = jax.random.split(key, shape[1])
        blocks = [jax.nn.initializers.orthogonal()(gate_key, (shape[0], shape[2])) for gate_key in keys]
        return jnp.stack(blocks, axis=1)
    limit = math.sqrt(6.0 / (shape[0] + shape[-1]))
    return jax.random.uniform(key, shape, minval=-limit, maxval=limit)


def uniform(scale: float) -> Initializer:
    """Return the initialiser that draws all weights but gains from U(-scale, scale)."""

    def draw(key: Array, role: Role, shape: tuple[int, ...]) -> Array:
        if role == "gain":
            return jnp.ones(shape)
        return jax.random.uniform(key, shape, minval=-scale, maxval=scale)

    return draw


def draw_cell(key: Array, cell: Cell, input_size: int, initializer: Initializer) -> dict[str, Float[Array, " ..."]]:
    """Initialise the weights of one cell; each array depends only on the key and its name."""
    weights = {
        name: initializer(jax.random.fold_in(key, zlib.crc32(name.encode())), cell.role(name), shape)
        for name, shape in cell.weight_shapes(input_size).items()
    }
    for gate, offset in cell.bias_offsets.items():
        weights["bias"] = weights["bias"].at[cell.gates.index(gate)].add(offset)
    return weights
