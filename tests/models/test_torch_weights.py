"""State dicts of PyTorch in and out, without PyTorch."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_bench.errors import ConfigError, DataError
from gru_bench.models.model import Model
from gru_bench.models.network import Network, Signature
from gru_bench.models.torch_weights import export_torch, from_torch, load_torch, to_torch, torch_modules
from gru_bench.sections import ModelConfig, TrainingConfig
from tests.models.support import assert_close, make_cell, random_weights
from tests.networks import make_model

INPUT, HIDDEN = 3, 4


def state_dict(gates: int, layers: int = 1, bidirectional: bool = False, seed: int = 0) -> dict[str, np.ndarray]:
    """Draw a state dict with the keys and shapes that torch.nn.GRU, LSTM and RNN have."""
    draw, state = np.random.default_rng(seed), {}
    for layer in range(layers):
        size = INPUT if layer == 0 else HIDDEN * (2 if bidirectional else 1)
        for suffix in ("", "_reverse") if bidirectional else ("",):
            for name, shape in {"weight_ih": (size,), "weight_hh": (HIDDEN,), "bias_ih": (), "bias_hh": ()}.items():
                state[f"{name}_l{layer}{suffix}"] = draw.normal(size=(gates * HIDDEN, *shape)).astype(np.float32)
    return state


def network(hidden_size: int = HIDDEN, layers: int = 2, bidirectional: bool = True, **options: Any) -> Network:
    model = ModelConfig(cell="gru", hidden_size=hidden_size, layers=layers, bidirectional=bidirectional, **options)
    signature = Signature(outputs=2, channels=INPUT)
    return make_model(model, TrainingConfig(updates=1), signature, jax.random.key(0))


@settings(deadline=None, max_examples=20)
@given(
    name=st.sampled_from([("gru", 3), ("lstm", 4), ("rnn_tanh", 1)]),
    layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    seed=st.integers(0, 100),
)
def test_export_of_an_import_is_the_same_function(name: tuple[str, int], layers: int, bidirectional: bool, seed: int):
    cell, state = make_cell(name[0], HIDDEN), state_dict(name[1], layers, bidirectional, seed)
    read = from_torch(cell, state)
    assert len(read) == layers
    assert all(list(layer) == ["forward", "backward"][: 1 + bidirectional] for layer in read)
    assert {key: value.shape for key, value in read[0]["forward"].items()} == cell.weight_shapes(INPUT)
    written = to_torch(cell, read)
    assert set(written) == set(state)
    for key, value in state.items():
        if key.startswith("weight"):
            np.testing.assert_array_equal(written[key], value)
        elif key.startswith("bias_ih"):
            other = key.replace("_ih", "_hh")
            np.testing.assert_allclose(written[key] + written[other], value + state[other], rtol=1e-6)
            candidate = slice(2 * HIDDEN, None) if name[0] == "gru" else slice(0, 0)
            np.testing.assert_array_equal(written[other][candidate], state[other][candidate])
    assert_close(from_torch(cell, written), read, 0.0)


def test_gates_and_transposes_land_where_they_belong():
    cell, state = make_cell("gru", HIDDEN), state_dict(3)
    weights = from_torch(cell, state)[0]["forward"]
    for gate in range(3):
        rows = slice(gate * HIDDEN, (gate + 1) * HIDDEN)
        np.testing.assert_array_equal(weights["kernel"][:, gate], state["weight_ih_l0"][rows].T)
        np.testing.assert_array_equal(weights["recurrent_kernel"][:, gate], state["weight_hh_l0"][rows].T)
    np.testing.assert_array_equal(weights["bias"][2], state["bias_ih_l0"][2 * HIDDEN :])
    np.testing.assert_array_equal(weights["candidate_bias"], state["bias_hh_l0"][2 * HIDDEN :])
    before = {key: value.copy() for key, value in state.items()}
    weights["bias"][:] = 0
    assert_close(state, before, 0.0)


def test_the_update_bias_leaves_and_enters_once_as_part_of_the_bias():
    state = export_torch(network(layers=1, bidirectional=False, options={"update_bias": 2.0}))
    total = (state["rnn.bias_ih_l0"] + state["rnn.bias_hh_l0"]).reshape(3, HIDDEN)
    np.testing.assert_array_equal(total, np.array([[0.0], [2.0], [0.0]]) * np.ones(HIDDEN))
    plain = network(layers=1, bidirectional=False)
    load_torch(plain, state)
    assert_close(export_torch(plain), state, 0.0)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("gru_before", "model.reset_after"),
        ("lstm_peepholes", "model.peepholes"),
        ("lstm_norm", "model.layer_norm"),
        ("gru_norm", "model.layer_norm"),
        ("rnn_norm", "model.layer_norm"),
        ("mgu", "model.cell"),
        ("coupled_lstm", "model.cell"),
        ("min_gru", "model.cell"),
    ],
)
def test_options_that_pytorch_lacks_are_named(name: str, key: str):
    cell = make_cell(name, HIDDEN)
    with pytest.raises(ConfigError, match="PyTorch") as caught:
        from_torch(cell, {})
    assert caught.value.key == key
    with pytest.raises(ConfigError) as caught:
        to_torch(cell, [{"forward": random_weights(cell, INPUT)}])
    assert caught.value.key == key


def whole(layers: int = 2, bidirectional: bool = True) -> dict[str, np.ndarray]:
    """Draw the state dict of a whole module."""
    size = HIDDEN * (2 if bidirectional else 1)
    rnn = state_dict(3, layers, bidirectional)
    return {f"rnn.{key}": value for key, value in rnn.items()} | {
        "head.weight": np.arange(2.0 * size, dtype=np.float32).reshape(2, size),
        "head.bias": np.ones(2, np.float32),
    }


def test_a_network_takes_and_gives_its_weights():
    model, state = network(), whole()
    load_torch(model, state)
    written = export_torch(model)
    assert written.keys() == state.keys()
    for key in ("head.weight", "head.bias", "rnn.weight_ih_l1_reverse"):
        np.testing.assert_array_equal(written[key], state[key])
    other = network()
    load_torch(other, written)
    assert_close(export_torch(other), written, 0.0)


def test_embedding_attention_and_head_come_back():
    signature = Signature(symbols=6, outputs=3, pooled=True)
    config = ModelConfig(cell="lstm", hidden_size=HIDDEN, pooling="attention", init="uniform", init_scale=0.5)
    one, other = (make_model(config, TrainingConfig(updates=1), signature, jax.random.key(seed)) for seed in (0, 1))
    written = export_torch(one)
    assert {key: value.shape for key, value in written.items() if not key.startswith("rnn.")} == {
        "embedding.weight": (6, HIDDEN),
        "attention.weight": (HIDDEN, HIDDEN),
        "attention.bias": (HIDDEN,),
        "query.weight": (1, HIDDEN),
        "head.weight": (3, HIDDEN),
        "head.bias": (3,),
    }
    assert torch_modules(one) == {
        "embedding": "torch.nn.Embedding(6, 4)",
        "rnn": "torch.nn.LSTM(4, 4, batch_first=True)",
        "attention": "torch.nn.Linear(4, 4)",
        "query": "torch.nn.Linear(4, 1, bias=False)",
        "head": "torch.nn.Linear(4, 3)",
    }
    load_torch(other, written)
    for mine, theirs in zip(*(jax.tree.leaves(nnx.state(model)) for model in (one, other)), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_recurrent_module_has_the_options_of_the_network():
    assert torch_modules(network())["rnn"] == "torch.nn.GRU(3, 4, batch_first=True, num_layers=2, bidirectional=True)"
    config = ModelConfig(cell="rnn", hidden_size=HIDDEN, options={"activation": "relu"})
    plain = make_model(config, TrainingConfig(updates=1), Signature(outputs=2, channels=INPUT), jax.random.key(0))
    assert torch_modules(plain)["rnn"] == "torch.nn.RNN(3, 4, batch_first=True, nonlinearity='relu')"


def test_tied_weights_leave_twice_and_enter_from_one_entry():
    signature = Signature(symbols=5, outputs=5)
    config = ModelConfig(cell="rnn", hidden_size=HIDDEN, tied_embeddings=True, init="uniform", init_scale=0.5)
    model = make_model(config, TrainingConfig(updates=1), signature, jax.random.key(0))
    state = export_torch(model)
    np.testing.assert_array_equal(state["head.weight"], state["embedding.weight"])
    one = {key: 2 * value for key, value in state.items() if key != "head.weight"}
    load_torch(model, one)
    np.testing.assert_array_equal(export_torch(model)["head.weight"], one["embedding.weight"])
    with pytest.raises(DataError, match=r"head.weight and embedding.weight differ"):
        load_torch(model, one | {"head.weight": state["head.weight"]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rnn.bias_hh_l1_reverse": None}, r"found no rnn.bias_hh_l1_reverse \(12,\)\."),
        ({"rnn.weight_hr_l0": np.zeros((2, HIDDEN))}, r"found rnn.weight_hr_l0 \(2, 4\), expected none"),
        ({"head.weight": np.zeros((3, 8))}, r"found head.weight \(3, 8\), expected \(2, 8\)"),
        ({"rnn.weight_ih_l0": np.zeros(())}, r"found rnn.weight_ih_l0 \(\), expected \(12, 3\)"),
        (dict.fromkeys(whole()), r"found no rnn.weight_ih_l0 .*; and 12 more"),
    ],
)
def test_a_state_dict_that_does_not_fit_is_refused_and_changes_nothing(change: dict[str, Any], message: str):
    model, state = network(), whole() | change
    before = export_torch(model)
    with pytest.raises(DataError, match=message):
        load_torch(model, {key: value for key, value in state.items() if value is not None})
    assert_close(export_torch(model), before, 0.0)


def test_networks_that_pytorch_lacks_are_named():
    with pytest.raises(ConfigError) as caught:
        export_torch(network(residual=True))
    assert caught.value.key == "model.residual"
    with pytest.raises(ConfigError, match="default network"):
        export_torch(Model())
