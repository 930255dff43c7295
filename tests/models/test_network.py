"""Encoder, stacked layers and head: carries, dropout, residuals, directions, tied embeddings, precision."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from gru_bench.models.network import Embedding, Network, Signature
from gru_bench.models.stack import drop
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.training.gates import layer_activity, real_steps
from tests.models.support import assert_close, random_array
from tests.networks import make_model

BATCH, TIME, CHANNELS, HIDDEN, SYMBOLS = 3, 6, 4, 5, 9
PADDING = jnp.asarray(np.arange(TIME) < np.array([[6], [3], [0]]))


def build(outputs: int = SYMBOLS, symbols: int | None = None, **values: Any) -> Network:
    training = {key: values.pop(key) for key in ("precision", "unroll", "rematerialise") if key in values}
    model = ModelConfig(**{"cell": "lstm", "hidden_size": HIDDEN, "init": "uniform", "init_scale": 0.5, **values})
    signature = Signature(outputs=outputs, symbols=symbols, channels=None if symbols else CHANNELS)
    return make_model(model, TrainingConfig(updates=1, **training), signature, jax.random.key(0))


def forward(network: Network, inputs: jax.Array, carry: Any = None, encode: bool = False, **options: Any) -> Any:
    """Run a network compiled, as training does: split, then merged inside."""
    graph, params = nnx.split(network)
    return _apply(
        graph, encode, params, inputs, network.zero_carry(inputs.shape[0]) if carry is None else carry, options
    )


@partial(jax.jit, static_argnums=(0, 1), compiler_options={"xla_backend_optimization_level": 0})
def _apply(graph: Any, encode: bool, params: Any, inputs: jax.Array, carry: Any, options: Any) -> Any:
    network = nnx.merge(graph, params)
    return (network.encode if encode else network)(inputs, carry, **options)


def real_inputs(seed: int = 0) -> jax.Array:
    return random_array(seed, BATCH, TIME, CHANNELS)


def symbol_inputs(seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).integers(SYMBOLS, size=(BATCH, TIME)), jnp.int32)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_outputs_are_batch_major_and_the_carry_is_handed_on(cell: str):
    network, inputs = build(cell=cell, layers=2), real_inputs()
    whole, final = forward(network, inputs)
    assert whole.shape == (BATCH, TIME, SYMBOLS)
    assert whole.dtype == jnp.float32
    first, middle = forward(network, inputs[:, :3])
    second, end = forward(network, inputs[:, 3:], middle)
    assert_close(jnp.concatenate([first, second], axis=1), whole, 1e-5)
    assert_close(end, final, 1e-5)
    assert jax.tree.map(jnp.shape, final) == jax.tree.map(jnp.shape, network.zero_carry(BATCH))


@pytest.mark.parametrize("last", [1, 4, TIME])
def test_outputs_of_the_last_time_steps_alone(last: int):
    network, inputs = build(layers=2), real_inputs()
    whole, final = forward(network, inputs)
    some, end = jax.jit(lambda network: network(inputs, network.zero_carry(BATCH), last=last))(network)
    assert_close(some, whole[:, -last:], 1e-6)
    assert_close(end, final, 1e-6)


def test_a_reset_forgets_what_was_before():
    network, inputs = build(layers=2), real_inputs()
    reset = jnp.zeros((BATCH, TIME), bool).at[:, 2].set(True)
    outputs, _ = forward(network, inputs, reset=reset)
    fresh, _ = forward(network, inputs[:, 2:])
    assert_close(outputs[:, 2:], fresh, 1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_never_reaches_what_counts(bidirectional: bool):
    network, inputs = build(layers=2, bidirectional=bidirectional), real_inputs()
    other = jnp.where(PADDING[..., None], inputs, 100.0)
    found, carry = forward(network, other, padding=PADDING)
    expected, end = forward(network, inputs, padding=PADDING)
    assert_close(jnp.where(PADDING[..., None], found, 0.0), jnp.where(PADDING[..., None], expected, 0.0), 0.0)
    assert_close(carry, end, 0.0)
    alone, _ = forward(network, inputs[1:2, :3])
    assert_close(found[1:2, :3], alone, 1e-5)


def test_directions_are_joined_forward_first_however_the_network_was_made():
    network, inputs = build(bidirectional=True), real_inputs()
    merged = nnx.merge(*nnx.split(network))
    hidden, carry = network.encode(inputs, network.zero_carry(BATCH))
    again, _ = merged.encode(inputs, merged.zero_carry(BATCH))
    compiled, _ = forward(network, inputs, encode=True)
    assert hidden.shape == (BATCH, TIME, 2 * HIDDEN)
    assert_close(again, hidden, 1e-6)
    assert_close(compiled, hidden, 1e-6)
    assert_close(hidden[:, -1, :HIDDEN], carry[0]["forward"].hidden, 1e-6)
    assert_close(hidden[:, 0, HIDDEN:], carry[0]["backward"].hidden, 1e-6)
    later = inputs.at[:, 4:].set(0.0)
    moved, _ = network.encode(later, network.zero_carry(BATCH))
    assert_close(moved[:, :4, :HIDDEN], hidden[:, :4, :HIDDEN], 0.0)
    assert bool((moved[:, :4, HIDDEN:] != hidden[:, :4, HIDDEN:]).any())


def test_residual_adds_the_input_of_each_layer_that_is_as_wide():
    inputs = real_inputs()
    one, one_joined = build(layers=1), build(layers=1, residual=True)
    assert_close(forward(one_joined, inputs), forward(one, inputs), 0.0)
    two, two_joined = build(layers=2), build(layers=2, residual=True)
    for name, parameter in one.layers[0].weights["forward"].items():
        parameter[...] = two.layers[0].weights["forward"][name][...]
    (first, _), (second, _) = (forward(network, inputs, encode=True) for network in (one, two))
    assert_close(forward(two_joined, inputs, encode=True)[0], first + second, 1e-6)


def test_tied_embeddings_share_one_table():
    tied, free = build(symbols=SYMBOLS, tied_embeddings=True), build(symbols=SYMBOLS)
    assert tied.parameters["total"] == free.parameters["total"] - HIDDEN * SYMBOLS
    assert tied.parameters["recurrent"] == free.parameters["recurrent"]
    assert isinstance(tied.encoder, Embedding)
    ids = symbol_inputs()
    hidden, _ = forward(tied, ids, encode=True)
    expected = hidden @ tied.encoder.table[...].T + jnp.broadcast_to(tied.head.bias[...], (BATCH, TIME, SYMBOLS))
    assert_close(forward(tied, ids)[0], expected, 1e-5)
    graph, params = nnx.split(tied)

    def total(params: Any) -> jax.Array:
        network = nnx.merge(graph, params)
        return jnp.sum(network(ids[:, :1], network.zero_carry(BATCH))[0][..., 0])

    gradient = jax.grad(total)(params)["encoder"]["table"][...]
    assert bool(gradient[0].any())  # as the row of output 0
    assert bool(gradient[ids[0, 0]].any())  # as an input


def test_a_symbol_reads_its_row_of_the_table():
    network = build(symbols=SYMBOLS, embedding_size=3)
    assert isinstance(network.encoder, Embedding)
    assert network.encoder.table.shape == (SYMBOLS, 3)
    ids = symbol_inputs()
    np.testing.assert_array_equal(network.encoder(ids), network.encoder.table[...][ids])


@pytest.mark.parametrize(
    "rates",
    [{"input_dropout": 0.5}, {"output_dropout": 0.5}, {"recurrent_dropout": 0.5}],
    ids=lambda rates: next(iter(rates)),
)
def test_dropout_acts_only_with_a_key_and_follows_it(rates: dict[str, Any]):
    plain, dropped, inputs = build(layers=2), build(layers=2, **rates), real_inputs()
    expected = forward(plain, inputs)
    assert_close(forward(dropped, inputs), expected, 0.0)
    assert_close(forward(plain, inputs, key=jax.random.key(1)), expected, 0.0)
    one, same, other = (forward(dropped, inputs, key=jax.random.key(seed))[0] for seed in (1, 1, 2))
    assert_close(one, same, 0.0)
    assert bool((one != expected[0]).any())
    assert bool((one != other).any())


@pytest.mark.parametrize("variational", [False, True])
def test_output_masks_scale_and_are_the_same_over_time_only_when_variational(variational: bool):
    inputs = real_inputs()
    dropped = build(output_dropout=0.25, variational_dropout=variational)
    hidden, _ = forward(dropped, inputs, encode=True)
    found, _ = forward(dropped, inputs, encode=True, key=jax.random.key(0))
    mask = np.asarray(found / hidden)
    np.testing.assert_allclose(mask[mask != 0], 1 / 0.75, rtol=1e-5)
    constant = np.all((mask == 0) == (mask[:, :1] == 0))
    assert constant == variational
    rows = (mask == 0).reshape(BATCH, -1)
    assert (rows[0] != rows[1]).any()


def test_masks_keep_the_expectation():
    network = build(output_dropout=0.3)
    inputs = jnp.broadcast_to(real_inputs()[:1], (1, TIME, CHANNELS))
    many = jnp.broadcast_to(inputs, (4000, TIME, CHANNELS))
    hidden, _ = forward(network, inputs, encode=True)
    found, _ = forward(network, many, encode=True, key=jax.random.key(3))
    error = jnp.abs(found.mean(axis=0) - hidden[0]) / jnp.abs(hidden[0])
    assert float(error.max()) < 6 * np.sqrt(0.3 / 0.7 / 4000)


@pytest.mark.parametrize("size", [1, 7, 8])
def test_each_value_is_dropped_by_a_draw_of_its_own(size: int):
    kept = np.asarray(drop(jnp.ones((40, 250, size)), 0.3, False, jax.random.key(4))) > 0
    assert kept.mean() == pytest.approx(0.7, abs=5 * np.sqrt(0.21 / kept.size))
    correlations = np.atleast_2d(np.corrcoef(kept.reshape(-1, size), rowvar=False))[~np.eye(size, dtype=bool)]
    assert np.abs(correlations).max(initial=0) < 5 / np.sqrt(10_000)


def test_recurrent_dropout_is_one_mask_over_time_for_each_layer_and_direction():
    network = build(cell="rnn", layers=1, bidirectional=True, recurrent_dropout=0.5, options={"activation": "relu"})
    for weights in network.layers[0].weights.values():
        weights["kernel"][...] = jnp.zeros((CHANNELS, 1, HIDDEN))
        weights["recurrent_kernel"][...] = jnp.eye(HIDDEN)[:, None, :]
        weights["bias"][...] = jnp.zeros((1, HIDDEN))
    start = [{"forward": jnp.ones((BATCH, HIDDEN)), "backward": jnp.ones((BATCH, HIDDEN))}]
    hidden, _ = forward(network, real_inputs(), start, encode=True, key=jax.random.key(0))
    forwards, backwards = np.asarray(hidden[..., :HIDDEN]), np.asarray(hidden[..., HIDDEN:])[:, ::-1]
    for run in (forwards, backwards):
        kept = run[:, :1] > 0
        powers = 2.0 ** np.arange(1, TIME + 1)[None, :, None]
        np.testing.assert_allclose(run, np.where(kept, powers, 0.0), rtol=1e-6)
        assert 0 < kept.mean() < 1
    assert (forwards != backwards).any()


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_bfloat16_runs_close_with_float32_parameters_gradients_and_carry(cell: str):
    exact, rough = (build(cell=cell, symbols=SYMBOLS, precision=precision) for precision in ("float32", "bfloat16"))
    ids = symbol_inputs()
    expected, _ = forward(exact, ids)
    found, carry = forward(rough, ids)
    assert found.dtype == jnp.float32
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves((carry, nnx.state(rough, nnx.Param))))
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert bool((found != expected).any())
    graph, params = nnx.split(rough)

    def total(params: Any) -> jax.Array:
        network = nnx.merge(graph, params)
        return jnp.square(network(ids, network.zero_carry(BATCH))[0]).sum()

    gradients = jax.jit(jax.grad(total))(params)
    assert all(leaf.dtype == jnp.float32 and bool(leaf.any()) for leaf in jax.tree.leaves(gradients))


@pytest.mark.parametrize("option", [{"unroll": 4}, {"rematerialise": True}], ids=str)
def test_how_it_runs_changes_no_result(option: dict[str, Any]):
    assert_close(forward(build(layers=2, **option), real_inputs()), forward(build(layers=2), real_inputs()), 1e-6)


def test_gate_activity_names_each_layer_direction_and_gate():
    network = build(layers=2, bidirectional=True)
    activity = measured(network, real_inputs())
    assert set(activity) == {
        f"layer{layer}/{direction}/{gate}/{what}"
        for layer in range(2)
        for direction in ("forward", "backward")
        for gate in ("input", "forget", "output")
        for what in ("mean", "saturated")
    }
    assert all(0.0 <= float(value) <= 1.0 for value in activity.values())


def measured(network: Network, inputs: jax.Array, **masks: Any) -> dict[str, float]:
    layers = network.recurrent
    for layer in layers.values():
        layer.watched = True
    network(inputs, network.zero_carry(len(inputs)), **masks)
    batch = {"mask": jnp.ones(len(inputs), bool), **masks}
    return {
        f"{name}/{place}": float(value)
        for name, layer in layers.items()
        for place, value in layer_activity(layer, real_steps(batch, layer)).items()
    }


@pytest.mark.parametrize("values", [{"cell": "gru"}, {"bidirectional": True}, {"residual": True}], ids=str)
def test_gates_of_a_lane_with_resets_are_those_of_its_sequences(values: dict[str, Any]):
    """One lane of three sequences, against each sequence in a row of its own, padded behind."""
    network, lane = build(layers=2, **values), random_array(1, 1, 9, CHANNELS)
    reset = jnp.zeros((1, 9), bool).at[0, jnp.array([0, 4, 6])].set(True)
    apart = 7.0 + random_array(2, 3, 5, CHANNELS)  # what padding holds must not matter
    for row, (begin, end) in enumerate([(0, 4), (4, 6), (6, 9)]):
        apart = apart.at[row, : end - begin].set(lane[0, begin:end])
    padding = jnp.asarray(np.arange(5) < np.array([[4], [2], [3]]))
    expected = measured(network, apart, padding=padding)
    assert measured(network, lane, reset=reset) == pytest.approx(expected, abs=1e-6)
    assert measured(network, lane) != pytest.approx(expected, abs=1e-3)
    assert measured(network, apart) != pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("tied", [False, True])
def test_the_cross_entropy_is_that_of_the_outputs(tied: bool):
    network = build(symbols=SYMBOLS, tied_embeddings=tied)
    graph, params = nnx.split(network)
    inputs, targets, carry = symbol_inputs(), symbol_inputs(1), network.zero_carry(BATCH)

    def of_outputs(params: Any) -> Any:
        outputs, final = nnx.merge(graph, params)(inputs, carry, padding=PADDING)
        nll = optax.softmax_cross_entropy_with_integer_labels(outputs, targets)
        return jnp.where(PADDING, nll, 0.0).sum(), final

    def direct(params: Any) -> Any:
        return nnx.merge(graph, params).cross_entropy(inputs, targets, carry, mask=PADDING)

    found, expected = (jax.jit(jax.value_and_grad(function, has_aux=True))(params) for function in (direct, of_outputs))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), found, expected)
