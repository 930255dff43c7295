"""What the tests of cells and recurrences share: options to try, random weights, compiled runs, PyTorch's layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.cells.base import Carry, Cell, Weights
from gru_bench.models.products import Gates
from gru_bench.models.recurrence import Recurrence, recur
from gru_bench.models.torch_weights import from_torch, to_torch
from tests.presets import CELLS

OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "gru": ("gru", {}),
    "gru_before": ("gru", {"reset_after": False}),
    "gru_norm": ("gru", {"layer_norm": True}),
    "gru_before_norm": ("gru", {"reset_after": False, "layer_norm": True}),
    "lstm": ("lstm", {}),
    "lstm_peepholes": ("lstm", {"peepholes": True}),
    "lstm_norm": ("lstm", {"layer_norm": True}),
    "lstm_peepholes_norm": ("lstm", {"peepholes": True, "layer_norm": True}),
    "rnn_tanh": ("rnn", {"activation": "tanh"}),
    "rnn_relu": ("rnn", {"activation": "relu"}),
    "rnn_norm": ("rnn", {"layer_norm": True}),
    "mgu": ("mgu", {}),
    "mgu_norm": ("mgu", {"layer_norm": True}),
    "coupled_lstm": ("coupled_lstm", {}),
    "coupled_lstm_peepholes_norm": ("coupled_lstm", {"peepholes": True, "layer_norm": True}),
    "min_gru": ("min_gru", {}),
    "min_gru_norm": ("min_gru", {"layer_norm": True}),
    "min_lstm": ("min_lstm", {}),
}


def make_cell(name: str, hidden_size: int) -> Cell:
    """Return a cell by its name in `OPTIONS`."""
    cell, options = OPTIONS[name]
    return CELLS[cell](hidden_size=hidden_size, **options)


def random_weights(cell: Cell, input_size: int, seed: int = 0) -> dict[str, jax.Array]:
    """Draw every weight, biases included, at random.

    Gains are around 0.5: around 1 some draws are chaotic, and then the exact gradient itself moves by 1e-4 when the
    weights move by 1e-7.
    """
    draw = np.random.default_rng(seed)
    weights = {}
    for name, shape in cell.weight_shapes(input_size).items():
        middle, spread = (0.5, 0.15) if name.endswith("gain") else (0.0, 0.5)
        weights[name] = jnp.asarray(middle + spread * draw.normal(size=shape), jnp.float32)
    return weights


def random_array(seed: int, *shape: int) -> jax.Array:
    """Draw standard normal float32 values."""
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def random_carry(cell: Cell, batch: int, seed: int = 0) -> Carry:
    """Draw a carry with values in (-1, 1)."""
    leaves, tree = jax.tree.flatten(cell.zero_carry(batch))
    draws = [jnp.tanh(random_array(seed + index, *leaf.shape)) for index, leaf in enumerate(leaves)]
    return jax.tree.unflatten(tree, draws)


class Ran(NamedTuple):
    """Results of a recurrence and the gradient of sum(cotangent * result)."""

    outputs: jax.Array
    final: Carry
    gradients: dict[str, Any]


_STATIC = ("cell", "reverse", "precision", "unroll", "rematerialise", "recurrence")
QUICK = {"xla_backend_optimization_level": 0}  # most of these tests' time is compilation
_quick_jit = partial(jax.jit, static_argnames=_STATIC, compiler_options=QUICK)


@_quick_jit
def run(cell: Cell, weights: Any, inputs: jax.Array, carry: Carry, **options: Any) -> tuple[jax.Array, Carry]:
    """Compile and run `recur`."""
    return recur(cell, weights, inputs, carry, **options)


@_quick_jit
def run_with_gradients(
    cell: Cell, weights: Any, inputs: jax.Array, carry: Carry, cotangent: Any = None, **options: Any
) -> Ran:
    """Compile and run `recur` with the gradients of its weights, inputs and initial carry.

    `cotangent` weighs (outputs, final carry) in the sum that is differentiated; by default it is random.
    """

    def objective(weights: Any, inputs: jax.Array, carry: Carry) -> tuple[jax.Array, Any]:
        result = recur(cell, weights, inputs, carry, **options)
        leaves = jax.tree.leaves(result)
        if cotangent is None:
            factors = [random_array(1000 + index, *leaf.shape) for index, leaf in enumerate(leaves)]
        else:
            factors = jax.tree.leaves(cotangent)
        return sum((jnp.sum(a * b) for a, b in zip(leaves, factors, strict=True)), jnp.zeros(())), result

    gradients, (outputs, final) = jax.grad(objective, argnums=(0, 1, 2), has_aux=True)(weights, inputs, carry)
    return Ran(outputs, final, dict(zip(("weights", "inputs", "carry"), gradients, strict=True)))


def assert_close(found: Any, expected: Any, tolerance: float = 1e-5) -> None:
    """Compare two trees of arrays, with the tolerance relative to each value and to 1."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for (path, a), b in zip(jax.tree_util.tree_leaves_with_path(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(
            np.asarray(a, np.float64),
            np.asarray(b, np.float64),
            rtol=tolerance,
            atol=tolerance,
            err_msg=jax.tree_util.keystr(path),
        )


