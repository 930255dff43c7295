"""The encoder-decoder against plain loops, and teacher forcing against step-by-step decoding."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.models.builder import make_cells
from gru_bench.models.encoder_decoder import Affine, EncoderDecoder, Source
from gru_bench.sections import ModelConfig, TrainingConfig
from tests.models.support import QUICK

SOURCE_SYMBOLS, SYMBOLS, END = 9, 7, 0
LENGTHS, TARGETS = np.array([5, 2, 3]), np.array([4, 1, 3])
DRAW = np.random.default_rng(0)
SOURCE = jnp.asarray(DRAW.integers(2, SOURCE_SYMBOLS, (3, 5)), jnp.int32)
SOURCE_MASK = jnp.asarray(np.arange(5) < LENGTHS[:, None])
TARGET = jnp.asarray(DRAW.integers(1, SYMBOLS, (3, 4)), jnp.int32)
READ = jnp.concatenate([jnp.full((3, 1), END, jnp.int32), TARGET[:, :-1]], axis=1)
MASK = jnp.asarray(np.arange(4) < TARGETS[:, None])


def build(cell: str = "gru", **settings: Any) -> EncoderDecoder:
    """Return a network whose weights are far from zero."""
    values = {"hidden_size": 4, "init": "uniform", "init_scale": 0.9, "bidirectional": True, **settings}
    config = ModelConfig(cell=cell, **{"attention": "multiplicative", **values})

    def build(cells: Any, key: jax.Array) -> EncoderDecoder:
        return EncoderDecoder(cells, key, cells.embedding(key, SOURCE_SYMBOLS), SYMBOLS)

    return build(make_cells(config, TrainingConfig(updates=1), build), jax.random.key(3))


quick_jit = partial(jax.jit, compiler_options=QUICK)


@quick_jit
def encode(network: EncoderDecoder, source: jax.Array, mask: jax.Array) -> Source:
    return network.encode(source, mask)


@quick_jit
def step(network: EncoderDecoder, source: Source, carry: Any, symbols: jax.Array) -> tuple[jax.Array, Any]:
    return network.step(source, carry, symbols)


@partial(quick_jit, static_argnames="smoothing")
def forced(network: EncoderDecoder, source: Source, key: Any = None, smoothing: float = 0.0) -> jax.Array:
    return network.cross_entropy(source, READ, TARGET, MASK, key, smoothing)


def affine(map: Affine, values: np.ndarray) -> np.ndarray:
    return np.tanh(values @ np.asarray(map.kernel[...], np.float64) + np.asarray(map.bias[...], np.float64))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_bridge_fills_every_part_of_every_layer_from_the_ends_of_the_encoder(cell: str):
    network = build(cell, layers=2)
    vectors = network.reader(SOURCE)
    _, final = network.encoder.run(vectors, network.encoder.zero_carry(3), padding=SOURCE_MASK)
    start = encode(network, SOURCE, SOURCE_MASK).start
    assert len(start) == 2
    for maps, ends, layer in zip(network.bridge.maps, final, start, strict=True):
        forward, backward = (jax.tree.leaves(ends[name]) for name in ("forward", "backward"))
        parts = jax.tree.leaves(layer["forward"])
        assert len(parts) == (2 if cell == "lstm" else 1)
        for map, one, other, part in zip(maps, forward, backward, parts, strict=True):
            np.testing.assert_allclose(part, affine(map, np.concatenate([one, other], axis=1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        ("gru", {"attention": "additive"}),
        ("lstm", {"layers": 2}),
        ("rnn", {"attention": "none", "bidirectional": False}),
        ("mgu", {"tied_embeddings": True, "embedding_size": 6}),
        ("min_gru", {"attention": "none", "tied_embeddings": True, "embedding_size": 6}),
    ],
)
def test_teacher_forcing_equals_step_by_step_decoding(cell: str, settings: dict[str, Any]):
    network = build(cell, **settings)
    source = encode(network, SOURCE, SOURCE_MASK)
    expected, carry = 0.0, source.start
    for time in range(READ.shape[1]):
        log_probabilities, carry = step(network, source, carry, READ[:, time])
        np.testing.assert_allclose(np.exp(log_probabilities).sum(axis=1), 1, rtol=1e-5)
        nll = -np.asarray(log_probabilities)[np.arange(3), TARGET[:, time]]
        expected += nll[np.asarray(MASK)[:, time]].sum()
    assert float(forced(network, source)) == pytest.approx(expected, rel=1e-5)


def test_padding_of_the_source_never_matters():
    network = build("lstm", attention="additive")
    padded = encode(network, SOURCE, SOURCE_MASK)
    for row in (1, 2):
        length = LENGTHS[row]
        alone = encode(network, SOURCE[row : row + 1, :length], jnp.ones((1, length), bool))
        for part, whole in zip(jax.tree.leaves(alone.start), jax.tree.leaves(padded.start), strict=True):
            np.testing.assert_allclose(part[0], whole[row], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(alone.states[0], padded.states[row, :length], rtol=1e-5, atol=1e-6)


def test_label_smoothing_is_the_cross_entropy_with_a_smoothed_target():
    network = build("gru")
    source = encode(network, SOURCE, SOURCE_MASK)
    total = forced(network, source, smoothing=0.2)
    hidden, _ = network.hidden(source, READ, source.start, MASK)
    log_probabilities = np.asarray(jax.nn.log_softmax(network.head(hidden)), np.float64)
    wanted = 0.8 * np.eye(SYMBOLS)[np.asarray(TARGET)] + 0.2 / SYMBOLS
    assert float(total) == pytest.approx(-(wanted * log_probabilities).sum(axis=-1)[np.asarray(MASK)].sum(), rel=1e-5)


def test_dropout_changes_the_loss_and_no_prediction():
    network = build("gru", input_dropout=0.5, output_dropout=0.5)
    source = encode(network, SOURCE, SOURCE_MASK)
    assert len({float(forced(network, source, key)) for key in jax.random.split(jax.random.key(0), 3)}) == 3
    assert float(forced(network, source)) == float(forced(build("gru"), source))


def test_attention_weights_are_those_behind_the_context():
    network = build("gru")
    source = encode(network, SOURCE, SOURCE_MASK)
    weights = np.asarray(network.attention_weights(source, READ))
    assert weights.shape == (3, 4, 5)
    np.testing.assert_allclose(weights.sum(axis=2), 1, rtol=1e-5)
    assert not weights[~np.broadcast_to(np.asarray(SOURCE_MASK)[:, None], weights.shape)].any()
    assert build("gru", attention="none").attention_weights(source, READ) is None


def test_a_budget_counts_encoder_and_decoder():
    network = build("lstm", hidden_size=None, parameter_budget=20500, bidirectional=True)
    assert set(network.recurrent) == {"encoder/layer0", "decoder/layer0"}
    assert network.parameters["recurrent"] == pytest.approx(20500, rel=0.01)


def test_parts_of_a_repeated_source_stand_one_after_the_other():
    source = encode(build("lstm"), SOURCE, SOURCE_MASK)
    twice = source.repeat(2)
    for leaf, repeated in zip(jax.tree.leaves(source), jax.tree.leaves(twice), strict=True):
        np.testing.assert_array_equal(repeated[0::2], leaf)
        np.testing.assert_array_equal(repeated[1::2], leaf)
