"""`task=memory` through the commands themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.support import command, record, trained

SMALL = (
    "task=memory",
    "tracker=none",
    "data.length=4",
    "data.valid_size=50",
    "data.test_size=70",
    "model.hidden_size=16",
    "training.updates=200",
    "training.eval_every=100",
    "training.batch_size=32",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on a short adding problem."""
    return trained(tmp_path_factory.mktemp("memory"), *SMALL)


def test_a_run_ends_with_metrics_baselines_and_pictures(run: Path):
    found = record(run)
    assert found["status"] == "finished"
    assert (found["metric"], found["direction"]) == ("mse", "min")
    assert found["scored"] == {"valid": 50, "test": 70}
    assert set(found["metrics"]["test"]) == set(found["baselines"]["always 1"]) == {"mse", "correct"}
    assert found["metrics"]["test"]["mse"] < 0.3 * found["baselines"]["always 1"]["mse"]
    assert (run / "figures/error_by_distance.png").stat().st_size > 5000


def test_evaluate_says_the_same_again_and_scores_other_files(run: Path):
    again = command("gru_bench.evaluate", "run=run", cwd=run.parent)
    assert again.code == 0, again.out + again.err
    (run.parent / "own.txt").write_text("0.5* 0.1 0.25*\n0.5* 0.25*\n")
    other = command("gru_bench.evaluate", "run=run", "path=own.txt", cwd=run.parent)
    assert other.code == 0, other.out + other.err
    assert "2 targets scored" in other.out


def test_predict_needs_the_run_directory_alone(run: Path, tmp_path: Path):
    done = command("gru_bench.predict", f"run={run}", "0.5* 0.1 0.25* 0.9", "out=-", cwd=tmp_path)
    assert done.code == 0, done.err
    header, row = done.out.splitlines()
    assert header == "given,output,sum"
    assert abs(float(row.split(",")[1]) - 0.75) < 0.3
