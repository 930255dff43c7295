"""Captioning: metrics do not depend on batches, and a run through every command."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx
from PIL import Image

from gru_bench.data.captions.captions import Captions
from gru_bench.data.generated.moving_shapes import load
from gru_bench.evaluate import evaluate
from gru_bench.models.builder import make_cells
from gru_bench.models.encoder_decoder import EncoderDecoder
from gru_bench.predict import main as predict
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks.captioning import Captioning
from gru_bench.training.evaluate import Evaluator
from gru_bench.training.saved import load_run
from tests.training.support import record, train

SMALL = (
    "task=captioning",
    "tracker=none",
    "data.train_size=60",
    "data.valid_size=10",
    "data.test_size=10",
    "model.hidden_size=8",
    "training.epochs=null",
    "training.updates=4",
    "training.eval_every=4",
    "task.buckets=1",  # few shapes to compile
    "task.longest=9",
    "task.samples=2",
)


def build(data: Captions) -> EncoderDecoder:
    """Return a network whose outputs differ: its weights are far from zero."""
    config = ModelConfig(cell="gru", hidden_size=6, init="uniform", init_scale=1.0, attention="multiplicative")
    task = Captioning(data.describe())
    return task.build(make_cells(config, TrainingConfig(updates=1), task.build), jax.random.key(1))


@pytest.mark.slow
def test_neither_buckets_nor_company_change_a_metric(tmp_path: Path):
    data, results = load(mirror=None, cache=tmp_path, train_size=30, valid_size=5, test_size=12), []
    graph, params = nnx.split(build(data))
    for buckets, size in [(1, 12), (2, 5)]:
        task = Captioning(json.loads(json.dumps(data.describe())), buckets=buckets, longest=6)
        batches = task.eval_batches(data, "test", TrainingConfig(updates=1, eval_batch_size=size))
        results.append(Evaluator(graph, task)(params, batches))
    assert results[1] == pytest.approx(results[0], rel=1e-5)
    assert results[0]["items"] == 12 * 9
    assert set(results[0]) >= {"nll", "perplexity", "exact", "bleu"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the default data."""
    folder = tmp_path_factory.mktemp("captioning")
    done = train(*SMALL, f"run_dir={folder}/run")
    assert done.code == 0, done.err
    return folder / "run"


def test_a_run_has_metrics_baselines_and_strips(run: Path):
    kept = record(run)
    assert {"nll", "exact", "bleu"} <= set(kept["metrics"]["test"])
    assert set(kept["baselines"]) == {"most frequent caption", "nearest mean frame"}
    assert (run / "figures" / "captions.png").exists()


def test_pictures_are_captioned_and_scored(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(3):
        (tmp_path / "clip").mkdir(exist_ok=True)
        Image.fromarray(np.full((20, 20), 80 * number, np.uint8)).save(tmp_path / "clip" / f"{number}.png")
    out, picture = tmp_path / "out.json", tmp_path / "strips.png"
    still = str(tmp_path / "clip" / "0.png")
    assert predict([f"run={run}", str(tmp_path / "clip"), still, f"out={out}", f"picture={picture}"]) == 0
    rows = json.loads(out.read_text(encoding="utf-8"))
    assert [row["picture"] for row in rows] == [str(tmp_path / "clip"), still]
    assert picture.exists()
    before = Path(still).read_bytes()
    for inside in (still, str(tmp_path / "clip" / "new.png")):
        assert predict([f"run={run}", str(tmp_path / "clip"), f"picture={inside}", "overwrite=true"]) == 2
    assert predict([f"run={run}", still, f"picture={still}", "overwrite=true"]) == 2
    assert Path(still).read_bytes() == before
    assert load_run(run).predict(still).rows[0]["picture"] == still
    (tmp_path / "captions.csv").write_text("file,caption\nclip,a large square moves up\n", encoding="utf-8")
    evaluate(run=run, path=tmp_path / "captions.csv")
    assert "exact" in capsys.readouterr().out
    assert predict([f"run={run}"]) == 2
    assert predict([f"run={run}", "none.png"]) == 2
    assert "none.png" in capsys.readouterr().err
