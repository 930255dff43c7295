from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from gru_bench.compose import composed
from gru_bench.errors import ConfigError
from gru_bench.history import read_metrics
from gru_bench.measure.updates import begin_training, device_seconds, loop_seconds, update_seconds
from gru_bench.training.setup import load_task
from tests.training.support import SMALL, UPDATES


@pytest.mark.slow
def test_every_round_times_every_arm_once():
    arms = {cell: composed(*SMALL, f"model={cell}") for cell in ("gru", "lstm")}
    found = update_seconds(arms, rounds=2, updates=10)
    assert list(found) == ["gru", "lstm"]
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in found.values())


def test_arms_of_other_data_are_refused():
    arms = {"one": composed(*SMALL), "other": composed(*SMALL, "data.train_size=1600")}
    with pytest.raises(ConfigError, match=r"(?s)data.*1600.*Arms share task and data"):
        update_seconds(arms, rounds=1, updates=1)


def test_what_is_timed_is_the_training_of_a_run_that_never_ends(tmp_path: Path):
    config = composed(*SMALL, "training.updates_per_dispatch=1", "training.updates=5", "tracker=wandb")
    training = begin_training(config, *load_task(config), tmp_path)
    assert loop_seconds(training, UPDATES) > 0
    assert training.done == UPDATES
    known = [row["update"] for row in read_metrics(tmp_path / "0" / "metrics.jsonl")]
    assert known == list(range(7, UPDATES, 7))
    losses = [row["loss"] for row in read_metrics(tmp_path / "0" / "metrics.jsonl")]
    assert losses[-1] < losses[0]
    assert not list(tmp_path.rglob("wandb"))


def test_the_device_alone_goes_on_from_the_same_state(tmp_path: Path):
    config = composed(*SMALL, "training.updates_per_dispatch=3")
    training = begin_training(config, *load_task(config), tmp_path)
    before = jax.device_get(training.dispatcher.state.params)
    assert device_seconds(training.dispatcher, 1) > 0
    assert training.done == training.dispatcher.capacity == 3
    after = jax.device_get(training.dispatcher.state.params)
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    assert any(not np.array_equal(one, other) for one, other in pairs)
