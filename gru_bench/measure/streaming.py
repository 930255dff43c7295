"""Latency of a whole network: one time step of one sequence, as in streaming."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gru_bench.config import Config
from gru_bench.errors import ConfigError
from gru_bench.measure.layer import Prepared, prepare_step
from gru_bench.measure.rounds import interleave
from gru_bench.models.network import Network, Signature
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.setup import load_task


def latency(configs: Mapping[str, Config], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of one time step in each round, by arm; the arms are timed in turn.

    A time step is one call of the compiled network, from encoder to head, with one new input; it updates its carry
    in place. Each round is the mean over `CALLS_PER_STEP_TIMING` calls, where the host waits for each
    output. A pooled network computes its output from the current state alone.

    Args:
        configs: settings by arm; their tasks may differ.
        rounds: number of rounds; times of the same round are paired.

    Raises:
        UserError: a bidirectional network, a wrong setting, or missing data.
    """
    return interleave({name: _prepare(config) for name, config in configs.items()}, rounds, math.inf)


def _prepare(config: Config) -> Prepared:
    if config.model.bidirectional:
        raise ConfigError("model.bidirectional", True, "false for a stream, whose future is unknown")
    task, _ = load_task(config)
    network, _ = Blueprint(config, task).draw(config.seed)
    if not isinstance(network, Network):
        raise ConfigError("task", config.task.name, "a task with the default network, which can be streamed")
    graph, params = nnx.split(network)
    leaves, structure = jax.tree.flatten(params)  # calls are timed, so arguments are plain lists of arrays

    def step(carry: Any, leaves: list[Any], inputs: Any, features: Any) -> Any:
        network = nnx.merge(graph, jax.tree.unflatten(structure, leaves))
        outputs, carry = network(inputs, carry, features=features)
        return carry, outputs

    carry = jax.tree.map(jnp.copy, network.zero_carry(1))
    return prepare_step(step, carry, (leaves, *_inputs(task.signature)), leaves)


def _inputs(signature: Signature) -> tuple[jax.Array, jax.Array | None]:
    """Return one random time step of one sequence, and features if the network reads some."""
    generator = np.random.default_rng(0)
    if signature.symbols is not None:
        inputs = generator.integers(signature.symbols, size=(1, 1), dtype=np.int32)
    else:
        inputs = generator.normal(size=(1, 1, signature.channels or 0)).astype(np.float32)
    features = generator.normal(size=(1, signature.features)).astype(np.float32) if signature.features else None
    return jnp.asarray(inputs), None if features is None else jnp.asarray(features)
