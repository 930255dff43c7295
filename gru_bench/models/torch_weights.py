"""Weights from and to the state dicts of `torch.nn.GRU`, `torch.nn.LSTM` and `torch.nn.RNN`.

PyTorch stores each kernel as (gate * hidden, input) and two biases per gate; here a kernel is (input, gate, hidden)
and there is one bias, their sum. Only a GRU keeps the candidate's recurrent bias apart (`candidate_bias`), because
the reset gate multiplies it. Gate orders are the same: r, z, n and i, f, g, o. PyTorch itself is not imported: a
state dict may hold tensors or NumPy arrays.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from gru_bench.cells.base import Cell
from gru_bench.errors import ConfigError, DataError, nearest
from gru_bench.models.network import Network

CellWeights = dict[str, Float[np.ndarray, " ..."]]
LayerWeights = dict[str, CellWeights]

_SUFFIXES = {"forward": "", "backward": "_reverse"}
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_GATES = {("reset", "update", "candidate"), ("input", "forget", "candidate", "output"), ("candidate",)}
_COMMON = {"kernel", "recurrent_kernel", "bias", "candidate_bias"}
_SETTINGS = {
    "input_gain": ("model.layer_norm", True, "false"),
    "peephole": ("model.peepholes", True, "false"),
    "candidate_kernel": ("model.reset_after", False, "true"),
}


def from_torch(cell: Cell, state: Mapping[str, Any]) -> list[LayerWeights]:
    """Read the weights of stacked recurrent layers from a PyTorch state dict.

    Args:
        cell: the cell that the weights are for; its options must be ones that PyTorch has.
        state: tensors or arrays by name: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, the same with
            `_reverse` where bidirectional, and with `l1`, `l2`, ... for further layers.

    Returns:
        For each layer, float32 weights by direction (`forward`, `backward`) and name, shaped as
        `cell.weight_shapes(input_size)` says.

    Raises:
        ConfigError: the cell has an option that PyTorch lacks.
        DataError: a key is missing or unexpected, or an array has another shape than the cell needs.
    """
    _check_cell(cell)
    arrays = {name: _to_numpy(value) for name, value in state.items()}
    layers, directions = _extent(arrays)
    expected = [
        f"{name}_l{layer}{_SUFFIXES[direction]}"
        for layer in range(layers)
        for direction in directions
        for name in _NAMES
    ]
    for name in expected:
        if name not in arrays:
            raise DataError(
                f"PyTorch state dict: expected {name!r} for {layers} layer(s) and {len(directions)} direction(s), "
                f"found only {', '.join(arrays) or 'nothing'}. Take the state dict of the recurrent module itself, "
                "made with bias=True."
            )
    for name in arrays:
        if name not in expected:
            raise DataError(
                f"PyTorch state dict: found {name!r}, expected only {', '.join(expected)}. {nearest(name, expected)} "
                "Take the state dict of the recurrent module itself, made with proj_size=0."
            )
    return [
        {direction: _cell_from_torch(cell, arrays, layer, direction, len(directions)) for direction in directions}
        for layer in range(layers)
    ]


def to_torch(cell: Cell, layers: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, Float[np.ndarray, " ..."]]:
    """Write the weights of stacked recurrent layers as a PyTorch state dict of NumPy arrays.

    `bias_ih` holds the whole bias and `bias_hh` is 0 but for a GRU's candidate, whose recurrent bias stays apart.

    Args:
        cell: the cell that the weights are of; its options must be ones that PyTorch has.
        layers: for each layer, weights by direction and name, as `from_torch` returns them.

    Raises:
        ConfigError: the cell has an option that PyTorch lacks.
    """
    _check_cell(cell)
    state: dict[str, np.ndarray] = {}
    for index, layer in enumerate(layers):
        for direction, weights in layer.items():
            suffix = f"_l{index}{_SUFFIXES[direction]}"
            bias = _to_numpy(weights["bias"])
            recurrent_bias = np.zeros_like(bias)
            if "candidate_bias" in weights:
                recurrent_bias[cell.gates.index("candidate")] = _to_numpy(weights["candidate_bias"])
            state[f"weight_ih{suffix}"] = _kernel_to_torch(weights["kernel"])
            state[f"weight_hh{suffix}"] = _kernel_to_torch(weights["recurrent_kernel"])
            state[f"bias_ih{suffix}"] = bias.reshape(-1)
            state[f"bias_hh{suffix}"] = recurrent_bias.reshape(-1)
    return state


def load_torch(network: Network, state: Mapping[str, Any]) -> None:
    """Set the weights of a network's recurrent layers, in place, from a PyTorch state dict.

    Raises:
        ConfigError: the network's cell has an option that PyTorch lacks.
        DataError: keys, layers, directions or shapes are not those of the network; nothing has been set then.
    """
    read = from_torch(network.layers[0].cell, state)
    found = [{name: _shapes(weights) for name, weights in layer.items()} for layer in read]
    expected = [{name: _shapes(weights) for name, weights in layer.directions.items()} for layer in network.layers]
    if found != expected:
        raise DataError(
            f"PyTorch state dict: expected the weights of the network, {_sizes(expected)}, found {_sizes(found)}. "
            "Make both with the same layers, directions and sizes."
        )
    for layer, weights in zip(network.layers, read, strict=True):
        for direction, parameters in layer.weights.items():
            for name, parameter in parameters.items():
                parameter[...] = jnp.asarray(weights[direction][name])


def export_torch(network: Network) -> dict[str, Float[np.ndarray, " ..."]]:
    """Return the weights of a network's recurrent layers as a PyTorch state dict of NumPy arrays.

    Raises:
        ConfigError: the network's cell has an option that PyTorch lacks.
    """
    return to_torch(network.layers[0].cell, [layer.directions for layer in network.layers])


def _check_cell(cell: Cell) -> None:
    if cell.gates not in _GATES:
        gates = ", ".join(cell.gates)
        raise ConfigError(
            "model.cell",
            type(cell).__name__,
            f"a cell that PyTorch has: gru, lstm or rnn; this one's blocks are {gates}",
        )
    for name in sorted(set(cell.weight_shapes(1)) - _COMMON):
        if name in _SETTINGS:
            key, found, allowed = _SETTINGS[name]
            raise ConfigError(key, found, f"{allowed} for weights that PyTorch can hold", "It has no such option.")


def _to_numpy(value: Any) -> Float[np.ndarray, " ..."]:
    """Return a float32 copy of a tensor or array, wherever it lies."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().float().numpy()
    return np.array(value, dtype=np.float32)


