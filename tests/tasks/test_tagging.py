"""Tagging: metrics beside plain counts, padding, and whole runs through every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from gru_bench.data.data_set import SPLITS
from gru_bench.data.tagged.tagged import Sentence, TaggedTexts, make_tagged
from gru_bench.errors import ConfigError
from gru_bench.evaluate import evaluate
from gru_bench.models.builder import make_cells
from gru_bench.models.tagger import Tagger
from gru_bench.predict import main as predict
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks.tagging import Tagging
from tests.training.support import record, train

TRAINING = TrainingConfig(updates=1, batch_size=4, eval_batch_size=3)
TAGS = ("O", "B-a", "I-a", "B-b")


def drawn(count: int, seed: int, classes: bool) -> list[Sentence]:
    draw = np.random.default_rng(seed)
    rows = [tuple(str(word) for word in draw.integers(12, size=draw.integers(1, 9))) for _ in range(count)]
    return [
        Sentence(row, tuple(TAGS[draw.integers(4)] for _ in row), f"class {place % 3}" if classes else "")
        for place, row in enumerate(rows)
    ]


def data_of(classes: bool = True) -> TaggedTexts:
    splits = {split: drawn(count, count, classes) for split, count in (("train", 30), ("valid", 6), ("test", 13))}
    return make_tagged("drawn", splits)


def network_of(task: Tagging, **settings: Any) -> Tagger:
    config = ModelConfig(cell="gru", **{"hidden_size": 5, "init": "uniform", "init_scale": 1.0, **settings})
    return task.build(make_cells(config, TRAINING, task.build), jax.random.key(1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classes", "pooling"),
    [(False, "last"), (True, "max"), (True, "last")],
)
def test_padding_and_buckets_never_change_a_result(classes: bool, pooling: str):
    data = data_of(classes)
    task = Tagging(data.describe(), buckets=3)
    network = network_of(task, bidirectional=True, pooling=pooling)
    together = task.tag(network, data.test)
    assert together == [task.tag(network, data.test.take(np.array([place])))[0] for place in range(13)]
    sums: dict[str, Any] = {}
    for rows in task.eval_batches(data, "test", TRAINING):
        _, more = task.score(network, jax.tree.map(jax.numpy.asarray, dict(rows)), ())
        sums = {name: sums.get(name, 0) + np.asarray(value) for name, value in more.items()}
    metrics = task.metrics(sums)
    tags = [tuple(data.form.tags[tag] for tag in row) for row in data.test.rows(data.test.tags)]
    right = [
        [tag == true for tag, true in zip(one.tags, row, strict=True)] for one, row in zip(together, tags, strict=True)
    ]
    labels = [
        not classes or one.label == data.form.classes[label]
        for one, label in zip(together, data.test.labels, strict=True)
    ]
    assert metrics["tag_accuracy"] == pytest.approx(np.mean(np.concatenate(right)))
    assert metrics["exact"] == np.mean([all(row) and label for row, label in zip(right, labels, strict=True)])
    assert metrics.get("class_accuracy", 1.0) == np.mean(labels)
    assert metrics["items"] == data.test.ids.size


@pytest.mark.usefixtures("strict")
def test_the_loss_is_that_of_all_words_and_of_the_classes():
    data = data_of()
    task, of_tags = (Tagging(data.describe(), class_weight=weight) for weight in (2.0, 0.0))
    network = network_of(task)
    batch = jax.tree.map(jax.numpy.asarray, dict(task.train_batches(data, TRAINING, 0)[0]))
    scores, classes = (
        jax.nn.log_softmax(part) for part in network(batch["inputs"], batch["padding"]) if part is not None
    )
    rows = np.argwhere(np.asarray(batch["padding"]))
    tags = -sum(float(scores[row, step, batch["tags"][row, step]]) for row, step in rows)
    label = -sum(float(classes[row, batch["labels"][row]]) for row in np.flatnonzero(batch["mask"]))
    loss = task.loss(network, batch, (), None)
    assert float(loss.total) == pytest.approx(tags + 2 * label, rel=1e-5)
    assert float(of_tags.loss(network, batch, (), None).total) == pytest.approx(tags, rel=1e-5)
    assert float(loss.items) == len(rows)


def test_dropped_words_are_read_as_unknown():
    data = data_of()
    task = Tagging(data.describe(), word_dropout=0.99)
    network = network_of(task)
    batch = jax.tree.map(jax.numpy.asarray, dict(task.train_batches(data, TRAINING, 0)[0]))
    unknown = {**batch, "inputs": jax.numpy.full_like(batch["inputs"], data.form.vocabulary.ids["<unk>"])}
    dropped = task.loss(network, batch, (), jax.random.key(0)).total
    assert float(dropped) == pytest.approx(float(task.loss(network, unknown, (), None).total), rel=0.02)
    assert float(task.loss(network, batch, (), None).total) != pytest.approx(float(dropped), rel=1e-3)


def test_settings_that_do_not_fit_the_data_are_refused():
    plain = make_tagged("x", {split: [Sentence(("a", "b"), ("NOUN", "VERB"))] for split in SPLITS})
    assert Tagging(plain.describe()).metric == "tag_accuracy"
    with pytest.raises(ConfigError, match=r"task.select: found 'phrase_f1'"):
        Tagging(plain.describe(), select="phrase_f1")
    with pytest.raises(ConfigError, match=r"task.select: found 'class_accuracy'"):
        Tagging(plain.describe(), select="class_accuracy")


SHORT = (
    "tracker=none",
    "model.hidden_size=8",
    "training.epochs=null",
    "training.updates=6",
    "training.eval_every=6",
    "task.buckets=1",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short finished run on few generated sentences."""
    folder = tmp_path_factory.mktemp("agreement") / "run"
    sizes = ("data.train_size=60", "data.valid_size=50", "data.test_size=50")
    done = train("task=tagging", *SHORT, *sizes, f"run_dir={folder}")
    assert done.code == 0, done.err
    return folder


