from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from gru_bench.data.generated import moving_squares
from gru_bench.data.signals.signals import LabelledSequences, Signals, join_signals, make_signals
from gru_bench.errors import ConfigError, DataError
from gru_bench.models.heads import Decay
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks.classification import Classification
from tests.networks import make_model
from tests.training.support import command, record, trained

TRAINING = TrainingConfig(updates=1, batch_size=4, eval_batch_size=3)


def drawn(count: int, seed: int, classes: int, missing: float) -> Signals:
    draw = np.random.default_rng(seed)
    values = [draw.normal(size=(draw.integers(1, 9), 2)).astype(np.float32) for _ in range(count)]
    for sequence in values:
        sequence[draw.random(sequence.shape) < missing] = np.nan
    return join_signals(values, np.arange(count, dtype=np.int32) % 5 % classes)


def make_data(classes: int = 3, missing: float = 0.0) -> LabelledSequences:
    sizes = {"train": 30, "valid": 6, "test": 13}
    splits = {split: drawn(count, place, classes, missing) for place, (split, count) in enumerate(sizes.items())}
    return make_signals("drawn", splits, [f"class {number}" for number in range(classes)], ("a", "b"))


def network_of(task: Classification, **model: Any) -> Any:
    config = ModelConfig(cell="lstm", **{"hidden_size": 5, "init": "uniform", "init_scale": 1.0, **model})
    return make_model(config, TRAINING, task.signature, jax.random.key(0))


@pytest.mark.parametrize(
    ("missing", "stack", "pooling"),
    [
        pytest.param(0.0, 1, "attention", marks=pytest.mark.slow),
        pytest.param(0.0, 3, "last", marks=pytest.mark.slow),
        (0.4, 1, "max"),
    ],
)
def test_padding_and_batches_never_change_a_result(missing: float, stack: int, pooling: str):
    data = make_data(missing=missing)
    task = Classification(data.describe(), stack=stack, buckets=3)
    network = network_of(task, pooling=pooling)
    together = task.classify(network, data.test)
    alone = [task.classify(network, data.test.take(np.array([place]))) for place in range(13)]
    np.testing.assert_allclose(together, np.concatenate(alone), rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-5)
    decoded = [task.decode(network, batch) for batch in task.eval_batches(data, "test", TRAINING)]
    metrics = task.decoded_metrics(decoded)
    right = together.argmax(axis=1) == data.test.labels
    for number in np.unique(data.test.labels):
        assert metrics[f"recall_class {number}"] == pytest.approx(right[data.test.labels == number].mean())


@pytest.mark.usefixtures("strict")
def test_a_value_decays_between_observations():
    decay = Decay(2)
    decay.rate[...], decay.bias[...] = jax.numpy.array([0.5, 2.0]), jax.numpy.array([0.1, -1.0])
    inputs = np.array([[3, -2, 0, 1, 4, 5], [3, -2, 1, 0, 0.2, 0.1]], np.float32)
    outputs = np.asarray(decay(jax.numpy.asarray(inputs)))
    np.testing.assert_allclose(outputs[:, 0], [3 * np.exp(-0.5 * 4 - 0.1), 3], rtol=1e-6)
    np.testing.assert_allclose(outputs[:, 1], [-2, -2 * np.exp(-max(0, 2 * 0.1 - 1))], rtol=1e-6)
    np.testing.assert_array_equal(outputs[:, 2:], inputs[:, 2:])


@pytest.mark.slow
def test_weights_of_classes_balance_the_loss():
    data = make_data(2)
    counts = np.array(data.form.counts)
    assert counts[0] != counts[1]
    plain, balanced = (Classification(data.describe(), loss_weights=kind) for kind in ("none", "balanced"))
    network = network_of(plain)
    for rows in plain.train_batches(data, TRAINING, 0):
        batch = jax.tree.map(jax.numpy.asarray, rows)
        losses = [float(task.loss(network, batch, (), None).total) for task in (plain, balanced)]
        nll = [
            -np.log(row[label]) for row, label in zip(probabilities_of(network, batch), batch["labels"], strict=True)
        ]
        weights = counts.sum() / (2 * counts[rows["labels"]])
        expected = [np.sum(np.where(batch["mask"], nll, 0)), np.sum(np.where(batch["mask"], weights * nll, 0))]
        np.testing.assert_allclose(losses, expected, rtol=1e-4)


def probabilities_of(network: Any, batch: Any) -> np.ndarray:
    scores, _ = network(batch["inputs"], network.zero_carry(len(batch["labels"])), padding=batch["padding"])
    return np.asarray(jax.nn.softmax(scores))


def test_settings_that_do_not_fit_the_data_are_refused():
    with pytest.raises(ConfigError, match=r"task.select: found 'auroc', allowed: accuracy, .* for the 3 classes"):
        Classification(make_data().describe(), select="auroc")
    with pytest.raises(ConfigError, match=r"task.stack: found 2"):
        Classification(make_data(missing=0.5).describe(), stack=2)
    one_class = [(np.zeros(3, np.int32), np.full((3, 2), 0.5, np.float32))]
    with pytest.raises(DataError, match="'class 0' alone"):
        Classification(make_data(2).describe(), select="auroc").decoded_metrics(one_class)


