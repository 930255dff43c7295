"""Cells against the PyTorch that is installed: what the golden files check, at other sizes and with its state dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gru_bench.models.network import Signature
from gru_bench.models.torch_weights import export_torch, from_torch, load_torch, to_torch
from gru_bench.sections import ModelConfig, TrainingConfig
from tests.models.support import assert_close, make_cell, run_like_torch
from tests.networks import make_model

torch = pytest.importorskip("torch")

BATCH, TIME, INPUT, HIDDEN = 4, 23, 6, 7
LENGTHS = (5, 23, 1, 17)
MODULES = {
    "gru": (torch.nn.GRU, {}),
    "lstm": (torch.nn.LSTM, {}),
    "rnn_tanh": (torch.nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
}


def make_module(name: str, seed: int = 0, **options: Any) -> Any:
    """Return a float64 module whose weights, biases included, are all random."""
    kind, own = MODULES[name]
    module = kind(INPUT, HIDDEN, batch_first=True, dtype=torch.float64, **own, **options)
    module.load_state_dict({key: 0.3 * normal(seed, *value.shape) for key, value in module.state_dict().items()})
    return module


def normal(seed: int, *shape: int) -> Any:
    values = np.random.default_rng([seed, *shape]).normal(size=shape)
    return torch.from_numpy(values.astype(np.float32).astype(np.float64))


@pytest.mark.parametrize("name", MODULES)
def test_results_and_gradients_on_padded_sequences_are_those_of_pytorch(name: str):
    module = make_module(name, num_layers=2, bidirectional=True)
    inputs = normal(1, BATCH, TIME, INPUT).requires_grad_()
    keys = ("hidden", "cell") if name == "lstm" else ("hidden",)
    start = {key: 0.5 * normal(index, 4, BATCH, HIDDEN) for index, key in enumerate(keys)}
    start = {key: value.requires_grad_() for key, value in start.items()}
    carry = tuple(start.values()) if name == "lstm" else start["hidden"]
    read = torch.nn.utils.rnn.pack_padded_sequence(inputs, torch.tensor(LENGTHS), True, enforce_sorted=False)
    packed, final = module(read, carry)
    outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, total_length=TIME)
    ends = dict(zip(keys, final if name == "lstm" else (final,), strict=True))
    cotangents = {"outputs": normal(5, *outputs.shape)} | {key: normal(6, *end.shape) for key, end in ends.items()}
    loss = (outputs * cotangents["outputs"]).sum() + sum((end * cotangents[key]).sum() for key, end in ends.items())
    loss.backward()

    expected = {"outputs": outputs, "gradient/inputs": inputs.grad}
    expected |= {f"gradient/{key}": value.grad for key, value in module.named_parameters()}
    expected |= {f"final/{key}": value for key, value in ends.items()}
    expected |= {f"gradient/start/{key}": value.grad for key, value in start.items()}
    vectors = {f"state/{key}": value for key, value in module.state_dict().items()} | {"inputs": inputs}
    vectors |= {f"start/{key}": value for key, value in start.items()}
    vectors |= {f"cotangent/{key}": value for key, value in cotangents.items()}
    arrays = {key: value.detach().numpy().astype(np.float32) for key, value in vectors.items()}
    found = run_like_torch(make_cell(name, HIDDEN), arrays | {"lengths": np.array(LENGTHS)}, recurrence="fast")
    assert_close(found, {key: value.detach().numpy() for key, value in expected.items()}, 1e-5)


@pytest.mark.parametrize("name", MODULES)
def test_a_state_dict_comes_back_as_the_same_function(name: str):
    cell = make_cell(name, HIDDEN)
    module = make_module(name, num_layers=3, bidirectional=True)
    copy = make_module(name, seed=1, num_layers=3, bidirectional=True)
    state = to_torch(cell, from_torch(cell, module.state_dict()))
    copy.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    inputs = normal(2, BATCH, TIME, INPUT)
    with torch.no_grad():
        np.testing.assert_allclose(copy(inputs)[0].numpy(), module(inputs)[0].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_network_runs_with_weights_of_pytorch_and_gives_its_own(cell: str):
    config = ModelConfig(cell=cell, hidden_size=HIDDEN, layers=2, bidirectional=True, init="uniform", init_scale=0.5)
    signature = Signature(outputs=2, channels=INPUT)
    network = make_model(config, TrainingConfig(updates=1), signature, jax.random.key(0))
    inputs = normal(3, BATCH, TIME, INPUT)
    module = make_module(cell, num_layers=2, bidirectional=True)

    @jax.jit
    def encode(params: nnx.State, values: jax.Array) -> jax.Array:
        merged = nnx.merge(graph, params)
        return merged.encode(values, merged.zero_carry(BATCH))[0]

    graph = nnx.graphdef(network)

    def outputs() -> np.ndarray:
        return np.asarray(encode(nnx.state(network), jnp.asarray(inputs.numpy(), jnp.float32)))

    def of_rnn(state: Mapping[str, np.ndarray]) -> dict[str, Any]:
        return {key[4:]: torch.from_numpy(value) for key, value in state.items() if key.startswith("rnn.")}

    module.load_state_dict(of_rnn(export_torch(network)))
    with torch.no_grad():
        np.testing.assert_allclose(outputs(), module(inputs)[0].numpy(), rtol=1e-5, atol=1e-5)
        module = make_module(cell, num_layers=2, bidirectional=True)
        changed = {f"rnn.{key}": value for key, value in module.state_dict().items()}
        load_torch(network, export_torch(network) | changed)
        np.testing.assert_allclose(outputs(), module(inputs)[0].numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_tensors_of_any_precision_and_parameters_that_want_gradients_are_read(dtype: str):
    module = torch.nn.GRU(INPUT, HIDDEN).to(getattr(torch, dtype))
    weights = from_torch(make_cell("gru", HIDDEN), dict(module.named_parameters()))[0]["forward"]
    assert all(value.dtype == np.float32 for value in weights.values())
    np.testing.assert_array_equal(weights["kernel"][:, 0], module.weight_ih_l0.detach().float().numpy()[:HIDDEN].T)
