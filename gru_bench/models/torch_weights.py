"""Weights of the default network from and to the state dict of a PyTorch module, and the parts of that module.

The module has `embedding` where symbols are read, `rnn` (`torch.nn.GRU`, `LSTM` or `RNN`), `attention` and `query`
where `model.pooling=attention`, and `head`. PyTorch stores each recurrent kernel as (gate * hidden, input) and two
biases per gate; here a kernel is (input, gate, hidden) and there is one bias, their sum. Only a GRU keeps the
candidate's recurrent bias apart (`candidate_bias`), because the reset gate multiplies it. Gate orders are the same:
r, z, n and i, f, g, o. PyTorch itself is not imported: a state dict may hold tensors or NumPy arrays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float

from gru_bench.cells.base import Cell
from gru_bench.cells.gru import GRU
from gru_bench.cells.lstm import LSTM
from gru_bench.cells.rnn import RNN
from gru_bench.errors import ConfigError, DataError
from gru_bench.models.heads import Embedding
from gru_bench.models.model import Model
from gru_bench.models.network import Network
from gru_bench.models.pooling import Attention
from gru_bench.models.self_attention import Refined

StateDict = dict[str, Float[np.ndarray, " ..."]]
CellWeights = dict[str, Float[np.ndarray, " ..."]]
LayerWeights = dict[str, CellWeights]

_RNN, _EMBEDDING, _HEAD = "rnn.", "embedding.weight", "head.weight"
_SUFFIXES = {"forward": "", "backward": "_reverse"}
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_MODULES: dict[type[Cell], str] = {GRU: "GRU", LSTM: "LSTM", RNN: "RNN"}
_COMMON = {"kernel", "recurrent_kernel", "bias", "candidate_bias"}
_SETTINGS = {
    "input_gain": ("model.layer_norm", True, "false"),
    "peephole": ("model.peepholes", True, "false"),
    "candidate_kernel": ("model.reset_after", False, "true"),
}
_SHOWN = 6  # entries that a message names


def export_torch(model: Model) -> StateDict:
    """Return the weights of a network as a PyTorch state dict of NumPy arrays.

    Raises:
        ConfigError: PyTorch has no such network: another one than the default network, or an option that it lacks.
    """
    network = _checked(model)
    parts = _parts(network).items()
    state = {name: _to_numpy(value[...].T if swapped else value[...]) for name, (value, swapped) in parts}
    if network.head.kernel is None:
        state[_HEAD] = state[_EMBEDDING].copy()
    layers = to_torch(network.layers[0].cell, [layer.directions for layer in network.layers])
    return {f"{_RNN}{name}": value for name, value in layers.items()} | state


def load_torch(model: Model, state: Mapping[str, Any]) -> None:
    """Set the weights of a network, in place, from a PyTorch state dict.

    Args:
        model: the network.
        state: tensors or arrays, by the names that `export_torch` gives them. Of tied weights one entry is enough.

    Raises:
        ConfigError: PyTorch has no such network.
        DataError: entries are missing, unexpected or of other shapes, or tied weights differ; nothing is set then.
    """
    network = _checked(model)
    arrays = {name: _to_numpy(value) for name, value in state.items()}
    if network.head.kernel is None and _EMBEDDING in arrays:
        arrays.setdefault(_HEAD, arrays[_EMBEDDING])
    _check_shapes(arrays, {name: value.shape for name, value in export_torch(network).items()})
    if network.head.kernel is None and not np.array_equal(arrays[_HEAD], arrays[_EMBEDDING]):
        raise DataError(f"{_HEAD} and {_EMBEDDING} differ, expected the same values with model.tied_embeddings=true.")
    for name, (parameter, swapped) in _parts(network).items():
        parameter[...] = jnp.asarray(arrays[name].T if swapped else arrays[name])
    recurrent = {name.removeprefix(_RNN): value for name, value in arrays.items() if name.startswith(_RNN)}
    for layer, weights in zip(network.layers, from_torch(network.layers[0].cell, recurrent), strict=True):
        for direction, parameters in layer.weights.items():
            for name, parameter in parameters.items():
                parameter[...] = jnp.asarray(weights[direction][name])


def torch_modules(model: Model) -> dict[str, str]:
    """Return, by name, the PyTorch expressions that build the modules of a network, to load its state dict into.

    Raises:
        ConfigError: PyTorch has no such network.
    """
    network = _checked(model)
    shapes = {name: value.shape for name, value in export_torch(network).items()}
    cell, layer = network.layers[0].cell, network.layers[0].directions
    options = [f"{layer['forward']['kernel'].shape[0]}, {cell.hidden_size}, batch_first=True"]
    options += [f"num_layers={len(network.layers)}"] * (len(network.layers) > 1)
    options += ["bidirectional=True"] * (len(layer) > 1)
    options += [f"nonlinearity={cell.activation!r}"] if isinstance(cell, RNN) else []
    modules = {"rnn": f"torch.nn.{_MODULES[type(cell)]}({', '.join(options)})"}
    if _EMBEDDING in shapes:
        modules = {"embedding": f"torch.nn.Embedding{shapes[_EMBEDDING]}", **modules}
    for name in ("attention", "query", "head"):
        if f"{name}.weight" in shapes:
            outputs, inputs = shapes[f"{name}.weight"]
            bias = "" if f"{name}.bias" in shapes else ", bias=False"
            modules[name] = f"torch.nn.Linear({inputs}, {outputs}{bias})"
    return modules


def from_torch(cell: Cell, state: Mapping[str, Any]) -> list[LayerWeights]:
    """Read the weights of stacked recurrent layers from the state dict of `torch.nn.GRU`, `LSTM` or `RNN`.

    Args:
        cell: the cell that the weights are for; its options must be ones that PyTorch has.
        state: tensors or arrays by name: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, the same with
            `_reverse` where bidirectional, and with `l1`, `l2`, ... for further layers.

    Returns:
        For each layer, float32 weights by direction (`forward`, `backward`) and name, shaped as
        `cell.weight_shapes(input_size)` says.

    Raises:
        ConfigError: the cell has an option that PyTorch lacks.
    """
    _check_cell(cell)
    arrays = {name: _to_numpy(value) for name, value in state.items()}
    layers = 1 + max(int(match[1]) for name in arrays if (match := re.search(r"_l(\d+)", name)))
    directions = [name for name, suffix in _SUFFIXES.items() if f"weight_ih_l0{suffix}" in arrays]
    return [
        {name: _cell_from_torch(cell, arrays, f"_l{layer}{_SUFFIXES[name]}") for name in directions}
        for layer in range(layers)
    ]


def to_torch(cell: Cell, layers: Sequence[Mapping[str, Mapping[str, Any]]]) -> StateDict:
    """Write the weights of stacked recurrent layers as a PyTorch state dict of NumPy arrays.

    `bias_ih` holds the whole bias and `bias_hh` is 0 but for a GRU's candidate, whose recurrent bias stays apart.

    Args:
        cell: the cell that the weights are of; its options must be ones that PyTorch has.
        layers: for each layer, weights by direction and name, as `from_torch` returns them.

    Raises:
        ConfigError: the cell has an option that PyTorch lacks.
    """
    _check_cell(cell)
    state: StateDict = {}
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


def _checked(model: Model) -> Network:
    """Return a model that PyTorch has, too."""
    if not isinstance(model, Network):
        raise ConfigError("task", type(model).__name__, "a task with the default network, whose parts PyTorch has")
    _check_cell(model.layers[0].cell)
    if isinstance(model.pooling, Refined):
        found = model.pooling.attention.heads
        raise ConfigError("model.self_attention", found, "0 for weights of PyTorch", "Its recurrent layers have none.")
    if model.residual:
        raise ConfigError("model.residual", True, "false for weights of PyTorch", "Its recurrent layers have no sums.")
    return model


def _check_cell(cell: Cell) -> None:
    if type(cell) not in _MODULES:
        raise ConfigError("model.cell", type(cell).__name__, "a cell that PyTorch has: gru, lstm or rnn")
    for name in sorted(set(cell.weight_shapes(1)) - _COMMON):
        if name in _SETTINGS:
            key, found, allowed = _SETTINGS[name]
            raise ConfigError(key, found, f"{allowed} for weights that PyTorch can hold", "It has no such option.")


def _parts(network: Network) -> dict[str, tuple[nnx.Param, bool]]:
    """Return the parameters around the recurrent layers by name, and whether PyTorch has them transposed."""
    parts: dict[str, tuple[nnx.Param, bool]] = {"head.bias": (network.head.bias, False)}
    if isinstance(network.encoder, Embedding):
        parts[_EMBEDDING] = network.encoder.table, False
    if isinstance(network.pooling, Attention):
        parts["attention.weight"] = network.pooling.kernel, True
        parts["attention.bias"] = network.pooling.bias, False
        parts["query.weight"] = network.pooling.query, True
    if network.head.kernel is not None:
        parts[_HEAD] = network.head.kernel, True
    return parts


def _check_shapes(found: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]]) -> None:
    faults = [f"no {name} {shape}" for name, shape in expected.items() if name not in found]
    faults += [f"{name} {value.shape}, expected none" for name, value in found.items() if name not in expected]
    faults += [
        f"{name} {found[name].shape}, expected {shape}"
        for name, shape in expected.items()
        if name in found and found[name].shape != shape
    ]
    if faults:
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        raise DataError(
            f"the state dict does not fit the network: found {'; '.join(faults[:_SHOWN])}{more}. Choose the cell and "
            "the sizes of these weights (model=..., model.hidden_size=...), and rename entries where they are saved."
        )


def _to_numpy(value: Any) -> Float[np.ndarray, " ..."]:
    """Return a float32 copy of a tensor or array, wherever it lies."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().float().numpy()
    return np.array(value, dtype=np.float32, order="C")


def _cell_from_torch(cell: Cell, arrays: Mapping[str, np.ndarray], suffix: str) -> CellWeights:
    weight_ih, weight_hh, bias_ih, bias_hh = (arrays[f"{name}{suffix}"] for name in _NAMES)
    gates, hidden = len(cell.gates), cell.hidden_size
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