@pytest.mark.parametrize(("missing", "pooling"), [(0.0, "max"), (0.4, "last"), (0.0, "attention")])
def test_the_weight_of_a_step_is_what_it_adds_to_the_log_odds(missing: float, pooling: str):
    data = make_data(missing=missing)
    task = Classification(data.describe())
    network = network_of(task, pooling=pooling)
    longest = data.test.take(np.array([data.test.lengths.argmax()]))
    (weighed,) = task._weighed(network, longest)
    (row,) = task.form.encode(longest)
    assert weighed.values.shape == (len(row), 2)
    assert weighed.edges.tolist() == list(range(len(row) + 1))
    if pooling == "attention":
        assert weighed.weights.sum() == pytest.approx(1)
        return
    without = row.copy()
    without[1, : 4 if missing else 2] = 0
    whole, less = (_probabilities(network, one) for one in (row, without))
    label = whole.argmax()
    odds = [np.log(one[label] / (1 - one[label])) for one in (whole, less)]
    assert weighed.weights[1] == pytest.approx(odds[0] - odds[1], rel=1e-3, abs=1e-5)


def _probabilities(network: Any, row: np.ndarray) -> np.ndarray:
    batch = {"inputs": row[None], "labels": np.zeros(1, np.int32), "padding": np.ones((1, len(row)), bool)}
    return np.asarray(probabilities_of(network, jax.tree.map(jax.numpy.asarray, batch))[0], np.float64)


def test_a_convolution_reads_the_pixels_of_frames(tmp_path: Path):
    small: Any = {"side": 5, "frames": 4, "train_size": 8, "valid_size": 4, "test_size": 4}
    data = moving_squares.load(mirror=None, cache=tmp_path, **small)
    task = Classification(json.loads(json.dumps(data.describe())), frame_features=3)
    network = network_of(task)
    assert network.encoder.size == 3
    videos = jax.numpy.asarray(np.stack([data.test[0][:2], data.test[1][:2]]))
    frames = network.encoder.frames(videos.reshape(2, 2, 5, 5, 1))
    np.testing.assert_allclose(network.encoder(videos), frames, rtol=1e-6)
    assert task.classify(network, data.test).shape == (4, 4)
    assert network.products == ["layers", "head", "frames"]
    for wrong in (make_data(), data):
        with pytest.raises(ConfigError, match=r"task.frame_features"):
            Classification(wrong.describe(), frame_features=3, stack=2 if wrong is data else 1)


def test_what_is_predicted_from_a_beginning_is_what_a_file_cut_there_gives(tmp_path: Path):
    task = Classification(make_data().describe(), stack=3)
    network, values = network_of(task), np.random.default_rng(0).normal(size=(1, 8, 2))
    np.savez(tmp_path / "whole.npz", values=values)
    np.savez(tmp_path / "cut.npz", values=values[:, :4])
    rows = task.predict(network, file=tmp_path / "whole.npz", every=4).rows
    (cut,) = task.predict(network, file=tmp_path / "cut.npz").rows
    assert [row["time_steps"] for row in rows] == [4, 8]
    assert rows[0]["probability"] == pytest.approx(cut["probability"], rel=1e-5)


def test_early_accuracy_is_of_the_share_that_it_states(monkeypatch: pytest.MonkeyPatch):
    task, seen = Classification(make_data().describe(), stack=3), []
    monkeypatch.setattr(task, "_probabilities", lambda _, rows: seen.extend(rows) or np.zeros((len(rows), 3)))
    task._earliness(network_of(task), join_signals([np.ones((10, 2), np.float32)], [0]))
    assert [np.count_nonzero(row) for row in seen] == [2 * steps for steps in range(1, 11)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short finished run on few strokes."""
    sizes = ("data.train_size=60", "data.valid_size=20", "data.test_size=30", "model.hidden_size=8")
    short = ("training.updates=6", "training.eval_every=6", "task.stack=2", "tracker=none")
    return trained(tmp_path_factory.mktemp("strokes"), "task=classification", *sizes, *short)


def test_a_run_ends_with_metrics_baselines_pictures_and_predictions(run: Path, tmp_path: Path):
    kept = record(run)
    assert (kept["status"], kept["metric"], kept["direction"]) == ("finished", "accuracy", "max")
    assert kept["scored"] == {"valid": 20, "test": 30}
    names = {"accuracy", "macro_f1", "nll", "ece"}
    assert names < set(kept["metrics"]["test"])
    assert sum(name.startswith("recall_") for name in kept["metrics"]["test"]) == 6
    assert set(kept["baselines"]) == {"majority class", "summaries"}
    assert set(kept["metrics"]["test"]) == set(kept["baselines"]["summaries"])
    assert {path.stem for path in (run / "figures").iterdir()} >= {
        "confusion_matrix",
        "reliability",
        "contributions",
        "earliness",
    }
    steps = "\n".join(f"k,{step},{step % 3},{step % 2}" for step in range(7))
    (tmp_path / "new.csv").write_text(f"id,time,x velocity,y velocity\n{steps}\nl,0,1,1")
    done = command("gru_bench.predict", f"run={run}", "file=new.csv", "every=3", "out=p.json", cwd=tmp_path)
    assert done.code == 0, done.err
    rows = json.loads((tmp_path / "p.json").read_text())
    assert [(row["sequence"], row["time_steps"]) for row in rows] == [("k", 3), ("k", 6), ("k", 7), ("l", 1)]
    for row in rows:
        shares = {name: value for name, value in row.items() if name.startswith("p(")}
        assert sum(shares.values()) == pytest.approx(1, rel=1e-5)
        assert row["probability"] == shares[f"p({row['label']})"] == max(shares.values())
