"""`task=music` through the commands themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.support import command, record, trained

SMALL = ("task=music", "tracker=none", "model.hidden_size=16", "training.batch_size=8", "optimizer.learning_rate=1e-2")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on a few canons."""
    sizes = ("data.train_size=40", "data.valid_size=8", "data.test_size=10", "training.eval_every=100")
    return trained(tmp_path_factory.mktemp("music"), *SMALL, *sizes, "training.updates=200")


def test_a_run_ends_with_metrics_baselines_and_pictures(run: Path):
    found = record(run)
    assert found["status"] == "finished"
    assert (found["metric"], found["direction"]) == ("nll", "min")
    steps = found["data_facts"]["steps"]
    assert found["scored"] == {"valid": steps["valid"], "test": steps["test"]}
    assert set(found["metrics"]["test"]) == set(found["baselines"]["floor"]) == {"nll", "nll_after_first"}
    assert found["baselines"]["floor"]["nll"] < found["metrics"]["test"]["nll"]
    assert found["metrics"]["test"]["nll"] < found["baselines"]["key frequency"]["nll"]
    assert (run / "figures/piano_roll.png").stat().st_size > 5000


@pytest.mark.slow
def test_evaluate_says_the_same_again_and_scores_other_files(run: Path):
    again = command("gru_bench.evaluate", "run=run", cwd=run.parent)
    assert again.code == 0, again.out + again.err
    (run.parent / "own.json").write_text("[[[60], [60], [62], [62, 36]], [[65], [65]]]")
    other = command("gru_bench.evaluate", "run=run", "path=own.json", cwd=run.parent)
    assert other.code == 0, other.out + other.err
    assert "6 time steps scored" in other.out


def test_predict_needs_the_run_directory_alone(run: Path, tmp_path: Path):
    (tmp_path / "own.json").write_text("[[60], [60], [62]]")
    arguments = ("file=own.json", "length=5", "out=more.json", "picture=roll.png")
    done = command("gru_bench.predict", f"run={run}", *arguments, cwd=tmp_path)
    assert done.code == 0, done.err
    rows = json.loads((tmp_path / "more.json").read_text())
    assert [row["step"] for row in rows] == [4, 5, 6, 7, 8]
    assert (tmp_path / "roll.png").stat().st_size > 2000


@pytest.mark.slow
def test_a_chorale_is_better_predicted_than_by_counts(mirror: Path, tmp_path: Path):
    few = ("data=jsb", "model=lstm", "training.batch_size=4", "training.epochs=6", f"paths.mirror={mirror}")
    found = record(trained(tmp_path, "task=music", "tracker=none", *few))
    assert found["scored"] == {"valid": 4602, "test": 4725}
    assert found["metrics"]["test"]["nll"] < found["baselines"]["last frame"]["nll"]
