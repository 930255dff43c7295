from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.batches.forecast import Normalise
from gru_bench.data.series.readings import Readings
from gru_bench.data.series.series import Series, arrange
from gru_bench.errors import DataError
from gru_bench.models.network import Network
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.tasks import forecast_report
from gru_bench.tasks.forecast_metrics import forecast_metrics
from gru_bench.tasks.task import Task
from gru_bench.tasks.time_series import TimeSeries
from gru_bench.training.evaluate import Evaluator
from tests.data.series_support import small, walk
from tests.networks import make_model

pytestmark = pytest.mark.usefixtures("strict")

TRAINING = TrainingConfig(updates=1, batch_size=6, eval_batch_size=5)
SERIES = small()


def make_task(series: Series = SERIES, channels: Any = "joint", normalise: Normalise = "none", **options: Any):
    return TimeSeries(json.loads(json.dumps(series.describe())), channels=channels, normalise=normalise, **options)


def make_network(task: TimeSeries, **model: Any) -> Network:
    """Build a network whose forecasts differ: its weights are far from zero."""
    config = ModelConfig(cell="gru", **{"hidden_size": 5, "init": "uniform", "init_scale": 0.6, **model})
    return make_model(config, TRAINING, task.signature, jax.random.key(0))


def evaluate(task: TimeSeries, network: Network, batches: Any) -> dict[str, float]:
    graph, params = nnx.split(network)
    return Evaluator(graph, task)(params, batches)


@pytest.mark.parametrize(
    ("channels", "normalise", "known"),
    [("joint", "none", False), ("joint", "instance", True), ("shared", "last", False), ("shared", "instance", True)],
)
def test_metrics_are_those_of_the_forecasts_in_one_piece(channels: Any, normalise: Any, known: bool):
    values = walk()
    values[85, 1] = np.nan
    series = small(values, covariates=walk(100, 1, seed=5) if known else None, calendar=known)
    task = make_task(series, channels, normalise)
    network = make_network(task)
    found = evaluate(task, network, task.eval_batches(series, "test", TRAINING))
    origins = np.arange(80, 97)
    forecast = task.forecast(network, series, origins)
    truth = np.stack([values[origin : origin + 4] for origin in origins])
    error = series.form.scaler.unscale(forecast) - truth
    deviation = np.array(series.form.scaler.deviation)
    naive = np.array(series.form.naive_error, float)
    assert found["items"] == 17
    assert found["mse"] == pytest.approx(np.nanmean((error / deviation) ** 2), rel=1e-4)
    assert found["mae"] == pytest.approx(np.nanmean(np.abs(error / deviation)), rel=1e-4)
    assert found["mse_units"] == pytest.approx(np.nanmean(error**2, axis=(0, 1)).mean(), rel=1e-4)
    assert found["mae_units"] == pytest.approx(np.nanmean(np.abs(error), axis=(0, 1)).mean(), rel=1e-4)
    assert found["mase"] == pytest.approx((np.nanmean(np.abs(error), axis=(0, 1)) / naive).mean(), rel=1e-4)


def test_metrics_by_hand():
    values = np.zeros((100, 2))
    values[:60, 0] = np.arange(60)  # rows three apart differ by 3
    form = small(values).form
    sums = {
        "squared": np.array([[4.0, 1.0], [0.0, 3.0]]),
        "absolute": np.array([[2.0, 1.0], [0.0, 3.0]]),
        "count": np.array([[1, 2], [1, 2]]),
        "items": 2,
    }
    deviation = np.arange(60).std()
    assert forecast_metrics(sums, form) == pytest.approx(
        {
            "mse": 8 / 6,
            "mae": 1.0,
            "mse_units": (2 * deviation**2 + 1) / 2,
            "mae_units": (deviation + 1) / 2,
            "mase": deviation / 3,  # the constant column has no scale
            "items": 2,
        }
    )


@pytest.mark.parametrize("channels", ["joint", "shared"])
def test_every_test_window_counts_once_in_any_batches(channels: Any):
    task = make_task(channels=channels, normalise="last")
    network = make_network(task)
    whole, *others = (
        evaluate(task, network, task.eval_batches(SERIES, "test", TrainingConfig(updates=1, eval_batch_size=size)))
        for size in (1000, 7, 1)
    )
    assert whole["items"] == 17
    for other in others:
        assert other == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("normalise", ["last", "instance"])
@pytest.mark.parametrize("channels", ["joint", "shared"])
def test_normalised_forecasts_move_with_the_level_of_their_context(channels: Any, normalise: Any):
    moved = walk()
    moved[70:] += np.array([500.0, -300.0])
    task = make_task(channels=channels, normalise=normalise)
    network = make_network(task)
    origin = np.array([90])  # context and horizon lie in what was moved
    plain = SERIES.form.scaler.unscale(task.forecast(network, SERIES, origin))
    other = SERIES.form.scaler.unscale(task.forecast(network, small(moved), origin))
    np.testing.assert_allclose(other - plain, np.broadcast_to([500.0, -300.0], plain.shape), rtol=1e-3)


@pytest.fixture(scope="module")
def gradient() -> Any:
    """The loss and its gradient, compiled once."""
    task = make_task()
    network = make_network(task)

    @jax.jit
    def compiled(batch: Any) -> Any:
        return jax.value_and_grad(lambda network: task.loss(network, batch, (), None).total)(network)

    return compiled


@given(st.integers(0, 3), st.integers(0, 1), st.floats(-1e6, 1e6))
def test_masked_targets_change_nothing(gradient: Any, step: int, column: int, value: float):
    batch = dict(make_task().train_batches(SERIES, TRAINING, 0).at(0, 0))
    batch["observed"] = batch["observed"].copy()
    batch["observed"][2, step, column] = False
    changed = dict(batch, targets=batch["targets"].copy())
    changed["targets"][2, step, column] = value
    plain, other = gradient(batch), gradient(changed)
    assert jax.tree.all(jax.tree.map(lambda one, two: bool((one == two).all()), plain, other))


