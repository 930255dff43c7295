"""`task=memory` through the commands themselves."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from gru_bench.data.public.mnist import read_idx
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


@pytest.mark.slow
def test_evaluate_says_the_same_again_and_scores_other_files(run: Path):
    again = command("gru_bench.evaluate", "run=run", cwd=run.parent)
    assert again.code == 0, again.out + again.err
    (run.parent / "own.txt").write_text("0.5* 0.1 0.25*\n0.5* 0.25*\n")
    other = command("gru_bench.evaluate", "run=run", "path=own.txt", cwd=run.parent)
    assert other.code == 0, other.out + other.err
    assert "2 targets scored" in other.out


@pytest.mark.slow
def test_digits_from_training_to_a_file_of_ones_own(mirror: Path, tmp_path: Path):
    run = trained(
        tmp_path,
        "task=memory",
        "data=mnist",
        "tracker=none",
        f"paths.mirror={mirror}",
        "data.downsample=7",
        "data.permuted=true",
        "data.train_size=2000",
        "data.valid_size=200",
        "data.test_size=500",
        "training.updates=300",
        "training.eval_every=150",
    )
    found = record(run)
    assert (found["metric"], found["direction"]) == ("accuracy", "max")
    assert found["scored"] == {"valid": 200, "test": 500}
    test, known = found["metrics"]["test"], found["baselines"]
    assert test.keys() == known["linear"].keys() == known["majority class"].keys()
    assert known["linear"]["accuracy"] > 2 * known["majority class"]["accuracy"]
    assert test["accuracy"] > 2 * known["majority class"]["accuracy"]
    assert (run / "figures/confusion_matrix.png").stat().st_size > 5000
    raw = gzip.decompress((mirror / "mnist/t10k-images-idx3-ubyte.gz").read_bytes())
    digits, truth = read_idx(raw, 3)[:20].reshape(20, -1), (7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0, 6, 9, 0, 1, 5, 9, 7, 3, 4)
    lines = [",".join(map(str, (label, *row))) for label, row in zip(truth, digits.tolist(), strict=True)]
    (tmp_path / "digits.csv").write_text("\n".join(lines))
    told = command("gru_bench.predict", f"run={run}", "file=digits.csv", "out=told.json", cwd=tmp_path)
    assert told.code == 0, told.err
    rows = json.loads((tmp_path / "told.json").read_text())
    assert sum(row["output"] == row["truth"] for row in rows) > 4


def test_predict_needs_the_run_directory_alone(run: Path, tmp_path: Path):
    done = command("gru_bench.predict", f"run={run}", "0.5* 0.1 0.25* 0.9", "out=-", cwd=tmp_path)
    assert done.code == 0, done.err
    header, row = done.out.splitlines()
    assert header == "given,output,sum"
    assert abs(float(row.split(",")[1]) - 0.75) < 0.3
