"""Detectors that need no network: forecasts whose errors take the same path to a score."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gru_bench.data.labelled_series.detection import metrics_of_all
from gru_bench.data.labelled_series.labelled_series import LabelledSeries, scored_rows
from gru_bench.data.labelled_series.scores import fit_scorer
from gru_bench.data.series.baselines import Forecast, last_value, seasonal_naive
from gru_bench.data.series.series import Rows, Series, Values

RIDGE = 1e-4  # of the number of rows: inputs are scaled


def detect(data: LabelledSeries, smoothing: int, false_alarms: float) -> dict[str, dict[str, float]]:
    """Return the metrics of each baseline on the test rows, mean over the series."""
    makers = {
        "deviation from mean": mean_of_train,
        "difference to last": last_value,
        "seasonal-naive": seasonal_naive,
        "linear autoregression": linear_autoregression,
    }
    return {name: _metrics(data, make, smoothing, false_alarms) for name, make in makers.items()}


def _metrics(
    data: LabelledSeries, make: Callable[[Series], Forecast], smoothing: int, false_alarms: float
) -> dict[str, float]:
    anomalous, scores, scorers = [], [], []
    for name, series in data.members.items():
        forecast, test = make(series), scored_rows(series, "test")
        of_train = residuals(series, forecast, scored_rows(series, "train"))
        last = slice(data.span - 1, None, data.span)
        scorer = fit_scorer(of_train, smoothing, false_alarms, data.span)
        anomalous.append(data.anomalous[name][slice(*test)][last])
        scores.append(scorer(residuals(series, forecast, test))[last])
        scorers.append(scorer)
    return metrics_of_all(anomalous, scores, scorers, false_alarms, nab_score=data.nab_score)


def residuals(series: Series, forecast: Forecast, rows: Rows) -> Values:
    """Return the errors of all forecasts of each row, NaN where its value is missing.

    Args:
        series: the rows.
        forecast: from first rows of a horizon to scaled forecasts.
        rows: first row and the row after the last one.

    Returns:
        Errors of shape (rows, horizon * targets), those of the forecast one row ahead first.
    """
    start, end = rows
    horizon = series.form.horizon
    first = np.arange(start - horizon + 1, end)
    ahead = forecast(first)  # from first[i], its step h is row first[i] + h
    count = end - start
    of_row = np.stack([ahead[horizon - 1 - step :][:count, step] for step in range(horizon)], axis=1)
    errors = of_row - series.scaled[start:end, None]
    known = series.observed[start:end, None]
    return np.where(known, errors, np.nan).reshape(count, -1)


def mean_of_train(series: Series) -> Forecast:
    """Return the forecast of the mean over the training rows, which is 0 in scaled values."""
    shape = (series.form.horizon, len(series.form.targets))
    return lambda origin: np.zeros((len(origin), *shape))


def linear_autoregression(series: Series) -> Forecast:
    """Return an affine map from the context of all columns to their horizon, fitted by ridge on the training rows."""
    form, read = series.form, series.read
    columns = len(form.targets)
    contexts = np.lib.stride_tricks.sliding_window_view(read, form.context, axis=0).reshape(-1, columns * form.context)
    start, end = scored_rows(series, "train")
    first = np.arange(start, end - form.horizon + 1)
    after = first[:, None] + np.arange(form.horizon)
    whole = series.observed[after].all(axis=(1, 2))
    inputs = _with_one(contexts[first - form.context][whole])
    outputs = series.scaled[after][whole].reshape(-1, form.horizon * columns)
    square = inputs.T @ inputs + RIDGE * max(len(inputs), 1) * np.eye(inputs.shape[1])
    weights = np.linalg.solve(square, inputs.T @ outputs)

    def forecast(origin: np.ndarray) -> Values:
        return (_with_one(contexts[origin - form.context]) @ weights).reshape(len(origin), form.horizon, columns)

    return forecast


def _with_one(inputs: Values) -> Values:
    return np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