def test_the_loss_is_the_mean_over_what_is_observed():
    task = make_task(channels="shared", normalise="last")
    network = make_network(task)
    batch = {key: jnp.asarray(array) for key, array in task.train_batches(SERIES, TRAINING, 0).at(0, 0).items()}
    loss = task.loss(network, batch, (), None)
    _, sums = task.score(network, batch, ())
    assert int(loss.items) == int(batch["observed"].sum()) == 24
    assert loss.total == pytest.approx(float(sums["squared"].sum()), rel=1e-5)
    absolute = make_task(channels="shared", normalise="last", loss="mae").loss(network, batch, (), None)
    assert absolute.total == pytest.approx(float(sums["absolute"].sum()), rel=1e-5)
    assert jnp.shape(sums["squared"]) == (4, 2)


def test_baselines_stand_in_the_metrics_of_the_network():
    found = make_task().baselines(SERIES)
    assert list(found) == ["last value", "seasonal-naive", "linear"]
    scaled = SERIES.form.scaler.scale(SERIES.values)
    expected = np.mean([(scaled[o : o + 4] - scaled[o - 1]) ** 2 for o in range(80, 97)])
    assert found["last value"]["mse"] == pytest.approx(expected)
    assert all(list(row) == ["mse", "mae", "mse_units", "mae_units", "mase"] for row in found.values())


@pytest.mark.parametrize("step", [True, False])
def test_pictures_and_samples(step: bool):
    series = SERIES if step else small(step=None)
    task = make_task(series, "shared", "last")
    network = make_network(task)
    figures = task.figures(network, series, {})
    assert set(figures) == {"forecast", "error_over_horizon", "residuals"}
    assert {line.get_label() for line in figures["error_over_horizon"]().axes[0].lines} >= {"network", "linear"}
    (sample,) = task.samples(network, series, 0)
    assert sample.given == "8 rows up to 2020-01-04T15:00:00"
    assert sample.output.splitlines()[0].split() == ["y1", "forecast", "last", "value"]
    assert len(sample.output.splitlines()) == 5


def write(folder: Path, rows: int, covariate: bool = False) -> Path:
    lines = [",".join(["y0", "y1"] + ["c0"] * covariate)]
    for row, (one, two) in enumerate(walk(rows)):
        lines.append(",".join([f"{one}", f"{two}"] + [f"{row}"] * covariate))
    if covariate:
        lines += [f",,{row}" for row in range(4)]
    path = folder / "file.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("covariate", [False, True])
def test_a_forecast_from_a_file(tmp_path: Path, covariate: bool):
    series = small(covariates=np.arange(100.0)[:, None] if covariate else None)
    task = make_task(series, "shared", "instance")
    network = make_network(task)
    found = task.predict(network, file=write(tmp_path, 20, covariate))
    assert [list(row) for row in found.rows] == [["step", "y0", "y1"]] * 4
    assert [row["step"] for row in found.rows] == [1, 2, 3, 4]
    assert len(str(found.text).splitlines()) == 5
    assert found.draw is not None
    assert found.draw().axes
    known = np.concatenate([np.arange(20.0), np.arange(4.0)])[:, None] if covariate else np.zeros((24, 0))
    rows = Readings(None, np.concatenate([walk(20), np.full((4, 2), np.nan)]), known)
    expected = task.forecast(network, arrange(task.form, rows, {}), np.array([20]))  # scaled as the task knows
    forecast = [[row["y0"], row["y1"]] for row in found.rows]
    np.testing.assert_allclose(forecast, task.form.scaler.unscale(expected)[0], rtol=1e-5)


def test_stamps_of_a_forecast_have_the_zone_and_one_format():
    series = replace(small(), zone="America/New_York")
    found = forecast_report.prediction(series, 90, np.zeros((4, 2)))
    expected = pd.date_range("2020-01-04T18:00", periods=4, freq="h", tz="UTC").tz_convert("America/New_York")
    assert [row["time"] for row in found.rows] == [time.isoformat() for time in expected]
    assert "2020-01-04T13:00:00-05:00" in found.text
    assert pd.to_datetime([row["time"] for row in found.rows]).tolist() == expected.tolist()


def test_a_file_is_scored_whole(tmp_path: Path):
    task = make_task(channels="shared", normalise="last")
    network = make_network(task)
    found = evaluate(task, network, task.file_batches(write(tmp_path, 100), TRAINING))
    assert found["items"] == 100 - 8 - 4 + 1
    with pytest.raises(DataError, match="found 11 rows, expected at least 12"):
        task.file_batches(write(tmp_path, 11), TRAINING)
    with pytest.raises(DataError, match="found 7 rows with a value of y0, y1, expected at least the 8 rows"):
        task.predict(network, file=write(tmp_path, 7))


def test_a_file_without_known_targets_cannot_be_scored():
    task = make_task()
    with pytest.raises(DataError, match="none of the windows to score has a known target value"):
        task.metrics({"items": 3, "count": np.zeros((1, 1))})


def test_the_protocol_and_what_a_network_must_be():
    task = make_task(small(covariates=np.arange(100.0)[:, None]), "joint", "last")
    assert isinstance(task, Task)
    assert (task.signature.channels, task.signature.outputs, task.signature.features) == (3, 8, 4)
    shared = make_task(channels="shared")
    assert (shared.signature.channels, shared.signature.outputs, shared.signature.features) == (1, 4, 0)
    assert shared.signature.pooled
    assert not shared.causal
