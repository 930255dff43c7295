from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gru_bench.sections import OptimizerConfig
from gru_bench.training.optimizer import make_optimizer, make_schedule
from tests.training.small import make_parts


def rates(total: int, per_epoch: int = 10, **options: Any) -> list[float]:
    """Return the rates of updates 0 to `total`, which is the one after the last."""
    config = OptimizerConfig(**{"learning_rate": 1.0, "schedule": "constant", **options})
    schedule = make_schedule(config, per_epoch, total)
    return [float(np.asarray(schedule(update))) for update in range(total + 1)]


def test_step_decay_is_that_of_zaremba():
    """Rate 1 for the epochs 1 to 4, then half of that of the epoch before: epoch 13 has 2 ** -9."""
    per_epoch = 2323  # PTB: 929,589 symbols in 20 lanes, windows of 20
    config = OptimizerConfig(rule="sgd", learning_rate=1.0, schedule="step", decay_factor=0.5, decay_after_epochs=4)
    for total in (13 * per_epoch, None):
        schedule = make_schedule(config, per_epoch, total)
        for epoch in range(1, 14):
            for update in ((epoch - 1) * per_epoch, epoch * per_epoch - 1):
                assert np.asarray(schedule(update)) == 0.5 ** max(0, epoch - 4), (epoch, update)


def test_step_decay_keeps_its_epochs_after_a_warm_up():
    found = rates(100, schedule="step", decay_after_epochs=2, warmup_updates=5)
    np.testing.assert_allclose(found[:5], [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-6)
    assert found[5:20] == [1.0] * 15
    assert found[20:30] == [0.5] * 10
    assert found[30:40] == [0.25] * 10


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_decay_ends_at_the_final_fraction(schedule: str):
    found = rates(50, schedule=schedule, final_fraction=0.1)
    assert found[0] == 1.0
    assert found[25] == pytest.approx(0.55)
    assert found[50] == pytest.approx(0.1)
    assert found == sorted(found, reverse=True)
    assert rates(50, schedule=schedule, final_fraction=0.0)[50] == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_warm_up_climbs_in_equal_steps_and_the_rest_follows(schedule: str):
    found = rates(50, schedule=schedule, warmup_updates=10, final_fraction=0.1)
    np.testing.assert_allclose(found[:10], np.arange(1, 11) / 10, rtol=1e-6)
    assert found[10] == 1.0
    assert found[50] == pytest.approx(1.0 if schedule == "constant" else 0.1)
    assert rates(50, schedule=schedule, warmup_updates=1)[0] == 1.0


@pytest.mark.parametrize("rule", ["adamw", "sgd"])
@pytest.mark.parametrize(
    ("cell", "options"), [("gru", {"reset_after": False}), ("lstm", {"peepholes": True}), ("rnn", {})]
)
def test_weight_decay_acts_on_kernels_and_tables_alone(rule: Any, cell: str, options: dict[str, bool]):
    """Without a gradient, decay is all that moves: p' = p - rate * decay * p."""
    config = OptimizerConfig(rule=rule, learning_rate=0.5, weight_decay=0.2, clip_norm=None)
    _, state, _, chain = make_parts(config, cell=cell, layer_norm=True, layers=2, options=options)
    zeros = jax.tree.map(jnp.zeros_like, state.params)
    changes, _ = chain.update(zeros, state.optimizer, state.params)
    flat: Any = nnx.to_flat_state
    before, moved = (dict(flat(tree)) for tree in (state.params, changes))
    decayed = set()
    for path, weight in before.items():
        name = str(path[-1])
        if name.endswith("kernel") or name == "table":
            decayed.add(name)
            np.testing.assert_allclose(moved[path][...], -0.1 * weight[...], rtol=1e-6, err_msg=str(path))
        else:
            assert not np.asarray(moved[path][...]).any(), path
    assert decayed == {"kernel", "recurrent_kernel", "table"} | ({"candidate_kernel"} if cell == "gru" else set())


def test_rules_are_those_of_their_papers():
    params, gradient = {"bias": jnp.array([1.0])}, {"bias": jnp.array([0.5])}

    def steps(**options: Any) -> list[float]:
        config = OptimizerConfig(**{"learning_rate": 0.1, "clip_norm": None, **options})
        chain = make_optimizer(config, make_schedule(config, 10, 10))
        state, found = chain.init(params), []
        for _ in range(2):
            change: Any
            change, state = chain.update(gradient, state, params)
            found.append(float(change["bias"][0]))
        return found

    assert steps(rule="sgd") == pytest.approx([-0.05, -0.05])
    assert steps(rule="sgd", momentum=0.9) == pytest.approx([-0.05, -0.095])
    assert steps(rule="adam") == pytest.approx([-0.1, -0.1], rel=1e-4)
    assert steps(rule="rmsprop", b2=0.95) == pytest.approx([-0.1 * 0.5 / 0.0125**0.5, -0.1 * 0.5 / 0.024375**0.5])
    assert steps(rule="rmsprop", b2=0.95, momentum=0.9)[1] == pytest.approx(-0.05 / 0.024375**0.5 - 0.045 / 0.0125**0.5)
    assert steps(rule="sgd", clip_norm=0.1) == pytest.approx([-0.01, -0.01])
