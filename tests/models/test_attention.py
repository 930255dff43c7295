"""Attention against a plain loop; padding never matters."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.checks import check_model
from gru_bench.errors import ConfigError
from gru_bench.models.attention import ATTENTIONS, Additive
from gru_bench.models.initializers import orthogonal, uniform
from gru_bench.sections import ModelConfig

BATCH, TARGET, SOURCE, QUERY, STATE = 3, 4, 6, 5, 7
LENGTHS = np.array([6, 1, 4])
MASK = np.arange(SOURCE) < LENGTHS[:, None]


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


QUERIES, STATES = draw(0, BATCH, TARGET, QUERY), draw(1, BATCH, SOURCE, STATE)


def by_hand(attention, query: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of one query over the states of one source, and the context."""
    kernel = np.asarray(attention.kernel[...], np.float64)
    if isinstance(attention, Additive):
        inner, bias, vector = (
            np.asarray(w[...], np.float64) for w in (attention.query_kernel, attention.bias, attention.vector)
        )
        scores = [np.tanh(query @ inner + bias + state @ kernel) @ vector[:, 0] for state in states]
    else:
        scores = [query @ (state @ kernel) / np.sqrt(QUERY) for state in states]
    weights = np.exp(scores) / np.exp(scores).sum()
    return weights, np.sum([weight * state for weight, state in zip(weights, states, strict=True)], axis=0)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", ATTENTIONS)
def test_against_a_loop(name: str):
    attention = ATTENTIONS[name](jax.random.key(0), QUERY, STATE, uniform(0.8), "float32")
    keys, mask = attention.keys(jnp.asarray(STATES)), jnp.asarray(MASK)
    weights = np.asarray(attention.weights(jnp.asarray(QUERIES), keys, mask))
    context = np.asarray(attention(jnp.asarray(QUERIES), keys, jnp.asarray(STATES), mask))
    for row, length in enumerate(LENGTHS):
        for time in range(TARGET):
            expected, mean = by_hand(attention, QUERIES[row, time], STATES[row, :length])
            np.testing.assert_allclose(weights[row, time, :length], expected, rtol=1e-5, atol=1e-6)
            assert not weights[row, time, length:].any()
            np.testing.assert_allclose(context[row, time], mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ATTENTIONS)
def test_the_first_weights_of_a_wide_network_are_spread(name: str):
    """Nearly one-hot weights, at random time steps, would have to be unlearned."""
    attention = ATTENTIONS[name](jax.random.key(0), 256, 512, orthogonal, "float32")
    queries, states = (jnp.tanh(jnp.asarray(draw(seed, 2, 8, size))) for seed, size in ((2, 256), (3, 512)))
    weights = attention.weights(queries, attention.keys(states), jnp.ones((2, 8), bool))
    assert float(weights.max()) < 0.6


@pytest.mark.parametrize("name", ATTENTIONS)
def test_padding_has_no_gradient_and_a_source_of_padding_alone_gives_zeros(name: str):
    attention = ATTENTIONS[name](jax.random.key(0), QUERY, STATE, uniform(0.8), "float32")
    mask = jnp.asarray(MASK).at[1].set(False)

    def total(states: jax.Array) -> jax.Array:
        return jnp.square(attention(jnp.asarray(QUERIES), attention.keys(states), states, mask)).sum()

    gradient = np.asarray(jax.grad(total)(jnp.asarray(STATES)))
    assert np.isfinite(gradient).all()
    assert gradient[0].any()
    assert not gradient[~np.asarray(mask)].any()
    assert not np.asarray(
        attention(jnp.asarray(QUERIES), attention.keys(jnp.asarray(STATES)), jnp.asarray(STATES), mask)
    )[1].any()


def test_only_an_encoder_decoder_takes_attention():
    config = ModelConfig(cell="gru", hidden_size=4, attention="additive")
    check_model(config, causal=False, pooled=False, attends=True)
    with pytest.raises(ConfigError, match=r"model\.attention: found 'additive'"):
        check_model(config, causal=False, pooled=False)
