"""Pooling against plain loops; padding never matters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.checks import check_model
from gru_bench.errors import ConfigError
from gru_bench.models.initializers import uniform
from gru_bench.models.network import Signature
from gru_bench.models.pooling import POOLINGS, Attention
from gru_bench.sections import ModelConfig, TrainingConfig
from tests.networks import make_model

SIZE = 6
LENGTHS = st.lists(st.integers(1, 7), min_size=1, max_size=4)


def draw(lengths: list[int], time: int = 7) -> tuple[np.ndarray, np.ndarray]:
    hidden = np.random.default_rng(sum(lengths)).normal(size=(len(lengths), time, SIZE)).astype(np.float32)
    return hidden, np.arange(time) < np.array(lengths)[:, None]


def by_hand(name: str, states: np.ndarray, directions: int, pooling: object) -> np.ndarray:
    if name == "last":
        half = SIZE // directions
        return np.concatenate([states[-1, :half], states[0, half:]]) if directions == 2 else states[-1]
    if name == "mean":
        return states.mean(axis=0)
    if name == "max":
        return states.max(axis=0)
    assert isinstance(pooling, Attention)
    kernel, bias, query = (np.asarray(weight[...]) for weight in (pooling.kernel, pooling.bias, pooling.query))
    scores = np.exp((np.tanh(states @ kernel + bias) @ query)[:, 0])
    return (scores / scores.sum()) @ states


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("name", POOLINGS)
@given(lengths=LENGTHS)
def test_against_a_loop_over_what_counts(name: str, directions: int, lengths: list[int]):
    pooling = POOLINGS[name](jax.random.key(1), SIZE, directions, uniform(0.7))
    hidden, padding = draw(lengths)
    found = pooling(jnp.asarray(hidden), jnp.asarray(padding))
    expected = [by_hand(name, states[:n], directions, pooling) for states, n in zip(hidden, lengths, strict=True)]
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", POOLINGS)
def test_what_is_padded_does_not_matter(name: str):
    pooling = POOLINGS[name](jax.random.key(1), SIZE, 2, uniform(0.7))
    hidden, padding = draw([3, 7, 1])
    other = np.where(padding[..., None], hidden, 1e6)
    run = jax.jit(lambda states: pooling(states, jnp.asarray(padding)))
    np.testing.assert_array_equal(run(hidden), run(other))
    gradient = jax.grad(lambda states: jnp.square(pooling(states, jnp.asarray(padding))).sum())(jnp.asarray(hidden))
    assert not np.asarray(gradient)[~padding].any()


@pytest.mark.parametrize("name", ["mean", "max", "attention"])
def test_a_sequence_without_time_steps_gives_zeros_and_finite_gradients(name: str):
    pooling = POOLINGS[name](jax.random.key(1), SIZE, 1, uniform(0.7))
    hidden, _ = draw([7])
    nothing = jnp.zeros((1, 7), bool)
    assert not np.asarray(pooling(jnp.asarray(hidden), nothing)).any()
    gradient = jax.grad(lambda states: pooling(states, nothing).sum())(jnp.asarray(hidden))
    assert np.isfinite(np.asarray(gradient)).all()


@pytest.mark.parametrize("cell", ["gru", pytest.param("lstm", marks=pytest.mark.slow)])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_never_changes_what_a_network_puts_out(cell: str, pooling: Any, bidirectional: bool):
    layers = 2 if bidirectional else 1
    config = ModelConfig(cell=cell, hidden_size=5, layers=layers, bidirectional=bidirectional, pooling=pooling)
    signature = Signature(symbols=9, outputs=3, pooled=True)
    network = make_model(config, TrainingConfig(updates=1), signature, jax.random.key(0))
    ids = np.random.default_rng(0).integers(9, size=(3, 4)).astype(np.int32)
    short = network(jnp.asarray(ids), network.zero_carry(3))[0]
    padded = np.pad(ids, ((0, 0), (0, 5)), constant_values=8)
    mask = jnp.asarray(np.arange(9) < np.full((3, 1), 4))
    long = network(jnp.asarray(padded), network.zero_carry(3), padding=mask)[0]
    assert short.shape == (3, 3)
    np.testing.assert_allclose(short, long, atol=1e-6)


def test_features_join_the_pooled_state():
    config = ModelConfig(cell="gru", hidden_size=5)
    signature = Signature(channels=2, outputs=3, pooled=True, features=4)
    network = make_model(config, TrainingConfig(updates=1), signature, jax.random.key(0))
    inputs, features = jnp.ones((2, 6, 2)), jnp.arange(8.0).reshape(2, 4)
    without = network(inputs, network.zero_carry(2), features=jnp.zeros((2, 4)))[0]
    found = network(inputs, network.zero_carry(2), features=features)[0]
    (kernel,) = (leaf for leaf in jax.tree.leaves(nnx.state(network.head)) if leaf.ndim == 2)
    np.testing.assert_allclose(found - without, features @ kernel[5:], rtol=1e-5, atol=1e-6)


def test_attention_is_that_of_the_pooling():
    config = ModelConfig(cell="lstm", hidden_size=5, bidirectional=True, pooling="attention")
    signature = Signature(symbols=9, outputs=3, pooled=True)
    network = make_model(config, TrainingConfig(updates=1), signature, jax.random.key(0))
    padding = jnp.asarray(np.arange(6) < np.array([[6], [2]]))
    weights = network.attention(jnp.ones((2, 6), jnp.int32), padding)
    assert weights is not None
    np.testing.assert_allclose(np.asarray(weights).sum(axis=1), 1.0, rtol=1e-6)
    assert not np.asarray(weights)[1, 2:].any()
    plain = make_model(ModelConfig(cell="gru", hidden_size=5), TrainingConfig(updates=1), signature, jax.random.key(0))
    assert plain.attention(jnp.ones((2, 6), jnp.int32), padding) is None


def test_pooling_where_every_time_step_has_an_output_is_refused():
    config = ModelConfig(cell="gru", hidden_size=5, pooling="mean")
    with pytest.raises(ConfigError, match=r"model.pooling: found 'mean'.*last for a task"):
        check_model(config, causal=True, pooled=False)
