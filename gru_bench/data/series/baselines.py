"""Forecasts that need no network: last value, seasonal-naive, linear; and the errors of any forecast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.series.series import Series, Values, origins

Origins = NDArray[np.int64]
Forecast = Callable[[Origins], Values]
"""From first target rows, of shape (windows,), to scaled forecasts of shape (windows, horizon, targets)."""

RIDGE = 1e-8  # of the mean square of the inputs
_CHUNK_VALUES = 4_000_000


def make_baselines(series: Series) -> dict[str, Forecast]:
    """Return the baselines of a series by name; they use only the training rows and the context."""
    return {"last value": last_value(series), "seasonal-naive": seasonal_naive(series), "linear": linear(series)}


def last_value(series: Series) -> Forecast:
    """Return the forecast that repeats the last value of the context."""
    values, horizon = series.read, series.form.horizon
    return lambda origin: np.repeat(values[origin - 1][:, None], horizon, axis=1)


def seasonal_naive(series: Series) -> Forecast:
    """Return the forecast that repeats the last season, which may have begun before the context."""
    values, horizon, season = series.read, series.form.horizon, series.form.season
    ahead = np.arange(horizon) % season - season
    return lambda origin: values[np.maximum(origin[:, None] + ahead, 0)]


def linear(series: Series) -> Forecast:
    """Return one affine map from context to horizon, shared by all targets, with the last value subtracted.

    It is fitted by least squares on the training windows without missing targets; if there is none, it forecasts the
    last value. A tiny ridge term keeps it defined for fewer windows than weights, or identical windows.

    References: Zeng et al. 2023, Are transformers effective for time series forecasting? (NLinear).
    """
    form = series.form
    values, read = series.scaled, series.read
    square, product = np.zeros((form.context, form.context)), np.zeros((form.context, form.horizon))
    starts = np.array(origins(form, series.splits["train"]), np.int64) - form.context
    for target in range(len(form.targets)):
        for part in _chunks(starts, form.context + form.horizon):
            windows = _windows(values[:, target], form.context + form.horizon)[part]
            observed = _windows(series.observed[:, target], form.context + form.horizon)[part, form.context :]
            complete = observed.all(axis=1)
            contexts = _windows(read[:, target], form.context)[part][complete]
            inputs = _without_last(contexts)
            square += inputs.T @ inputs
            product += inputs.T @ (windows[complete, form.context :] - contexts[:, -1:])
    ridge = RIDGE * max(np.trace(square) / form.context, 1.0)
    weights = np.linalg.solve(square + ridge * np.eye(form.context), product)

    def forecast(origin: Origins) -> Values:
        contexts = _windows(read, form.context)[origin - form.context]  # (windows, targets, context)
        flat = contexts.reshape(-1, form.context)
        changed = flat[:, -1:] + _without_last(flat) @ weights
        return changed.reshape(len(origin), -1, form.horizon).swapaxes(1, 2)

    return forecast


def _windows(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Return all windows of consecutive rows, as views: (first row, ..., length)."""
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=0)


def _without_last(contexts: Values) -> Values:
    """Return contexts, of shape (rows, context), minus their last value, which is replaced by a one."""
    changed = contexts - contexts[:, -1:]
    changed[:, -1] = 1.0
    return changed


def _chunks(numbers: NDArray[np.int64], values_each: int) -> list[NDArray[np.int64]]:
    return np.array_split(numbers, max(1, -(-len(numbers) * values_each // _CHUNK_VALUES)))


def errors(series: Series, chosen: Origins, forecast: Forecast) -> dict[str, Any]:
    """Return the sums of errors over some windows, from which metrics are computed.

    Returns:
        `squared`, `absolute`: sums of scaled errors by step of the horizon and target, of shape (horizon, targets);
        `count`: number of observed values, of the same shape; `items`: windows.
    """
    values = series.scaled
    shape = (series.form.horizon, len(series.form.targets))
    sums = {"squared": np.zeros(shape), "absolute": np.zeros(shape), "count": np.zeros(shape, np.int64), "items": 0}
    for part in _chunks(chosen, shape[0] * shape[1]):
        after = part[:, None] + np.arange(series.form.horizon)
        observed = series.observed[after]
        error = np.where(observed, forecast(part) - values[after], 0.0)
        sums["squared"] += (error**2).sum(axis=0)
        sums["absolute"] += np.abs(error).sum(axis=0)
        sums["count"] += observed.sum(axis=0)
        sums["items"] += len(part)
    return sums


def all_origins(series: Series, split: str) -> Origins:
    """Return the first target rows of all windows of a split."""
    return np.array(origins(series.form, series.splits[split]), np.int64)
