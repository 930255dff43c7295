"""`task=anomaly` from training to flags, on one run of six updates."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gru_bench.data.labelled_series.labelled_series import LabelledSeries, scored_rows
from gru_bench.errors import ConfigError, DataError
from gru_bench.sections import TrainingConfig
from gru_bench.tasks.anomaly import Anomaly
from gru_bench.training.saved import SavedRun, load_run
from tests.training.support import record, train

HORIZON, CONTEXT = 2, 16
WARMUP = CONTEXT + HORIZON - 1


def table(rows: int, first: int = 0) -> str:
    """Return a CSV of two columns with an hour each, and labels; some rows near the end are anomalous."""
    lines = ["time,flow,heat,fault"]
    for row in range(first, first + rows):
        fault = 540 <= row < 555
        flow = np.sin(row / 5) + (2.0 if fault else 0.0)
        lines.append(
            f"2024-{1 + row // 672:02}-{1 + row // 24 % 28:02}T{row % 24:02}:00,{flow:.4f},{row % 7},{fault:d}"
        )
    return "\n".join(lines)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anomaly")
    (folder / "pump.csv").write_text(table(600))
    done = train(
        "task=anomaly",
        "data=anomaly_csv",
        f"data.path={folder / 'pump.csv'}",
        "data.label_column=fault",
        "data.covariates=[heat]",
        f"data.context={CONTEXT}",
        f"data.horizon={HORIZON}",
        "task.smoothing=3",
        "tracker=none",
        "model.hidden_size=8",
        "training.updates=6",
        "training.eval_every=6",
        f"run_dir={folder / 'run'}",
    )
    assert done.code == 0, done.err
    return folder / "run"


@pytest.fixture(scope="module")
def saved(run: Path) -> SavedRun:
    return load_run(run)


def task_of(saved: SavedRun) -> Anomaly:
    assert isinstance(saved.task, Anomaly)
    return saved.task


def test_a_run_ends_with_detection_metrics_baselines_and_a_picture(run: Path):
    found = record(run)
    assert found["scored"] == {"valid": 60, "test": 120}
    assert set(found["metrics"]["valid"]) == {"mse"}  # no label is read in selection
    names = {"average_precision", "auroc", "delay", "detected", "flagged", "false_alarms"}
    assert set(found["metrics"]["test"]) == {"mse", *names}
    assert not [name for name in found["metrics"]["test"] if "f1" in name]
    assert set(found["baselines"]["linear autoregression"]) == names
    assert found["data_facts"]["anomalous_windows"] == {"anomaly_csv": 1}
    assert (run / "figures" / "anomalies.png").stat().st_size > 5000


def test_the_same_metrics_again_from_the_saved_run(run: Path, saved: SavedRun):
    data = saved.load_data()
    assert saved.score(saved.task.eval_batches(data, "test", saved.config.training)) == {
        **record(run)["metrics"]["test"],
        "items": 120,
    }


def test_labels_are_no_input(saved: SavedRun):
    form = task_of(saved).form
    assert (form.targets, form.covariates) == (("flow",), ("heat",))
    assert task_of(saved).signature.channels == 2


def test_every_row_is_scored_once_by_a_network_that_reads_no_later_row(saved: SavedRun):
    data: LabelledSeries = saved.load_data()
    ((series),) = data.members.values()
    batches = saved.task.eval_batches(data, "test", saved.config.training)
    rows = np.concatenate([(batch["first"][:, None] + np.arange(CONTEXT))[batch["mask"]] for batch in batches])
    np.testing.assert_array_equal(np.sort(rows), np.arange(480, 600))
    batch = batches[0]
    start, length = 480 - WARMUP, batch["inputs"].shape[1]
    assert length == WARMUP + CONTEXT - 1
    np.testing.assert_allclose(batch["inputs"][0, :, 0], series.scaled[start : start + length, 0], 1e-6)
    np.testing.assert_allclose(batch["inputs"][0, :, 1], series.known[start + 1 :][:length, 0], 1e-6)
    before = saved.task.decode(saved.network, batch).residuals
    for place in (0, 5, CONTEXT - 2):
        inputs = batch["inputs"].copy()
        inputs[0, WARMUP + place] += 1.0  # the values of this row, which the forecasts of the next ones read
        after = saved.task.decode(saved.network, {**batch, "inputs": inputs}).residuals
        np.testing.assert_array_equal(after[: place + 1], before[: place + 1])
        assert (after[place + 1] != before[place + 1]).any()


def test_forecasts_of_a_row_are_those_issued_one_and_two_rows_before(saved: SavedRun):
    data = saved.load_data()
    batch = saved.task.eval_batches(data, "test", saved.config.training)[0]
    outputs, _ = saved.network(jnp.asarray(batch["inputs"]), saved.network.zero_carry(len(batch["inputs"])))
    outputs = np.asarray(outputs).reshape(*outputs.shape[:2], HORIZON, 1)
    errors = saved.task.decode(saved.network, batch).residuals.reshape(-1, HORIZON)
    for row in (0, CONTEXT - 1):
        for ahead in (1, 2):
            expected = outputs[0, WARMUP + row - ahead, ahead - 1] - batch["targets"][0, row]
            np.testing.assert_allclose(errors[row, ahead - 1], expected[0], atol=1e-6)


def test_the_threshold_comes_from_training_rows_alone(saved: SavedRun):
    task, data = task_of(saved), saved.load_data()
    (series,) = data.members.values()
    (scorer,) = task.scorers(saved.network)
    scores = scorer(task.residuals(saved.network, series, scored_rows(series, "train"), "anomaly_csv"))
    assert np.quantile(scores, 1 - task.false_alarms) == pytest.approx(scorer.threshold, rel=1e-5)


def test_new_rows_are_flagged_and_later_rows_change_no_score(saved: SavedRun, tmp_path: Path):
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    whole.write_text(table(90, first=500))
    part.write_text(table(50, first=500))
    found = saved.predict(file=whole)
    assert list(found.rows[0]) == ["time", "score", "threshold", "flag"]
    assert found.rows[0]["time"] == "2024-01-22T13:00:00"  # the hour after the 17 rows that are only read
    assert len(found.rows) == 90 - WARMUP
    flagged = [row["time"] for row in found.rows if row["flag"]]
    assert "2024-01-23T12:00:00" in flagged  # the first faulty hour, row 540
    assert "rows scored" in found.text
    assert found.draw is not None
    some = saved.predict(file=str(part)).rows
    for row, other in zip(some, found.rows, strict=False):
        assert row["time"] == other["time"]
        assert row["score"] == pytest.approx(other["score"], rel=1e-4)


def test_another_file_is_evaluated_with_its_labels(saved: SavedRun, tmp_path: Path):
    (tmp_path / "other.csv").write_text(table(90, first=500))
    found = saved.score(saved.task.file_batches(tmp_path / "other.csv", saved.config.training))
    assert found["items"] == 90 - WARMUP
    assert found["average_precision"] > 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,flow,fault\n2024-01-01T00:00,1,0\n", "no column 'heat'"),
        (table(WARMUP), f"found {WARMUP} rows, expected at least {WARMUP + 1}"),
        (re.sub(r"-?\d\.\d{4}", "", table(90)), "none of the rows to score has a known value"),
        (table(90).replace(",0\n", ",3\n", 1), "line 2: found 3 .*expected 0 for a normal row"),
    ],
)
def test_a_wrong_file_is_one_message(saved: SavedRun, tmp_path: Path, text: str, message: str):
    (tmp_path / "wrong.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        saved.task.file_batches(tmp_path / "wrong.csv", saved.config.training)


def test_a_series_that_the_run_does_not_have(saved: SavedRun, tmp_path: Path):
    with pytest.raises(ConfigError, match="series: found 'pump', allowed: one of the 1 series of the run: anomaly_csv"):
        saved.predict(file=tmp_path / "any.csv", series="pump")


def test_rows_that_share_a_label_share_a_score(saved: SavedRun):
    data: LabelledSeries = replace(saved.load_data(), span=7)
    task = Anomaly(data.describe(), smoothing=3)
    (series,), (anomalous,) = data.members.values(), data.anomalous.values()
    rows = scored_rows(series, "test")
    batches = task.eval_batches(data, "test", TrainingConfig(updates=1))
    metrics = task.decoded_metrics([task.decode(saved.network, batch) for batch in batches])
    residuals = task.residuals(saved.network, series, rows, "anomaly_csv")
    distances = replace(task.scorers(saved.network)[0], smoothing=1)(residuals)
    spans = len(distances) // 7
    scores = distances[: 7 * spans].reshape(spans, 7).mean(axis=1)
    labels = anomalous[slice(*rows)][6::7]
    assert metrics["auroc"] == pytest.approx(roc_auc_score(labels, scores))
