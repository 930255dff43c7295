"""Self-attention before pooling against a loop; padding never matters."""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.checks import check_model
from gru_bench.errors import ConfigError
from gru_bench.models.initializers import uniform
from gru_bench.models.network import Signature
from gru_bench.models.self_attention import SelfAttention
from gru_bench.models.torch_weights import export_torch
from gru_bench.sections import ModelConfig, TrainingConfig
from tests.networks import make_model

SIZE, HEADS = 6, 3
KEY = jax.random.key(0)


def by_hand(block: SelfAttention, states: np.ndarray) -> np.ndarray:
    """Return the refined states of one sequence, head by head and query by query."""
    gain, mixing, output = (np.asarray(w[...]) for w in (block.gain, block.mixing_kernel, block.output_kernel))
    deviation = np.sqrt(states.var(axis=1, keepdims=True) + 1e-5)
    mixed = gain * (states - states.mean(axis=1, keepdims=True)) / deviation @ mixing
    queries, keys, values = (part.reshape(len(states), HEADS, -1) for part in np.split(mixed, 3, axis=1))
    seen = np.zeros_like(queries)
    for head in range(HEADS):
        for step, query in enumerate(queries[:, head]):
            scores = np.exp(keys[:, head] @ query / np.sqrt(SIZE // HEADS))
            seen[step, head] = scores / scores.sum() @ values[:, head]
    return states + seen.reshape(len(states), SIZE) @ output


@pytest.mark.usefixtures("strict")
def test_against_a_loop_over_heads_and_queries():
    block = SelfAttention(jax.random.key(1), SIZE, HEADS, uniform(0.7), "float32")
    hidden = np.random.default_rng(0).normal(size=(3, 7, SIZE)).astype(np.float32)
    lengths = np.array([7, 3, 1])
    found = block(jnp.asarray(hidden), jnp.asarray(np.arange(7) < lengths[:, None]))
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(found[row, :length], by_hand(block, hidden[row, :length]), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["last", "attention"])
def test_padding_never_changes_a_hybrid_network(pooling: Literal["last", "attention"]):
    config = ModelConfig(cell="lstm", hidden_size=4, bidirectional=True, pooling=pooling, self_attention=2)
    network = make_model(config, TrainingConfig(updates=1), Signature(symbols=9, outputs=3, pooled=True), KEY)
    ids = np.random.default_rng(0).integers(9, size=(3, 4)).astype(np.int32)
    mask = np.arange(9) < np.full((3, 1), 4)
    padded = np.pad(ids, ((0, 0), (0, 5)), constant_values=8)

    def run(symbols: np.ndarray, padding: np.ndarray) -> jax.Array:
        return network(jnp.asarray(symbols), network.zero_carry(3), padding=jnp.asarray(padding))[0]

    np.testing.assert_allclose(run(ids, mask[:, :4]), run(padded, mask), atol=1e-6)
    gradient = jax.grad(lambda weights: jnp.square(weights).sum())(run(padded, mask & False))
    assert np.isfinite(gradient).all()
    weights = network.attention(jnp.asarray(padded), jnp.asarray(mask))
    assert (weights is None) == (pooling == "last")
    assert network.parts["pooling"] >= 4 * 8 * 8


def test_heads_that_do_not_divide_the_hidden_states_are_refused():
    config = ModelConfig(cell="gru", hidden_size=5, self_attention=2)
    with pytest.raises(ConfigError, match=r"model.self_attention: found 2.*divides the 5 numbers"):
        make_model(config, TrainingConfig(updates=1), Signature(symbols=9, outputs=3, pooled=True), KEY)
    with pytest.raises(ConfigError, match=r"model.self_attention.*0 for a task with an output at every time step"):
        check_model(config, causal=True, pooled=False)


def test_pytorch_has_no_such_layer():
    config = ModelConfig(cell="gru", hidden_size=4, self_attention=2)
    network = make_model(config, TrainingConfig(updates=1), Signature(symbols=9, outputs=3, pooled=True), KEY)
    with pytest.raises(ConfigError, match=r"model.self_attention: found 2.*weights of PyTorch"):
        export_torch(network)
