"""Conversation: metrics do not depend on batches, candidates are ranked by likelihood, and every command."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from gru_bench.data.dialogues.dialogues import Dialogues
from gru_bench.data.dialogues.scores import choices
from gru_bench.data.generated.distraction import load
from gru_bench.evaluate import evaluate
from gru_bench.models.builder import make_cells
from gru_bench.models.encoder_decoder import EncoderDecoder
from gru_bench.predict import main as predict
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks.conversation import Conversation
from gru_bench.training.evaluate import Evaluator
from tests.training.support import record, train

TRAINING = TrainingConfig(updates=1, batch_size=4, eval_batch_size=5)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dialogues:
    return load(mirror=None, cache=tmp_path_factory.mktemp("none"), turns=7, train_size=30, valid_size=5, test_size=12)


def build(task: Conversation, **settings: Any) -> EncoderDecoder:
    """Return a network whose outputs differ: its weights are far from zero."""
    values = {"hidden_size": 6, "init": "uniform", "init_scale": 1.0, "attention": "multiplicative", **settings}
    return task.build(make_cells(ModelConfig(cell="gru", **values), TRAINING, task.build), jax.random.key(1))


@pytest.mark.parametrize("context_network", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_neither_buckets_nor_company_change_a_metric(data: Dialogues, context_network: bool):
    options = {"context_network": context_network, "longest": 6, "ranked": 7}
    network, results = build(Conversation(data.describe(), **options)), []
    for buckets, size in [(1, 12), (2, 5)]:
        task = Conversation(json.loads(json.dumps(data.describe())), buckets=buckets, **options)
        graph, params = nnx.split(network)
        batches = task.eval_batches(data, "test", TrainingConfig(updates=1, eval_batch_size=size))
        results.append(Evaluator(graph, task)(params, batches))
    assert results[1] == pytest.approx(results[0], rel=1e-5)
    assert results[0]["items"] == sum(len(ids) + 1 for ids in data.test.reply_ids)
    assert 0 < results[0]["distinct_1"] <= 1


def test_candidates_are_scored_by_their_likelihood(data: Dialogues):
    task = Conversation(data.describe(), buckets=1, ranked=5, longest=2)
    network = build(task)
    [batch] = task.eval_batches(data, "test", TrainingConfig(updates=1, eval_batch_size=12))
    rows = task.decode(network, batch).scores
    assert rows.shape == (5, 10)
    [first] = choices(data.test.replies, np.array([0]))  # the first reply is among the ranked ones
    pairs = task.form.encode([data.test.contexts[0]] * 10, [data.test.replies[place] for place in first])
    lengths = np.array([ids.size + 1 for ids in pairs.reply_ids])
    [together] = task.batches(pairs, pairs, 10)
    for kept in (slice(None), slice(1)):  # all candidates, and the true reply alone
        weights = np.zeros(10)
        weights[kept] = lengths[kept]
        mask = together["mask"] & (weights > 0)[:, None]
        scored = jax.tree.map(jax.numpy.asarray, {**together, "mask": mask})
        _, sums = task.score(network, scored, ())
        assert -(rows[0] * weights).sum() == pytest.approx(float(sums["nll"]), rel=1e-4)


SMALL = (
    "task=conversation",
    "tracker=none",
    "data.turns=5",
    "data.train_size=60",
    "data.valid_size=10",
    "data.test_size=10",
    "model.hidden_size=8",
    "model.embedding_size=8",
    "training.epochs=null",
    "training.updates=4",
    "training.eval_every=4",
    "task.buckets=1",  # few shapes to compile
    "task.longest=6",
    "task.samples=1",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the default data."""
    folder = tmp_path_factory.mktemp("conversation")
    done = train(*SMALL, f"run_dir={folder}/run")
    assert done.code == 0, done.err
    return folder / "run"


def test_a_run_has_metrics_and_baselines(run: Path):
    kept = record(run)
    assert {"nll", "perplexity", "exact", "recall_at_1", "distinct_1", "distinct_2"} <= set(kept["metrics"]["test"])
    assert set(kept["baselines"]) == {"trigram", "retrieval", "optimum", "bag of words, at best"}
    assert "perplexity" in kept["baselines"]["trigram"]


def test_evaluate_reads_dialogues_of_a_file(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "more.txt").write_text("i am called anna . __eou__ hello anna .\n", encoding="utf-8")
    evaluate(run=run, path=tmp_path / "more.txt")
    assert "4" in capsys.readouterr().out  # symbols of the reply and its end


def test_arguments_are_turns_of_one_conversation(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "answers.json"
    assert predict([f"run={run}", "i am called anna .", "what is my name ?", f"out={out}"]) == 0
    rows = json.loads(out.read_text(encoding="utf-8"))
    assert [row["turn"] for row in rows] == ["i am called anna .", "what is my name ?"]
    assert rows[1]["log_probability"] < 0


def test_a_pipe_is_answered_line_by_line(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    lines = ["i am called anna .", "what is my name ?", "", "what is my name ?"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines)))
    assert predict([f"run={run}"]) == 0
    streams = capsys.readouterr()
    answers = streams.out.splitlines()
    assert len(answers) == 3
    assert "> " not in streams.err
    assert predict([f"run={run}", "what is my name ?"]) == 0  # an empty line begins a new conversation
    assert capsys.readouterr().out.splitlines() == answers[2:]


def test_a_terminal_opens_a_chat(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    class Typed(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Typed("i am called anna .\n"))
    assert predict([f"run={run}"]) == 0
    streams = capsys.readouterr()
    assert len(streams.out.splitlines()) == 1
    assert streams.err.count("> ") == 2  # before the turn and before the end of input
