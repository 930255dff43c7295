from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gru_bench.data.batches.buckets import Buckets
from gru_bench.data.texts.texts import LabelledTexts, make_texts
from gru_bench.errors import ConfigError, DataError
from gru_bench.models.network import Network
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks import word_weights
from gru_bench.tasks.sentiment import Sentiment
from gru_bench.tasks.task import Task
from gru_bench.tasks.word_weights import log_probabilities, weigh_words
from gru_bench.training.evaluate import Evaluator
from tests.networks import make_model
from tests.training.support import Outcome, command, record, train, trained

TRAINING = TrainingConfig(updates=1, batch_size=4, eval_batch_size=3)
WORDS = "good bad fine dull warm cold not very".split()
CLASSES = ("bad $x$", "good", "普通")


def make_data(seed: int = 0) -> LabelledTexts:
    random = np.random.default_rng(seed)
    texts, labels = {}, {}
    for split, size in {"train": 40, "valid": 7, "test": 11}.items():
        rows = [random.choice(WORDS, size=random.integers(1, 9)) for _ in range(size)]
        texts[split] = [" ".join(row) for row in rows]
        labels[split] = [len(row) % 3 for row in rows]
    return make_texts("drawn", texts, labels, CLASSES)


DATA = make_data()
TASK = Sentiment(DATA.describe(), buckets=2)
SHORT = [int(np.flatnonzero(DATA.test.lengths == length)[0]) for length in (1, 2, 3)]


def make_network(task: Sentiment = TASK, cell: str = "gru", **model: Any) -> Network:
    """A network whose predictions differ: its weights are far from zero."""
    config = ModelConfig(cell=cell, **{"hidden_size": 5, "init": "uniform", "init_scale": 1.0, **model})
    return make_model(config, TRAINING, task.signature, jax.random.key(0))


NETWORKS = {
    f"{cell}-{pooling}-{bidirectional}": make_network(cell=cell, pooling=pooling, bidirectional=bidirectional)
    for cell, pooling, bidirectional in [
        ("gru", "last", False),
        ("lstm", "last", True),
        ("gru", "max", True),
        ("lstm", "mean", False),
        ("gru", "attention", True),
    ]
}


def evaluate(network: Network, task: Sentiment = TASK, data: LabelledTexts = DATA, **training: Any) -> dict[str, float]:
    graph, params = nnx.split(network)
    config = TrainingConfig(updates=1, **{"eval_batch_size": 3, **training})
    return Evaluator(graph, task)(params, task.eval_batches(data, "test", config))


def alone(network: Network, ids: np.ndarray) -> np.ndarray:
    """Return the probabilities of a text without any padding."""
    inputs = np.asarray(ids, np.int32)[None]
    return np.exp(np.asarray(log_probabilities(network, inputs, np.ones(inputs.shape, bool))))[0]


def test_it_is_a_task():
    assert isinstance(TASK, Task)
    assert TASK.signature.outputs == 3
    assert TASK.signature.pooled
    assert Sentiment(json.loads(json.dumps(TASK.describe()))).form == DATA.form


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", NETWORKS)
def test_padding_and_company_never_change_a_result(name: str):
    network = NETWORKS[name]
    found = Sentiment(DATA.describe(), buckets=1).classify(network, DATA.test.texts)
    assert {DATA.test[place].size for place in SHORT} == {1, 2, 3}
    for place in SHORT:
        np.testing.assert_allclose(found[place], alone(network, DATA.test[place]), rtol=2e-5, atol=1e-7)


@hypothesis_settings(max_examples=15)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=4), st.integers(0, 5))
def test_what_stands_in_padding_never_matters(ids: list[int], extra: int):
    network = NETWORKS["lstm-last-True"]
    inputs = np.zeros((1, 11), np.int32)
    inputs[0, : len(ids)], inputs[0, len(ids) :] = ids, extra
    found = np.asarray(log_probabilities(network, inputs, np.arange(11)[None] < len(ids)))[0]
    np.testing.assert_allclose(np.exp(found), alone(network, np.array(ids)), rtol=2e-5, atol=1e-7)


