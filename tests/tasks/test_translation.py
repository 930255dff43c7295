"""Translation: loss and outputs do not depend on batches, and a run through every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx
from matplotlib.figure import Figure

from gru_bench.data.generated.verb_final import load
from gru_bench.data.pairs.pairs import Pairs
from gru_bench.errors import ConfigError
from gru_bench.evaluate import evaluate
from gru_bench.models.builder import make_cells
from gru_bench.models.encoder_decoder import EncoderDecoder
from gru_bench.plotting import save_figure
from gru_bench.predict import main as predict
from gru_bench.report import report
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks.translation import Translation
from gru_bench.tasks.translation_pictures import Alignment
from gru_bench.training.evaluate import Evaluator
from tests.training.support import record, train

TRAINING = TrainingConfig(updates=1, batch_size=4, eval_batch_size=5)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return load(mirror=None, cache=tmp_path_factory.mktemp("none"), train_size=60, valid_size=10, test_size=12)


def build(task: Translation, cell: str = "gru", **settings: Any) -> EncoderDecoder:
    """Return a network whose outputs differ: its weights are far from zero."""
    values = {"hidden_size": 6, "init": "uniform", "init_scale": 1.0, "bidirectional": True, **settings}
    config = ModelConfig(cell=cell, **{"attention": "multiplicative", **values})
    return task.build(make_cells(config, TRAINING, task.build), jax.random.key(1))


def evaluated(task: Translation, network: EncoderDecoder, data: Pairs, **training: Any) -> dict[str, float]:
    graph, params = nnx.split(network)
    config = TrainingConfig(updates=1, **training)
    return Evaluator(graph, task)(params, task.eval_batches(data, "test", config))


@pytest.mark.slow
def test_neither_buckets_nor_company_change_a_metric(data: Pairs):
    network, found = build(Translation(data.describe())), []
    for buckets, size in [(1, 12), (3, 5)]:
        task = Translation(json.loads(json.dumps(data.describe())), buckets=buckets, beam=1)
        found.append(evaluated(task, network, data, eval_batch_size=size))
    assert found[1] == pytest.approx(found[0], rel=1e-5)
    assert found[0]["items"] == sum(len(ids) + 1 for ids in data.test.target_ids)
    assert found[0]["perplexity"] == pytest.approx(np.exp(found[0]["nll"]))
    assert 0 < found[0]["chrf"] < 100


@pytest.mark.slow
def test_outputs_of_texts_are_those_of_the_split(data: Pairs):
    task = Translation(data.describe(), buckets=2, beam=2)
    network = build(task)
    batches = task.eval_batches(data, "test", TRAINING)
    decoded = [task.decode(network, batch) for batch in batches]
    split = {text: output for part in decoded for text, output in zip(part.references, part.outputs[2], strict=True)}
    assert [split[text] for text in data.test.targets] == task.translate(network, data.test.sources)
    assert task.translate(network, ["", *data.test.sources[:1]]) == ["", split[data.test.targets[0]]]


@pytest.mark.usefixtures("strict")
def test_the_loss_is_the_score_but_for_smoothing(data: Pairs):
    batch = Translation(data.describe(), buckets=1).train_batches(data, TRAINING, 0)[0]
    network = build(Translation(data.describe()))
    plain, smooth = (Translation(data.describe(), label_smoothing=share) for share in (0.0, 0.1))

    @jax.jit
    def compute(network: EncoderDecoder, batch: Any) -> Any:
        losses = (task.loss(network, batch, (), None) for task in (plain, smooth))
        return (*losses, plain.score(network, batch, ())[1])

    one, other, sums = compute(network, batch)
    assert float(one.total) == pytest.approx(float(sums["nll"]), rel=1e-6)
    assert int(one.items) == int(sums["items"]) == batch["mask"].sum()
    assert float(other.total) != float(one.total)


def test_pictures(data: Pairs, tmp_path: Path):
    task = Translation(data.describe(), buckets=1, beam=1, samples=1)
    pictures = task.figures(build(task), data, {})
    assert set(pictures) == {"bleu_by_length", "attention"}
    for name, draw in pictures.items():
        save_figure(draw(), tmp_path / f"{name}.png")
    assert set(task.figures(build(task, attention="none"), data, {})) == {"bleu_by_length"}
    aligned = task.align(build(task), ["the dog saw the cats"], [[3, 4]])[0]
    assert aligned.source == "the dog saw the cats".split()
    assert aligned.weights.shape == (len(aligned.output), 5)
    assert aligned.output == [*task.form.target.names([3, 4]), "end"]


def test_the_picture_is_that_of_the_printed_output(data: Pairs, monkeypatch: pytest.MonkeyPatch):
    task, drawn = Translation(data.describe(), beam=1), list[Alignment]()
    monkeypatch.setattr("gru_bench.tasks.translation.alignments", lambda aligned: drawn.extend(aligned) or Figure())
    network, text = build(task), "the dog saw the cats"
    found = task.predict(network, " ", text, beam=4, length_penalty=0.0)
    assert found.draw is not None
    found.draw()
    assert " ".join(drawn[0].output[:-1]) == found.rows[1]["output"] != task.translate(network, [text])[0]


SMALL = (
    "task=translation",
    "tracker=none",
    "data.train_size=120",
    "data.valid_size=20",
    "data.test_size=20",
    "model.hidden_size=8",
    "model.embedding_size=8",
    "training.updates=6",
    "training.eval_every=3",
    "task.buckets=1",  # few shapes to compile
    "task.samples=2",
    "task.beam=2",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the default data."""
    folder = tmp_path_factory.mktemp("translation")
    done = train(*SMALL, f"run_dir={folder}/run")
    assert done.code == 0, done.err
    assert "signatures" in done.out
    return folder / "run"


