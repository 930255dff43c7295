from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jaxtyping import Array

from gru_bench.data.batches.base import Batches
from gru_bench.data.generated import canon
from gru_bench.data.pieces.pieces import KEYS, Pieces, pitches_of, to_roll
from gru_bench.errors import DataError
from gru_bench.models.network import Network
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks.music import Music
from gru_bench.tasks.task import Task
from gru_bench.training.evaluate import Evaluator
from tests.networks import make_model

TASK = Music({})
TRAINING = TrainingConfig(updates=1, batch_size=3, eval_batch_size=3, bptt_window=16)


@pytest.fixture(scope="module")
def data() -> Pieces:
    return canon.load(mirror=None, cache=Path(), train_size=7, valid_size=4, test_size=5)


@pytest.fixture(scope="module")
def of() -> Network:
    """A network whose outputs differ: its weights are far from zero."""
    config = ModelConfig(cell="gru", hidden_size=5, init="uniform", init_scale=0.5)
    return make_model(config, TRAINING, TASK.signature, jax.random.key(0))


@pytest.fixture(scope="module")
def metrics(of: Network) -> Callable[..., dict[str, float]]:
    """Scores batches, with other weights where they are given; compiles once per shape."""
    graph, params = nnx.split(of)
    evaluator = Evaluator(graph, TASK)
    return lambda batches, others=None: evaluator(params if others is None else others, batches)


@jax.jit
def logits_of(of: Network, before: Array) -> Array:
    """Return what the network says before each frame of a piece; frames added at the end change nothing."""
    return of(before[None], of.zero_carry(1))[0][0]


def heard(roll: np.ndarray) -> np.ndarray:
    """Return silence and the frames of a piece, filled up to 100 time steps."""
    before = np.zeros((100, KEYS), np.float32)
    before[1 : len(roll) + 1] = roll
    return before


def test_it_is_a_task(data):
    assert isinstance(TASK, Task)
    assert isinstance(TASK.train_batches(data, TRAINING, 0), Batches)
    assert isinstance(TASK.eval_batches(data, "test", TRAINING), Batches)
    assert TASK.describe() == data.describe() == {}


@pytest.mark.usefixtures("strict")
def test_metrics_are_those_of_each_piece_alone_whatever_lanes_and_windows(data, of, metrics):
    nll, first, steps = 0.0, 0.0, 0
    for roll in data.test:
        logits = np.asarray(logits_of(of, heard(roll)), np.float64)[: len(roll)]
        probability = 1 / (1 + np.exp(-logits))
        per_step = -np.log(np.where(roll, probability, 1 - probability)).sum(axis=1)
        nll, first, steps = nll + per_step.sum(), first + per_step[0], steps + len(roll)
    expected = {"nll": nll / steps, "nll_after_first": (nll - first) / (steps - 5), "items": steps}
    for training in (TRAINING, TrainingConfig(updates=1, eval_batch_size=100, bptt_window=200)):
        assert metrics(TASK.eval_batches(data, "test", training)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.usefixtures("strict")
def test_the_loss_is_the_sum_over_the_frames_that_stand(data, of):
    batches = TASK.train_batches(data, TRAINING, 0)
    last = batches.at(0, len(batches) - 1)
    assert 0 < last["mask"].sum() < last["mask"].size
    found = jax.jit(lambda of, batch: TASK.loss(of, batch, of.zero_carry(3), None))(of, last)
    run = jax.jit(lambda of, batch: of(batch["inputs"], of.zero_carry(3), reset=batch["reset"]))
    outputs, carry = jax.device_get(run(of, last))
    nll = np.logaddexp(0, outputs) - np.where(last["targets"], outputs, 0)
    assert float(found.total) == pytest.approx(nll.sum(axis=2)[last["mask"]].sum(), rel=1e-5)
    assert float(found.items) == last["mask"].sum()
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, atol=1e-6), found.carry, carry)