def test_metrics_do_not_depend_on_batches():
    network = NETWORKS["gru-max-True"]
    probabilities = TASK.classify(network, DATA.test.texts)
    labels = DATA.test.labels
    for size in (3, 64):
        metrics = evaluate(network, eval_batch_size=size)
        assert metrics["items"] == 11
        assert metrics["accuracy"] == (probabilities.argmax(axis=1) == labels).mean()
        assert metrics["nll"] == pytest.approx(-np.log(probabilities[np.arange(11), labels]).mean(), rel=1e-5)


@pytest.mark.usefixtures("strict")
def test_the_loss_is_the_cross_entropy_of_the_texts():
    network = NETWORKS["gru-max-True"]
    loss = jax.jit(lambda network, batch: TASK.loss(network, batch, (), None))
    batches = TASK.train_batches(DATA, TRAINING, seed=3)
    found = [loss(network, dict(batches.at(0, index))) for index in range(len(batches))]
    probabilities = TASK.classify(network, DATA.train.texts)[np.arange(40), DATA.train.labels]
    assert sum(float(one.items) for one in found) == 40
    assert sum(float(one.total) for one in found) == pytest.approx(-np.log(probabilities).sum(), rel=1e-5)
    assert found[0].carry == ()


@pytest.mark.usefixtures("strict")
def test_rows_that_fill_up_have_no_gradient():
    graph, params = nnx.split(NETWORKS["gru-attention-True"])

    @jax.jit
    def gradient(params: Any, batch: Any) -> Any:
        return jax.grad(lambda params: TASK.loss(nnx.merge(graph, params), batch, (), None).total)(params)

    found = [
        gradient(params, dict(Buckets([np.array([1, 2], np.int32)], np.array([1], np.int32), (4,), rows)[0]))
        for rows in (1, 5)
    ]
    for one, other in zip(*map(jax.tree.leaves, found), strict=True):
        assert np.isfinite(other).all()
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_long_texts_are_cut_for_the_network():
    texts = {"train": ["good " * 9, "bad"], "valid": ["good"], "test": ["bad " * 50]}
    labels = {"train": [1, 0], "valid": [1], "test": [0]}
    data = make_texts("long", texts, labels, ("bad", "good"), max_length=4)
    task = Sentiment(data.describe())
    assert task.train_batches(data, TRAINING, 0).at(0, 0)["inputs"].shape[1] <= 4
    assert task.eval_batches(data, "test", TRAINING)[0]["inputs"].shape == (3, 4)
    assert evaluate(make_network(task), task, data)["items"] == 1


def test_train_batches_are_a_function_of_seed_and_epoch():
    first, again = (TASK.train_batches(DATA, TRAINING, seed=1) for _ in range(2))
    assert len(first) == len(again)
    for epoch in (2, 0):
        for index in range(len(first)):
            one, other = first.at(epoch, index), again.at(epoch, index)
            assert all(np.array_equal(one[key], other[key]) for key in one)
    shapes = {first.at(epoch, index)["inputs"].shape for epoch in range(3) for index in range(len(first))}
    assert len(shapes) <= TASK.buckets


def test_baselines_have_the_metrics_of_the_task():
    baselines = TASK.baselines(DATA)
    assert set(baselines) == {"majority class", "bag of words"}
    names = set(evaluate(NETWORKS["gru-last-False"])) - {"items"}
    assert all(set(metrics) == names for metrics in baselines.values())
    share = np.bincount(DATA.test.labels, minlength=3)[np.bincount(DATA.train.labels).argmax()] / 11
    assert baselines["majority class"]["accuracy"] == pytest.approx(share)