def test_a_run_by_the_command(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    known = record(run)
    assert set(known["metrics"]["test"]) == {"nll", "perplexity", "bleu", "chrf", "exact", "long_bleu", "greedy_bleu"}
    assert set(known["baselines"]) == {"copy", "nearest neighbour", "dictionary"}
    assert known["data_facts"]["signatures"]["bleu"].startswith("nrefs:1|case:mixed|eff:no|tok:13a")
    assert {path.stem for path in (run / "figures").glob("*.png")} >= {"attention", "bleu_by_length"}
    assert len(json.loads((run / "samples.json").read_text(encoding="utf-8"))) == 2
    assert evaluate(run=run) == 0
    assert "DIFFERENT" not in capsys.readouterr().out
    report(run.parent, csv="none", html=tmp_path / "report.html")
    assert "tok:13a" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_another_file_is_scored(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "more.tsv").write_text("the dog saw the cat\tder hund die katze sah\n" * 3, encoding="utf-8")
    assert evaluate(run=run, path=tmp_path / "more.tsv") == 0
    assert "bleu" in capsys.readouterr().out


def test_predict_writes_the_best_outputs_with_their_scores(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "texts.txt").write_text("the dog saw the cat\n\nthe zebra ran\n", encoding="utf-8")
    command = [f"run={run}", f"file={tmp_path}/texts.txt", "beam=3"]
    assert predict([*command, "nbest=2", f"out={tmp_path}/out.json", f"picture={tmp_path}/align.png"]) == 0
    rows = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [(row["text"], row["rank"]) for row in rows] == [
        ("the dog saw the cat", 1),
        ("the dog saw the cat", 2),
        ("", 1),
        ("the zebra ran", 1),
        ("the zebra ran", 2),
    ]
    assert rows[0]["score"] >= rows[1]["score"]
    assert (tmp_path / "align.png").stat().st_size > 1000
    capsys.readouterr()
    assert predict(command) == 0
    assert capsys.readouterr().out.splitlines() == [row["output"] for row in rows if row["rank"] == 1]
    assert predict([f"run={run}", "the dog", "beam=2", "nbest=3"]) == 2
    assert "nbest: found 3, allowed: at most the beam, 2" in capsys.readouterr().err
    assert predict([f"run={run}"]) == 2
    assert "file=-" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "rnn", "mgu", "min_gru", "coupled_lstm", "min_lstm"])
def test_every_cell_trains_with_the_same_command(tmp_path: Path, cell: str):
    done = train(*SMALL, f"model={cell}", "model.attention=additive", "model.layers=2", f"run_dir={tmp_path}/run")
    assert done.code == 0, done.err
    assert np.isfinite(record(tmp_path / "run")["metrics"]["test"]["nll"])


@pytest.mark.slow
def test_your_own_pairs_as_subwords_and_a_resumed_run(tmp_path: Path):
    pytest.importorskip("sentencepiece")
    rows = [f"the dog number {n} runs\tder hund nummer {n} rennt\n" for n in range(60)]
    (tmp_path / "pairs.tsv").write_text("".join(rows), encoding="utf-8")
    small = [text for text in SMALL if not text.startswith("data.")]
    settings = [
        *small,
        "data=pairs_file",
        f"data.path={tmp_path}/pairs.tsv",
        "data.level=subword",
        f"paths.runs={tmp_path}",
    ]
    assert train(*settings, "training.replicas=2").code == 0
    done = train(*settings)
    assert done.code == 0
    assert "This run is finished" in done.out


def test_attention_is_refused_where_there_is_no_encoder():
    done = train("task=language_modeling", "tracker=none", "model.attention=additive")
    assert done.code == 2
    assert "model.attention" in done.err


def test_prediction_of_nothing(data: Pairs):
    task = Translation(data.describe())
    with pytest.raises(ConfigError, match="texts: found nothing"):
        task.predict(build(task))
    assert task.predict(build(task), " ").draw is None