def test_equal_odds_cost_88_coins(data, of, metrics):
    zeros = jax.tree.map(jnp.zeros_like, nnx.split(of)[1])
    found = metrics(TASK.eval_batches(data, "valid", TRAINING), zeros)
    coins = KEYS * math.log(2)
    assert found == pytest.approx({"nll": coins, "nll_after_first": coins, "items": data.facts["steps"]["valid"]})


def test_baselines_are_worse_than_the_floor(data):
    found = TASK.baselines(data)
    assert list(found) == ["key frequency", "last frame", "floor"]
    assert found["key frequency"]["nll"] > found["last frame"]["nll"] > found["floor"]["nll"]
    assert all(set(row) == {"nll", "nll_after_first"} for row in found.values())


def test_pictures_and_samples(data, of):
    assert set(TASK.figures(of, data, {})) == {"piano_roll"}
    (sample,) = TASK.samples(of, data, 0)
    assert sample.given.count("|") == 15
    assert sample.output.count("|") == 31
    assert Music({}, sample_length=0).samples(of, data, 0) == []


def test_pieces_are_continued(of, tmp_path):
    file = tmp_path / "own.json"
    file.write_text("[[[60, 64], [60, 64]], [[21], [], [108]]]")
    found = TASK.predict(of, file=file, length=4, temperature=0.5, seed=1)
    assert [(row["piece"], row["step"]) for row in found.rows] == [
        *((1, step) for step in range(3, 7)),
        *((2, step) for step in range(4, 8)),
    ]
    assert found.rows == TASK.predict(of, file=file, length=4, temperature=0.5, seed=1).rows
    assert found.rows != TASK.predict(of, file=file, length=4, temperature=0.5, seed=2).rows
    assert len(str(found.text).splitlines()) == 8
    assert found.draw is not None
    assert len(found.draw().axes) == 2
    begun = TASK.predict(of, length=2)
    assert [(row["piece"], row["step"]) for row in begun.rows] == [(1, 1), (1, 2)]


def test_the_boldest_continuation_takes_the_likely_keys(of, tmp_path):
    chords = [[60, 64], [62]]
    file = tmp_path / "own.json"
    file.write_text(json.dumps(chords))
    written = TASK.predict(of, file=file, length=3, temperature=0.0).rows
    assert len(written) == 3
    assert TASK.predict(of, file=file, length=3, temperature=1e-39).rows == written
    for row in written:
        logits = np.asarray(logits_of(of, heard(to_roll(chords))))[len(chords)]
        assert row["pitches"] == " ".join(map(str, pitches_of(logits > 0)))
        chords.append([int(pitch) for pitch in row["pitches"].split()])


def test_files_are_scored_whole(data, metrics, tmp_path):
    file = tmp_path / "own.json"
    file.write_text(json.dumps([[pitches_of(frame) for frame in roll] for roll in data.test]))
    own = metrics(TASK.file_batches(file, TRAINING))
    assert own == metrics(TASK.eval_batches(data, "test", TRAINING))
    file.write_text("[[[60]], [[62]]]")
    with pytest.raises(DataError, match="no piece of two or more time steps"):
        TASK.file_batches(file, TRAINING)


def test_the_carry_passes_on_and_ends_with_the_piece(data, of):
    """What a lane read before a piece began is forgotten, what it read of the piece is not."""
    windows: Any = TASK.eval_batches(data, "test", TrainingConfig(updates=1, eval_batch_size=1, bptt_window=8))
    batch = windows[0]
    score = jax.jit(lambda carry, batch: TASK.score(of, batch, carry)[1]["nll"])
    other = jax.tree.map(lambda leaf: leaf + 0.5, of.zero_carry(1))
    assert float(score(other, batch)) == float(score(of.zero_carry(1), batch))
    assert float(score(other, windows[1])) != float(score(of.zero_carry(1), windows[1]))