def _extent(arrays: Mapping[str, np.ndarray]) -> tuple[int, tuple[str, ...]]:
    """Return the number of layers and the directions that the keys speak of."""
    matches = [re.fullmatch(r"\w+_l(\d+)(_reverse)?", name) for name in arrays]
    found = [match for match in matches if match]
    layers = 1 + max((int(match[1]) for match in found), default=0)
    return layers, ("forward", "backward") if any(match[2] for match in found) else ("forward",)


def _cell_from_torch(
    cell: Cell, arrays: Mapping[str, np.ndarray], layer: int, direction: str, directions: int
) -> CellWeights:
    suffix = f"_l{layer}{_SUFFIXES[direction]}"
    weight_ih, weight_hh, bias_ih, bias_hh = (arrays[f"{name}{suffix}"] for name in _NAMES)
    gates, hidden = len(cell.gates), cell.hidden_size
    input_size = math.prod(weight_ih.shape[1:]) if layer == 0 else hidden * directions
    shapes = [(gates * hidden, input_size), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
    for name, array, shape in zip(_NAMES, (weight_ih, weight_hh, bias_ih, bias_hh), shapes, strict=True):
        if array.shape != shape:
            raise DataError(
                f"PyTorch state dict: expected {name}{suffix} of shape {shape} for {gates} gate(s) and hidden size "
                f"{hidden}, found {array.shape}. Check the cell and model.hidden_size."
            )
    bias, recurrent_bias = bias_ih.reshape(gates, hidden), bias_hh.reshape(gates, hidden)
    weights = {}
    if "candidate_bias" in cell.shapes:
        candidate = cell.gates.index("candidate")
        weights["candidate_bias"] = recurrent_bias[candidate].copy()
        recurrent_bias[candidate] = 0.0
    return {
        "kernel": _kernel_from_torch(weight_ih, gates),
        "recurrent_kernel": _kernel_from_torch(weight_hh, gates),
        "bias": bias + recurrent_bias,
        **weights,
    }


def _kernel_from_torch(
    kernel: Float[np.ndarray, "gate_hidden size"], gates: int
) -> Float[np.ndarray, "size gate hidden"]:
    return np.ascontiguousarray(kernel.T).reshape(kernel.shape[1], gates, -1)


def _kernel_to_torch(kernel: Any) -> Float[np.ndarray, "gate_hidden size"]:
    array = _to_numpy(kernel)
    return np.ascontiguousarray(array.reshape(array.shape[0], -1).T)


def _shapes(weights: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in weights.items()}


def _sizes(layers: Sequence[Mapping[str, Mapping[str, tuple[int, ...]]]]) -> str:
    return "; ".join(
        f"layer {index}: {', '.join(layer)}, kernel {layer['forward']['kernel']}" for index, layer in enumerate(layers)
    )