def assert_within(found: Any, expected: Any, tolerance: float) -> None:
    """Compare two trees of arrays, with the tolerance relative to each array's largest entry."""
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for (path, a), b in zip(jax.tree_util.tree_leaves_with_path(found), jax.tree.leaves(expected), strict=True):
        largest = float(jnp.abs(b).max(initial=0.0))
        np.testing.assert_allclose(a, b, rtol=0.0, atol=tolerance * largest, err_msg=jax.tree_util.keystr(path))


def step_once(cell: Cell, weights: Weights, carry: Carry, inputs: jax.Array) -> tuple[Carry, dict[str, jax.Array]]:
    """Advance a cell by one time step, its products made here."""

    def times(factor: jax.Array, name: str) -> Gates:
        return tuple(factor @ weights[name][:, gate] for gate in range(weights[name].shape[1]))

    projected = cell.project(weights, times(inputs, "kernel"))
    products = ()
    for name in cell.recurrent_kernels:
        factor = cell.gated(weights, carry, projected, products[0]) if products else cell.hidden(carry)
        products += (times(factor, name),)
    return cell.step(weights, carry, projected, products)


def run_like_torch(
    cell: Cell, vectors: Mapping[str, np.ndarray], *, recurrence: Recurrence, unroll: int = 1
) -> dict[str, np.ndarray]:
    """Run stacked layers on what a file of scripts/make_golden.py holds; results are named and laid out like there."""
    layers = from_torch(cell, _below(vectors, "state/"))
    padding = None
    if "lengths" in vectors:
        padding = jnp.asarray(np.arange(vectors["inputs"].shape[1])[:, None] < vectors["lengths"])
    starts, cotangents = _below(vectors, "start/"), _below(vectors, "cotangent/")
    names = sorted(starts)

    # The fast gradient is what users get, so it is compiled as for them.
    @partial(jax.jit, compiler_options=None if recurrence == "fast" else QUICK)
    @partial(jax.grad, argnums=(0, 1, 2), has_aux=True)
    def gradients(layers: Any, inputs: jax.Array, starts: Any) -> tuple[jax.Array, Any]:
        hidden, ends, row = jnp.swapaxes(inputs, 0, 1), [], 0
        for weights in layers:
            outputs = []
            for direction in sorted(weights, reverse=True):  # forward, then backward
                carry = _carry(cell, {name: starts[name][row] for name in names})
                output, end = recur(
                    cell,
                    weights[direction],
                    hidden,
                    carry,
                    padding=padding,
                    reverse=direction == "backward",
                    recurrence=recurrence,
                    unroll=unroll,
                )
                outputs.append(output)
                ends.append(_parts(cell, end))
                row += 1
            hidden = jnp.concatenate(outputs, axis=-1)
        result = {"outputs": jnp.swapaxes(hidden, 0, 1)}
        result |= {f"final/{name}": jnp.stack([end[name] for end in ends]) for name in names}
        total = jnp.sum(result["outputs"] * cotangents["outputs"])
        for name in names:
            total += jnp.sum(result[f"final/{name}"] * cotangents[name])
        return total, result

    (d_layers, d_inputs, d_starts), result = gradients(layers, jnp.asarray(vectors["inputs"]), starts)
    state = gradients_like_torch(cell, d_layers)
    result |= {f"gradient/{name}": value for name, value in state.items()}
    result |= {"gradient/inputs": d_inputs} | {f"gradient/start/{name}": value for name, value in d_starts.items()}
    return {name: np.asarray(value) for name, value in result.items()}


def gradients_like_torch(cell: Cell, layers: Sequence[Any]) -> dict[str, np.ndarray]:
    """Lay gradients out like PyTorch: both biases of a gate get the same one, but for a GRU's candidate."""
    state = to_torch(cell, layers)
    for name in [name for name in state if name.startswith("bias_hh")]:
        shared = state[name.replace("_hh", "_ih")]
        own = np.arange(shared.size) // cell.hidden_size == cell.gates.index("candidate")
        state[name] = np.where(own, state[name], shared) if "candidate_bias" in cell.shapes else shared
    return state


def _below(vectors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in vectors.items() if name.startswith(prefix)}


def _carry(cell: Cell, parts: dict[str, jax.Array]) -> Carry:
    return type(cell.zero_carry(1))(**parts) if cell.states > 1 else parts["hidden"]


def _parts(cell: Cell, carry: Carry) -> dict[str, jax.Array]:
    return carry._asdict() if cell.states > 1 else {"hidden": carry}
