"""Sampling from a network: it reads the prompt once, then each sampled time step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from gru_bench.models.network import Network
from gru_bench.tasks.task import Carry

CHUNK = 1024  # time steps of a prompt per call, which bounds memory
COLDEST = 1e-30  # lower temperatures count as 0: the quotients would overflow float32

Draw = Callable[[Float[Array, " outputs"], Array], Shaped[Array, "..."]]
"""Samples the next input of a network from the outputs that predict it, and a key; hashable for `jax.jit`."""


def is_greedy(temperature: float) -> bool:
    """Return whether a temperature allows only the most probable choice."""
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


class Categorical(NamedTuple):
    """Samples one symbol. Ties are resolved in favour of the first ones.

    Attributes:
        temperature: divides the scores; see `is_greedy`.
        top_k: sample only from this many most probable symbols, or from all (None).
        never: ids that are never sampled.
    """

    temperature: float
    top_k: int | None = None
    never: tuple[int, ...] = ()

    def __call__(self, outputs: Float[Array, " symbols"], key: Array) -> Int[Array, ""]:
        """Return the id of a symbol."""
        scores = outputs
        if self.never:
            scores = scores.at[jnp.asarray(self.never)].set(-jnp.inf)
        if self.top_k is not None:
            best, places = jax.lax.top_k(scores, min(self.top_k, scores.shape[-1]))
            scores = jnp.full_like(scores, -jnp.inf).at[places].set(best)
        if is_greedy(self.temperature):
            return jnp.argmax(scores)
        return jax.random.categorical(key, scores / self.temperature)


class Bernoulli(NamedTuple):
    """Samples each output independently as 0 or 1.

    Attributes:
        temperature: divides the logits; greedy sampling takes the more likely value.
    """

    temperature: float

    def __call__(self, outputs: Float[Array, " outputs"], key: Array) -> Float[Array, " outputs"]:
        """Return 0 or 1 per output."""
        if is_greedy(self.temperature):
            return (outputs > 0).astype(jnp.float32)
        return jax.random.bernoulli(key, jax.nn.sigmoid(outputs / self.temperature)).astype(jnp.float32)


def generate(
    network: Network, prompt: Shaped[Array, "prompt ..."], length: int, draw: Draw, key: Array
) -> Shaped[Array, "length ..."]:
    """Sample time steps one after the other, each from the network's prediction after all earlier ones.

    Args:
        network: a causal network without pooling.
        prompt: symbols or real values, at least one time step.
        length: of the result.
        draw: the sampler of a time step, such as `Categorical` or `Bernoulli`.
        key: of the samples.
    """
    outputs, carry = read_prompt(network, prompt)
    return _continue(network, outputs, carry, length, draw, key)


@partial(jax.jit, static_argnums=(3, 4))
def _continue(
    network: Network, outputs: Float[Array, " outputs"], carry: Carry, length: int, draw: Draw, key: Array
) -> Shaped[Array, "length ..."]:
    def step(state: tuple[Array, Carry], step_key: Array) -> tuple[tuple[Array, Carry], Array]:
        outputs, carry = state
        drawn = draw(outputs, step_key)
        following, carry = network(drawn[None, None], carry)
        return (following[0, -1], carry), drawn

    _, steps = jax.lax.scan(step, (outputs, carry), jax.random.split(key, length))
    return steps