def test_leaving_a_word_out_is_a_text_without_it():
    network = NETWORKS["lstm-last-True"]
    ids = DATA.vocabulary.encode_symbols("not very good".split())
    found = weigh_words(network, ids, ["not", "very", "good"], CLASSES)
    whole = alone(network, ids)
    label = int(whole.argmax())

    def log_odds(probabilities: np.ndarray) -> float:
        return float(np.log(probabilities[label] / (1 - probabilities[label])))

    expected = [log_odds(whole) - log_odds(alone(network, np.delete(ids, place))) for place in range(3)]
    np.testing.assert_allclose(found.weights, expected, rtol=1e-3, atol=1e-5)
    assert (found.label, found.kind) == (CLASSES[label], "left out")
    assert found.probability == pytest.approx(whole[label], rel=1e-5)
    assert "log odds of" in found.meaning


def test_attention_weights_are_shown_where_there_are_some():
    found = weigh_words(NETWORKS["gru-attention-True"], np.array([1, 2, 3], np.int32), ["a", "b", "c"], CLASSES)
    assert found.kind == "attention"
    assert found.weights.sum() == pytest.approx(1.0, rel=1e-5)
    assert found.strongest(1) == max(zip(found.weights, "abc", strict=True))[1] + f" {found.weights.max():.2f}"


@pytest.mark.parametrize("name", ["gru-attention-True", "gru-max-True"])
def test_pictures_and_samples(name: str, tmp_path: Path):
    network = NETWORKS[name]
    graph, params = nnx.split(network)
    sums = Evaluator(graph, TASK).sums(params, TASK.eval_batches(DATA, "test", TRAINING))
    figures = TASK.figures(network, DATA, sums)
    assert set(figures) == {"confusion_matrix", "reliability", "words"}
    for stem, draw in figures.items():
        draw().savefig(tmp_path / f"{stem}.png")
    samples = TASK.samples(network, DATA, seed=0)
    assert len(samples) == 4
    assert all(sample.given in DATA.test.texts and "true class: " in sample.output for sample in samples)
    assert Sentiment(DATA.describe(), samples=0).samples(network, DATA, seed=0) == []


def test_prediction_of_texts(tmp_path: Path):
    network = NETWORKS["gru-max-True"]
    texts = ["Not very GOOD", "", "unheard-of $words$ 很好 \U0001f600 " + "good " * 300]
    prediction = TASK.predict(network, *texts, words=True)
    assert [row["text"] for row in prediction.rows] == texts
    for row in prediction.rows:
        shares = [row[f"p({name})"] for name in CLASSES]
        assert sum(shares) == pytest.approx(1.0, rel=1e-5)
        assert row["probability"] == max(shares)
        assert row["label"] == CLASSES[int(np.argmax(shares))]
        assert row["words"]
    assert str(prediction.text).splitlines()[0].startswith(prediction.rows[0]["label"])
    assert prediction.draw is not None
    prediction.draw().savefig(tmp_path / "words.png")
    np.testing.assert_allclose(prediction.rows[0]["p(good)"], TASK.classify(network, texts[:1])[0, 1], rtol=1e-5)


