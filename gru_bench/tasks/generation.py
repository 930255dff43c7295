"""Sequences that a network continues: the prompt is read once, then each time step is drawn and read."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from gru_bench.models.network import Network
from gru_bench.tasks.task import Carry

CHUNK = 1024  # time steps of a prompt that are read at once: memory does not grow with longer ones
COLDEST = 1e-30  # a lower temperature is 0: float32 could not hold the quotients


def is_greedy(temperature: float) -> bool:
    """Return whether a temperature leaves the most probable choice alone."""
    return temperature < COLDEST


def read_prompt(network: Network, prompt: Shaped[Array, "time ..."]) -> tuple[Float[Array, " outputs"], Carry]:
    """Return the outputs after the last time step of a prompt, and the carry.

    Args:
        network: a causal network without pooling.
        prompt: symbols or real values, at least one time step.
    """
    carry, size = network.zero_carry(1), prompt.shape[0]
    outputs, carry = _advance(network, prompt[: size % CHUNK or CHUNK], carry)
    for start in range(size % CHUNK or CHUNK, size, CHUNK):
        outputs, carry = _advance(network, prompt[start : start + CHUNK], carry)
    return outputs, carry


@jax.jit
def _advance(
    network: Network, inputs: Shaped[Array, "time ..."], carry: Carry
) -> tuple[Float[Array, " outputs"], Carry]:
    outputs, carry = network(inputs[None], carry, last=1)
    return outputs[0, -1], carry


def generate(
    network: Network,
    prompt: Int[Array, " prompt"],
    length: int,
    temperature: float,
    top_k: int | None,
    key: Array,
    never: tuple[int, ...] = (),
) -> Int[Array, " length"]:
    """Return ids drawn one after the other, each from the network's prediction after all before it.

    Args:
        network: a language model.
        prompt: ids of at least one symbol.
        length: of the result.
        temperature: the scores are divided by it; see `is_greedy`.
        top_k: the number of most probable symbols that are drawn from, or None.
        key: of the draws.
        never: ids that are not drawn.
    """
    scores, carry = read_prompt(network, prompt)
    return _draw_all(network, scores, carry, length, temperature, top_k, never, key)


@partial(jax.jit, static_argnums=(3, 4, 5, 6))
def _draw_all(
    network: Network,
    scores: Float[Array, " symbols"],
    carry: Carry,
    length: int,
    temperature: float,
    top_k: int | None,
    never: tuple[int, ...],
    key: Array,
) -> Int[Array, " length"]:
    def step(state: tuple[Array, Carry], step_key: Array) -> tuple[tuple[Array, Carry], Array]:
        scores, carry = state
        drawn = draw_symbol(scores, temperature, top_k, never, step_key)
        following, carry = network(drawn[None, None], carry)
        return (following[0, -1], carry), drawn

    _, ids = jax.lax.scan(step, (scores, carry), jax.random.split(key, length))
    return ids


def draw_symbol(
    scores: Float[Array, " symbols"], temperature: float, top_k: int | None, never: tuple[int, ...], key: Array
) -> Int[Array, ""]:
    """Return the id of a symbol that is drawn by its score; see `generate`. Of equal scores the first ones count."""
    if never:
        scores = scores.at[jnp.asarray(never)].set(-jnp.inf)
    if top_k is not None:
        best, places = jax.lax.top_k(scores, min(top_k, scores.shape[-1]))
        scores = jnp.full_like(scores, -jnp.inf).at[places].set(best)
    if is_greedy(temperature):
        return jnp.argmax(scores)
    return jax.random.categorical(key, scores / temperature)
