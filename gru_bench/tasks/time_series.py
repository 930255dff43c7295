"""Time series: forecast all steps of a horizon at once from the context before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.forecast import (
    Channels,
    ForecastEvalWindows,
    ForecastTrainWindows,
    ForecastWindows,
    Normalise,
)
from gru_bench.data.series.baselines import Forecast, all_origins, errors, make_baselines
from gru_bench.data.series.own import read_series
from gru_bench.data.series.series import Rows, Series, SeriesForm
from gru_bench.errors import DataError
from gru_bench.models.network import Network, Signature
from gru_bench.sections import TrainingConfig
from gru_bench.tasks import forecast_report
from gru_bench.tasks.forecast_metrics import forecast_metrics
from gru_bench.tasks.task import Batch, Carry, Loss, Prediction, Sample, Split, Sums, Task
from gru_bench.validation import Positive

CHUNK = 512  # rows per batch of a forecast
MOST_DRAWN = 20_000_000  # values behind the figures


class TimeSeries(Task):
    """Direct multi-horizon forecasting.

    The network reads a context of scaled values, its last state is pooled, and the head outputs the whole horizon.
    Future covariates (also the calendar) are further inputs over the context, and are appended to the pooled state over
    the horizon.

    Args:
        description: the description of the series, from its `describe`.
        channels: `joint`: all targets together; `shared`: one network for every target, with only that target as its
            input; a row of a batch is then one target of a window.
        normalise: what is removed from a context and restored in its forecast: `none`, the `last` value, or mean and
            deviation of the context (`instance`).
        loss: mean squared or mean absolute error of scaled values.
        train_stride: rows from one training window to the next; 1 uses every window in every epoch.
    """

    accepts = "series"
    causal = False
    pooled = True
    metric = "mse"
    direction: Literal["min", "max"] = "min"
    item = "windows"

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        channels: Channels = "shared",
        normalise: Normalise = "last",
        loss: Literal["mse", "mae"] = "mse",
        train_stride: Positive = 1,
    ):
        self.form = SeriesForm.from_dict(description)
        self.channels: Channels = channels
        self.normalise: Normalise = normalise
        self.trained_on, self.train_stride = loss, train_stride
        self._columns = 1 if channels == "shared" else len(self.form.targets)
        self._baselines: tuple[Series, dict[str, Forecast]] | None = None

    @property
    def signature(self) -> Signature:
        """Inputs: real values; outputs: one number per step of the horizon and target, once per window."""
        return Signature(
            channels=self._columns + self.form.features,
            outputs=self.form.horizon * self._columns,
            pooled=True,
            features=self.form.horizon * self.form.features,
        )

    def describe(self) -> dict[str, Any]:
        """Return the form of the series as plain values."""
        return self.form.to_dict()

    def train_batches(self, data: Series, training: TrainingConfig, seed: int) -> Batches:
        """Return the windows of the training rows in a permuted order."""
        windows = self._windows(data)
        return ForecastTrainWindows(windows, training.batch_size, stride=self.train_stride, seed=seed)

    def eval_batches(self, data: Series, split: Split, training: TrainingConfig) -> Batches:
        """Return every window whose whole horizon is in the split; its context may begin before it.

        Of train these are the last ones, as many as of test.
        """
        start, end = data.splits[split]
        if split == "train":
            first, last = data.splits["test"]
            start = max(start, end - (last - first))
        return self._eval_windows(data, (start, end), training)

    def file_batches(self, path: Path, training: TrainingConfig) -> Batches:
        """Return every window of another file in this format.

        Raises:
            DataError: the file is missing, unreadable, too short or in another format.
        """
        data = read_series(path, self.form, setting="path")
        return self._eval_windows(data, data.splits["file"], training)

    def _windows(self, data: Series) -> ForecastWindows:
        return ForecastWindows(data, self.channels, self.normalise)

    def _eval_windows(self, data: Series, rows: Rows, training: TrainingConfig) -> ForecastEvalWindows:
        return ForecastEvalWindows(self._windows(data), rows, training.eval_batch_size)

    def loss(self, network: Network, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the summed loss over all observed values of a batch."""
        error = _errors(network, batch, key)
        total = (error**2).sum() if self.trained_on == "mse" else jnp.abs(error).sum()
        return Loss(total=total, items=batch["observed"].sum(dtype=jnp.float32), carry=carry)

    def score(self, network: Network, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the sums of squared and absolute errors by step of the horizon and target."""
        error = _errors(network, batch, None)
        sums = {
            "squared": self._by_target(error**2, batch),
            "absolute": self._by_target(jnp.abs(error), batch),
            "count": self._by_target(batch["observed"].astype(jnp.int32), batch),
            "items": batch["mask"].sum(dtype=jnp.int32),
        }
        return carry, sums

    def _by_target(self, values: Array, batch: Batch) -> Array:
        if self.channels == "joint":
            return values.sum(axis=0)
        zeros = jnp.zeros((len(self.form.targets), self.form.horizon), values.dtype)
        return zeros.at[batch["channel"]].add(values[..., 0]).T

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return mse and mae, scaled and in units of the data, mase, and the number of scored windows."""
        if not np.asarray(sums["count"]).any():
            raise DataError("none of the windows to score has a known target value, expected at least one.")
        rows_per_window = len(self.form.targets) if self.channels == "shared" else 1
        return forecast_metrics({**sums, "items": int(sums["items"]) // rows_per_window}, self.form)

    def baselines(self, data: Series) -> dict[str, dict[str, float]]:
        """Return the metrics of last value, seasonal-naive and linear on every test window."""
        chosen = all_origins(data, "test")
        sums_of = {name: errors(data, chosen, forecast) for name, forecast in self._fitted(data).items()}
        scored = {name: forecast_metrics(sums, self.form) for name, sums in sums_of.items()}
        return {name: {key: value for key, value in row.items() if key != "items"} for name, row in scored.items()}

    def _fitted(self, data: Series) -> dict[str, Forecast]:
        if self._baselines is None or self._baselines[0] is not data:
            self._baselines = data, make_baselines(data)
        return self._baselines[1]

    def forecast(self, network: Network, data: Series, origin: np.ndarray) -> np.ndarray:
        """Return scaled forecasts.

        Args:
            network: the trained network.
            data: the rows.
            origin: the first row of each horizon, of shape (windows,).

        Returns:
            Forecasts of shape (windows, horizon, targets).
        """
        windows = self._windows(data)
        items = windows.items(origin)
        size = min(CHUNK, items.size)
        parts = [items[start : start + size] for start in range(0, items.size, size)]
        outputs = [np.asarray(_forecast(network, windows.batch(part, size)))[: part.size] for part in parts]
        joined = np.concatenate(outputs).astype(np.float64).reshape(len(origin), -1, self.form.horizon, self._columns)
        return joined.swapaxes(1, 2).reshape(len(origin), self.form.horizon, len(self.form.targets))

    def samples(self, network: Network, data: Series, seed: int) -> Sequence[Sample]:
        """Return the forecast in the middle of the test split, beside the truth and the last value."""
        chosen = all_origins(data, "test")
        origin = int(chosen[len(chosen) // 2])
        forecast = self.form.scaler.unscale(self.forecast(network, data, np.array([origin])))[0]
        return [forecast_report.sample(data, origin, forecast)]

    def figures(self, network: Network, data: Series, sums: Mapping[str, Any]) -> Mapping[str, Callable[[], Figure]]:
        """Return figures of the test split: forecasts, error over the horizon, residuals."""
        chosen = all_origins(data, "test")
        stride = 1 + chosen.size * self.form.horizon * len(self.form.targets) // MOST_DRAWN
        return forecast_report.figures(
            data, chosen[::stride], lambda origin: self.forecast(network, data, origin), self._fitted(data)
        )

    def predict(self, network: Network, *, file: Path) -> Prediction:
        """Forecast the steps after the last row of a CSV.

        Args:
            network: the trained network
            file: a CSV with the columns of the training data and at least as many rows as the context; - reads
                standard input. For a model with future covariates, rows with these and without targets follow

        Raises:
            DataError: the file is missing, unreadable, too short or in another format.
        """
        data = read_series(file, self.form, ahead=True)
        first = data.splits["ahead"][0]
        forecast = self.form.scaler.unscale(self.forecast(network, data, np.array([first])))[0]
        return forecast_report.prediction(data, first, forecast)


def _outputs(network: Network, batch: Batch, key: Array | None) -> Float[Array, "rows horizon columns"]:
    rows = batch["inputs"].shape[0]
    carry = network.zero_carry(rows)
    outputs, _ = network(batch["inputs"], carry, features=batch.get("features"), key=key)
    return outputs.reshape(batch["targets"].shape) * batch["scale"] + batch["location"]


def _errors(network: Network, batch: Batch, key: Array | None) -> Float[Array, "rows horizon columns"]:
    return jnp.where(batch["observed"], _outputs(network, batch, key) - batch["targets"], 0.0)


@jax.jit
def _forecast(network: Network, batch: Mapping[str, Array]) -> Float[Array, "rows horizon columns"]:
    return _outputs(network, batch, None)