def test_long_texts_are_read_a_few_at_once(monkeypatch: pytest.MonkeyPatch):
    assert [word_weights.rows_at_once(size) for size in (1, 256, 4096, 50_000, 10**7)] == [64, 64, 64, 5, 1]
    network, texts = NETWORKS["gru-max-True"], ["good " * 40, "bad", "not good", "dull"]
    ids = DATA.form.encode(texts[:1], [0])[0]
    together = TASK.classify(network, texts), weigh_words(network, ids, texts[0].split(), CLASSES).weights
    monkeypatch.setattr(word_weights, "AREA", 100)
    in_parts = TASK.classify(network, texts), weigh_words(network, ids, texts[0].split(), CLASSES).weights
    for found, expected in zip(in_parts, together, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_prediction_of_nothing():
    with pytest.raises(ConfigError, match="texts: found nothing, allowed: texts as arguments, or file=FILE"):
        TASK.predict(NETWORKS["gru-max-True"])


def test_another_file_is_scored_whole(tmp_path: Path):
    path = tmp_path / "more.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [(text, CLASSES[label]) for text, label in zip(DATA.test.texts, DATA.test.labels, strict=True)]
        csv.writer(file).writerows([("text", "label"), *rows])
    batches = TASK.file_batches(path, TRAINING)
    found = [batches[index] for index in range(len(batches))]
    labels = np.concatenate([batch["labels"][batch["mask"]] for batch in found])
    assert sorted(labels) == sorted(DATA.test.labels)
    assert sum(batch["padding"].sum() for batch in found) == DATA.test.ids.size
    path.write_text("text,label\ngood one,great\nbad,great\n")
    with pytest.raises(DataError, match=r"path: .* the label 'great'"):
        TASK.file_batches(path, TRAINING)


SMALL = (
    "task=sentiment",
    "tracker=none",
    "data.train_size=400",
    "data.valid_size=100",
    "data.test_size=150",
    "model.hidden_size=8",
    "training.epochs=2",
    "task.samples=2",
    "task.buckets=2",  # few shapes to compile
)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the command itself."""
    return trained(tmp_path_factory.mktemp("sentiment"), *SMALL)


def test_a_run_by_the_command(run_dir: Path):
    values = record(run_dir)
    assert values["status"] == "finished"
    assert set(values["metrics"]["test"]) == {"accuracy", "macro_f1", "nll", "ece"}
    assert values["scored"] == {"valid": 100, "test": 150}
    assert set(values["baselines"]) == {"majority class", "bag of words"}
    assert {path.stem for path in (run_dir / "figures").glob("*.png")} >= {"confusion_matrix", "reliability", "words"}


def on_run(module: str, run_dir: Path, *arguments: str, text: str = "") -> Outcome:
    return command(module, f"run={run_dir}", *arguments, cwd=run_dir.parent, text=text)


def test_evaluate_gives_the_recorded_numbers(run_dir: Path):
    done = on_run("gru_bench.evaluate", run_dir)
    assert done.code == 0, done.err + done.out
    assert done.out.count("equal") == 4


@pytest.mark.slow
def test_predict_by_the_command(run_dir: Path, tmp_path: Path):
    review = "the plot was not good , but the cast is very funny"
    done = on_run("gru_bench.predict", run_dir, review, f"picture={tmp_path}/words.png")
    assert done.code == 0, done.err
    assert done.out.split("\t")[0] in ("negative", "positive")
    assert (tmp_path / "words.png").stat().st_size > 1000
    done = on_run("gru_bench.predict", run_dir, "file=-", "out=-", text=f"{review}\nthe plot was bad\n")
    rows = list(csv.DictReader(done.out.splitlines()))
    assert [row["text"] for row in rows] == [review, "the plot was bad"]
    assert set(rows[0]) == {"text", "label", "probability", "p(negative)", "p(positive)"}


@pytest.mark.slow
def test_own_texts_by_the_command(tmp_path: Path):
    lines = [f"{word} {other} {kind};{kind}" for word in WORDS for other in WORDS for kind in ("ja", "nein", "égal")]
    (tmp_path / "own.csv").write_bytes("\n".join(["Meinung;Urteil", *lines]).encode("cp1252"))
    done = train(
        "task=sentiment",
        "data=text_csv",
        f"data.path={tmp_path}/own.csv",
        "tracker=none",
        "model.hidden_size=8",
        "training.epochs=8",
        "optimizer.learning_rate=1e-2",
        f"run_dir={tmp_path}/run",
    )
    assert done.code == 0, done.err
    values = record(tmp_path / "run")
    assert values["data_facts"]["columns"] == {"text": "Meinung", "label": "Urteil"}
    assert values["metrics"]["test"]["accuracy"] > 0.9
    assert values["baselines"]["bag of words"]["accuracy"] > 0.9