def test_a_run_ends_with_metrics_baselines_pictures_and_predictions(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    kept = record(run)
    assert (kept["status"], kept["metric"], kept["direction"]) == ("finished", "phrase_f1", "max")
    assert set(kept["baselines"]) == {"words alone", "tag bigram"}
    assert set(kept["metrics"]["test"]) - {"nll"} == set(kept["baselines"]["tag bigram"])
    assert {path.stem for path in (run / "figures").iterdir()} >= {"tags", "phrases", "classes", "sentences"}
    (tmp_path / "new.txt").write_text("the dog runs\n\nthe sheep often swim\n")
    out, picture = tmp_path / "p.json", tmp_path / "p.png"
    assert predict([f"run={run}", f"file={tmp_path / 'new.txt'}", f"out={out}", f"picture={picture}"]) == 0
    rows = json.loads(out.read_text())
    assert [(row["sentence"], row["word"]) for row in rows][2:4] == [(1, "runs"), (3, "the")]
    assert {row["class"] for row in rows} <= {"one", "many"}
    assert picture.stat().st_size > 1000
    capsys.readouterr()
    assert predict([f"run={run}", "the dog runs"]) == 0
    assert capsys.readouterr().out.split("\t")[1].startswith("the/")
    assert predict([f"run={run}", f"file={tmp_path / 'new.txt'}"]) == 0
    assert [bool(line) for line in capsys.readouterr().out.split("\n")] == [True, False, True, False]
    assert predict([f"run={run}"]) != 0


def test_another_file_is_scored(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "new.conll").write_text("# class: one\nthe B-one\ndog I-one\nruns B-one\n")
    assert evaluate(run=run, path=tmp_path / "new.conll") == 0
    assert "3 words scored" in capsys.readouterr().out
    assert evaluate(run=run) == 0


@pytest.mark.slow
@pytest.mark.parametrize("data", ["snips", "conll_file"])
def test_every_source_runs_whole(tmp_path: Path, data: str, request: pytest.FixtureRequest):
    options = ["data.train_fraction=0.02"]
    if data == "snips":
        request.getfixturevalue("mirror")
    else:
        sentences = "".join(f"w{number % 7} NOUN\nw{number % 5} VERB\n\n" for number in range(60))
        (tmp_path / "own.tsv").write_text(sentences)
        options = [f"data.path={tmp_path / 'own.tsv'}", "training.patience=null"]
    done = train("task=tagging", f"data={data}", *SHORT, *options, f"run_dir={tmp_path / 'run'}")
    assert done.code == 0, done.err
    assert record(tmp_path / "run")["metric"] == ("phrase_f1" if data == "snips" else "tag_accuracy")
