from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.models.network import Network, Readout
from gru_bench.tasks import generation
from gru_bench.tasks.generation import Bernoulli, Categorical, is_greedy, read_prompt
from gru_bench.tasks.language_modeling import LanguageModeling
from tests.training.small import make_network, make_text

pytestmark = pytest.mark.usefixtures("strict")

PROMPT = jnp.arange(23, dtype=jnp.int32) % 6


@pytest.fixture(scope="module")
def network() -> Network:
    """A network whose predictions differ: its weights are far from zero."""
    return make_network(LanguageModeling(make_text().describe()), "lstm", init="uniform", init_scale=1.0)


@pytest.mark.parametrize(("size", "chunk"), [(23, 23), (23, 9), (20, 5), (1, 9)])
def test_a_prompt_that_is_read_in_parts_is_the_whole_prompt(network: Network, monkeypatch: Any, size: int, chunk: int):
    monkeypatch.setattr(generation, "CHUNK", chunk)
    outputs, carry = read_prompt(network, PROMPT[:size])
    scores, whole = network(PROMPT[None, :size], network.zero_carry(1))
    np.testing.assert_allclose(outputs, scores[0, -1], rtol=1e-5, atol=1e-6)
    for part, expected in zip(jax.tree.leaves(carry), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-5, atol=1e-6)


def test_scores_are_computed_after_a_part_of_a_prompt_alone(network: Network, monkeypatch: Any):
    shapes, head = set(), Readout.__call__

    def spy(self: Readout, hidden: jax.Array, tied: Any = None) -> jax.Array:
        shapes.add(hidden.shape[:-1])
        return head(self, hidden, tied)

    monkeypatch.setattr(Readout, "__call__", spy)
    monkeypatch.setattr(generation, "CHUNK", 7)
    read_prompt(network, PROMPT)
    assert shapes == {(1, 1)}


def draws(scores: jax.Array, temperature: float, top_k: int | None = None, never: tuple[int, ...] = ()) -> set[int]:
    keys = jax.random.split(jax.random.key(0), 60)
    drawn = jax.vmap(partial(Categorical(temperature, top_k, never), scores))(keys)
    return set(np.asarray(drawn).tolist())


@pytest.mark.parametrize("temperature", [1e-300, 1e-45, 1e-39, 1.2e-38, 1e-30, 1e-6])
def test_a_tiny_temperature_takes_the_most_probable_symbol(temperature: float):
    assert draws(jnp.array([-500.0, 3.0, 700.0, 699.9], jnp.float32), temperature) == {2}
    assert draws(jnp.array([-1e-3, -2e-3], jnp.float32), temperature) == {0}


def test_what_is_greedy():
    assert is_greedy(0.0)
    assert is_greedy(1e-39)
    assert not is_greedy(0.01)


def test_a_huge_temperature_draws_all_symbols_alike():
    assert draws(jnp.array([0.0, 30.0, -30.0], jnp.float32), 1e30) == {0, 1, 2}


@pytest.mark.parametrize(("k", "count"), [(1, 1), (2, 2), (5, 5), (9, 5)])
def test_top_k_keeps_k_symbols_where_scores_tie(k: int, count: int):
    assert len(draws(jnp.zeros(5, jnp.float32), 1.0, k)) == count


@pytest.mark.parametrize(("temperature", "top_k"), [(0.0, None), (1.0, None), (1.0, 2), (1.0, 99)])
def test_a_symbol_that_is_never_drawn(temperature: float, top_k: int | None):
    scores = jnp.array([0.0, 9.0, 0.0, 8.0], jnp.float32)
    assert 1 not in draws(scores, temperature, top_k, (1,))
    assert 1 in draws(scores, temperature, top_k)


def test_greedy_yes_or_no_is_what_is_more_likely():
    logits, key = jnp.array([-500.0, -1e-3, 1e-3, 500.0], jnp.float32), jax.random.key(0)
    np.testing.assert_array_equal(Bernoulli(1e-39)(logits, key), [0, 0, 1, 1])
    assert 1000 < Bernoulli(1e30)(jnp.tile(logits, 1000), key).sum() < 3000


@pytest.mark.parametrize("draw", [Categorical(0.8, 2, (1,)), Bernoulli(0.8)])
def test_equal_draws_are_compiled_once(draw: Any):
    assert hash(draw) == hash(type(draw)(*draw))
    assert draw == type(draw)(*draw)
