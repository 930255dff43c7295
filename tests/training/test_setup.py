from __future__ import annotations

import jax
import numpy as np
from flax import nnx

from gru_bench.compose import composed
from gru_bench.models.network import count_parameters
from gru_bench.training.setup import initial_network, load_task, network_shapes
from tests.training.support import SMALL


def test_the_seed_decides_weights_and_dropout():
    drawn = {}
    for seed in (0, 1, 0):
        config = composed(*SMALL, f"seed={seed}")
        network, key = initial_network(config, load_task(config)[0])
        leaves = [*jax.tree.leaves(nnx.state(network, nnx.Param)), jax.random.key_data(key)]
        known = drawn.setdefault(seed, leaves)
        assert all(np.array_equal(one, other) for one, other in zip(known, leaves, strict=True))
    assert not any(np.array_equal(one, other) for one, other in zip(drawn[0], drawn[1], strict=True) if np.any(one))


def test_shapes_are_those_of_the_weights():
    config = composed(*SMALL, "model=lstm")
    task, _ = load_task(config)
    shapes, network = network_shapes(config, task), initial_network(config, task)[0]
    assert shapes.parameters == network.parameters
    assert count_parameters(shapes.head) == count_parameters(network.head) == 7 * 9
