"""Detectors that need no network: forecasts whose errors take the same path to a score."""

from __future__ import annotations

import numpy as np

from gru_bench.data.labelled_series.detection import detection_metrics, mean_metrics
from gru_bench.data.labelled_series.labelled_series import LabelledSeries, scored_rows
from gru_bench.data.labelled_series.scores import fit_scorer
from gru_bench.data.series.baselines import Forecast, last_value, seasonal_naive
from gru_bench.data.series.series import Rows, Series, Values

RIDGE = 1e-4  # of the number of rows: inputs are scaled


def detect(data: LabelledSeries, smoothing: int, false_alarms: float) -> dict[str, dict[str, float]]:
    """Return the metrics of each baseline on the test rows, mean over the series."""
    makers = {
        "deviation from mean": lambda series: (
            lambda origin: np.zeros((len(origin), series.form.horizon, len(series.form.targets)))
        ),
        "difference to last": last_value,
        "seasonal-naive": seasonal_naive,
        "linear autoregression": linear_autoregression,
    }
    result = {}
    for baseline, make in makers.items():
        rows = []
        for name, series in data.members.items():
            forecast = make(series)
            scorer = fit_scorer(residuals(series, forecast, scored_rows(series, "train")), smoothing, false_alarms)
            test = scored_rows(series, "test")
            scores = scorer(residuals(series, forecast, test))
            rows.append(detection_metrics(data.anomalous[name][slice(*test)], scores, scorer.threshold, false_alarms))
        result[baseline] = mean_metrics(rows)
    return result


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
