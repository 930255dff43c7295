"""What every task does alike: a part of the training split is scored like the other splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench.data.series.baselines import all_origins
from gru_bench.sections import TaskConfig, TrainingConfig
from gru_bench.tasks.factory import make_task
from tests.data.kinds import load
from tests.presets import ACCEPTS
from tests.training.support import record, train

TASKS = {kind: name for name, kind in ACCEPTS.items()}
TRAINING = TrainingConfig(updates=1, batch_size=4, eval_batch_size=1, bptt_window=10_000)


def scored(kind: str, split: Any, cache: Path, **settings: Any) -> tuple[Any, list[Any]]:
    """Return the data and the batches of a split, one item each."""
    data = load(kind, cache, **settings)
    batches = make_task(TaskConfig(name=TASKS[kind]), data.describe()).eval_batches(data, split, TRAINING)
    return data, [batches[index] for index in range(len(batches))]


@pytest.mark.parametrize("kind", TASKS)
def test_of_train_at_most_as_much_is_scored_as_of_test(kind: str, tmp_path: Path):
    data, found = scored(kind, "train", tmp_path)
    _, again = scored(kind, "train", tmp_path)
    _, test = scored(kind, "test", tmp_path)
    items, most = (sum(batch["mask"].sum() for batch in batches) for batches in (found, test))
    if kind == "pieces":  # whole ones, whose lengths differ
        most = sum(len(data.train[place]) for place in np.linspace(0, len(data.train) - 1, len(data.test)).astype(int))
    if kind in ("pairs", "dialogues", "captioned_videos"):  # likewise
        items, most = (sum(batch["mask"].any(axis=1).sum() for batch in batches) for batches in (found, test))
    assert items == most
    for one, other in zip(found, again, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_symbols_are_the_first_ones_as_they_are_read(tmp_path: Path):
    data, [batch] = scored("tokens", "train", tmp_path, input_noise=0.3)
    count = data.test.size
    np.testing.assert_array_equal(batch["targets"][0, :count], data.train[:count])
    np.testing.assert_array_equal(batch["inputs"][0, 1:count], data.read["train"][: count - 1])


def test_texts_are_spread_over_train_with_the_labels_of_training(tmp_path: Path):
    data, batches = scored("texts", "train", tmp_path, label_noise=0.4)
    places = np.linspace(0, len(data.train) - 1, len(data.test)).astype(int).tolist()
    expected = sorted((data.train[place].tolist(), int(data.train.labels[place])) for place in places)
    rows = [(batch["inputs"][0][batch["padding"][0]].tolist(), int(batch["labels"][0])) for batch in batches]
    assert sorted(rows) == expected


def test_all_of_a_smaller_train_is_scored(tmp_path: Path):
    data, batches = scored("texts", "train", tmp_path, train_fraction=0.2)
    assert len(batches) == len(data.train) < len(data.test)
    data, batches = scored("series", "train", tmp_path, train_fraction=0.2)
    assert len(batches) == len(all_origins(data, "train"))


def test_windows_are_the_last_ones(tmp_path: Path):
    data, batches = scored("series", "train", tmp_path)
    chosen = all_origins(data, "train")[-len(all_origins(data, "test")) :]
    found = np.stack([batch["targets"][0, :, 0] for batch in batches])
    rows = chosen[:, None] + np.arange(data.form.horizon)
    np.testing.assert_allclose(found, data.scaled[rows, 0], rtol=1e-6)


def test_sequences_are_drawn_like_those_of_train(tmp_path: Path):
    data, batches = scored("sequences", "train", tmp_path)
    assert len(batches) == len(data.test.mask)
    found = np.concatenate([batch["inputs"] for batch in batches])
    assert not np.isin(found[:, :, 0].sum(axis=1), data.test.inputs[:, :, 0].sum(axis=1)).any()


@pytest.mark.slow
def test_what_was_learned_by_heart_shows_in_the_record(tmp_path: Path):
    done = train(
        "task=sentiment",
        "tracker=none",
        "data.train_size=1000",
        "data.valid_size=100",
        "data.test_size=200",
        "data.train_fraction=0.03",
        "data.label_noise=0.5",
        "model.hidden_size=32",
        "task.buckets=1",
        "training.batch_size=16",
        "training.updates=150",
        "training.eval_every=150",
        "training.score_train=true",
        "optimizer.learning_rate=1e-2",
        f"run_dir={tmp_path}/run",
    )
    assert done.code == 0, done.err
    found = record(tmp_path / "run")
    assert found["scored"] == {"valid": 100, "test": 200, "train": 30}
    assert found["data_facts"]["train_fraction"] == {"share": 0.03, "used": 30, "of": 1000, "draw_seed": 0}
    assert set(found["metrics"]) == {"valid", "test", "train"}
    assert set(found["metrics"]["train"]) == set(found["metrics"]["test"])
    assert found["metrics"]["train"]["accuracy"] > 0.9 > 0.7 > found["metrics"]["test"]["accuracy"]
