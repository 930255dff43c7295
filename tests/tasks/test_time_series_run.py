"""`task=time_series` through the commands themselves."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from tests.training.support import command, record, trained

SMALL = (
    "task=time_series",
    "tracker=none",
    "data.train_size=400",
    "data.valid_size=80",
    "data.test_size=80",
    "data.context=16",
    "data.horizon=6",
    "model.hidden_size=8",
    "training.updates=120",
    "training.eval_every=60",
    "task.normalise=last",
    "training.batch_size=32",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on a short Mackey-Glass series."""
    return trained(tmp_path_factory.mktemp("series"), *SMALL)


def test_a_run_ends_with_metrics_baselines_and_pictures(run: Path):
    found = record(run)
    assert found["status"] == "finished"
    assert found["scored"] == {"valid": 75, "test": 75}
    assert set(found["metrics"]["test"]) == {"mse", "mae", "mse_units", "mae_units", "mase"}
    assert set(found["baselines"]) == {"last value", "seasonal-naive", "linear"}
    assert found["metrics"]["test"]["mse"] < found["baselines"]["last value"]["mse"]
    for name in ("forecast", "error_over_horizon", "residuals"):
        assert (run / "figures" / f"{name}.png").stat().st_size > 5000


@pytest.mark.slow
def test_evaluate_says_the_same_again_and_scores_other_files(run: Path):
    again = command("gru_bench.evaluate", "run=run", cwd=run.parent)
    assert again.code == 0, again.out + again.err
    (run.parent / "other.csv").write_text("\n".join(["x", *(f"{0.9 + 0.01 * (n % 20)}" for n in range(60))]))
    other = command("gru_bench.evaluate", "run=run", "path=other.csv", cwd=run.parent)
    assert other.code == 0, other.out + other.err
    assert "39 windows" in other.out  # 60 - 16 - 6 + 1


def test_predict_needs_the_run_directory_alone(run: Path, tmp_path: Path):
    rows = [f"{0.9 + 0.01 * (n % 20):.2f}" for n in range(30)]
    done = command(
        "gru_bench.predict",
        f"run={run}",
        "file=-",
        "out=ahead.csv",
        "picture=ahead.png",
        cwd=tmp_path,
        text="\n".join(rows),
    )
    assert done.code == 0, done.err
    lines = (tmp_path / "ahead.csv").read_text().splitlines()
    assert lines[0] == "step,x"
    assert [line.partition(",")[0] for line in lines[1:]] == ["1", "2", "3", "4", "5", "6"]
    assert (tmp_path / "ahead.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_file_of_ones_own(tmp_path: Path):
    def comma(value: float) -> str:
        return f"{value:.2f}".replace(".", ",")

    days = [datetime.date(2023, 1, 1) + datetime.timedelta(days=day) for day in range(200)]
    rows = [f"{day:%d.%m.%Y};{comma(100 + 3.3 * (n % 7))};{comma(n % 5)};schön" for n, day in enumerate(days)]
    (tmp_path / "eigene.csv").write_text("\n".join(["Datum;Last;Preis;Bemerkung", *rows]), encoding="latin-1")
    small = [text for text in SMALL if not text.startswith(("data.train", "data.valid", "data.test"))]
    own = [*small, "data=series_csv", "data.path=eigene.csv"]
    done = command(
        "gru_bench.train",
        *own,
        "data.covariates=[Preis]",
        "data.calendar=true",
        "task.channels=joint",
        "run_dir=run",
        cwd=tmp_path,
    )
    assert done.code == 0, done.err
    form = json.loads((tmp_path / "run" / "data.json").read_text())
    assert (form["targets"], form["covariates"]) == (["Last"], ["Preis"])
    assert form["calendar"] == ["day of week", "day of year"]
