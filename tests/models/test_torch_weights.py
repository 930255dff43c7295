"""State dicts of PyTorch in and out, without PyTorch."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_bench.errors import ConfigError, DataError
from gru_bench.models.network import Network, Signature
from gru_bench.models.torch_weights import export_torch, from_torch, load_torch, to_torch
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
    total = (state["bias_ih_l0"] + state["bias_hh_l0"]).reshape(3, HIDDEN)
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


def test_missing_unexpected_and_misshapen_entries_are_named():
    cell, state = make_cell("lstm", HIDDEN), state_dict(4, layers=2, bidirectional=True)
    with pytest.raises(DataError, match=r"expected 'bias_hh_l1_reverse' for 2 layer.*2 direction"):
        from_torch(cell, {key: value for key, value in state.items() if key != "bias_hh_l1_reverse"})
    with pytest.raises(DataError, match="found 'weight_hr_l0', expected only"):
        from_torch(cell, {**state, "weight_hr_l0": np.zeros((2, HIDDEN))})
    with pytest.raises(DataError, match="found only nothing"):
        from_torch(cell, {})
    with pytest.raises(DataError, match=r"expected weight_ih_l0 of shape \(12, 3\) for 3 gate.*found \(16, 3\)"):
        from_torch(make_cell("gru", HIDDEN), state)
    with pytest.raises(DataError, match=r"weight_hh_l0 of shape \(16, 4\).*found \(16, 5\)"):
        from_torch(cell, {**state, "weight_hh_l0": np.zeros((16, 5))})
    with pytest.raises(DataError, match=r"weight_ih_l0 of shape"):
        from_torch(cell, {**state, "weight_ih_l0": np.zeros(())})


def test_a_network_takes_and_gives_its_recurrent_weights():
    model, state = network(), state_dict(3, layers=2, bidirectional=True)
    head = np.asarray(model.head.bias[...])
    load_torch(model, state)
    assert_close(export_torch(model), to_torch(model.layers[0].cell, from_torch(model.layers[0].cell, state)), 0.0)
    np.testing.assert_array_equal(np.asarray(model.head.bias[...]), head)
    other = network()
    load_torch(other, export_torch(model))
    assert_close(export_torch(other), export_torch(model), 0.0)


@pytest.mark.parametrize("wrong", [{"layers": 1}, {"bidirectional": False}])
def test_a_network_of_another_build_is_refused_and_left_alone(wrong: dict[str, Any]):
    model = network(**wrong)
    before = export_torch(model)
    with pytest.raises(DataError, match="expected the weights of the network"):
        load_torch(model, state_dict(3, layers=2, bidirectional=True))
    assert_close(export_torch(model), before, 0.0)
