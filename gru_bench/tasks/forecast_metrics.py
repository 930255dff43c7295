"""Metrics of forecasts from summed errors; the same for networks and baselines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_bench.data.series.series import SeriesForm


def forecast_metrics(sums: Mapping[str, Any], form: SeriesForm) -> dict[str, float]:
    """Return the metrics of forecasts.

    Args:
        sums: `squared`, `absolute`: sums of scaled errors, `count`: the number of values in them, all of shape
            (horizon, targets); `items`: windows.
        form: deviations and seasonal-naive errors of the training rows.

    Returns:
        `mse`, `mae`: means over all observed values, scaled by the training statistics; `mse_units`, `mae_units`: in
        the units of the targets, mean over targets; `mase`: mean absolute error divided by that of the seasonal-naive
        forecast over the training rows, mean over targets, if any has one; `items`: windows.

    References: Hyndman & Koehler 2006, Another look at measures of forecast accuracy (MASE).
    """
    squared, absolute = (np.asarray(sums[name], np.float64).sum(axis=0) for name in ("squared", "absolute"))
    count = np.asarray(sums["count"], np.int64).sum(axis=0)
    seen = count > 0
    deviation = np.array(form.scaler.deviation)[seen]
    absolute_units = absolute[seen] / count[seen] * deviation
    metrics = {
        "mse": float(squared.sum() / count.sum()),
        "mae": float(absolute.sum() / count.sum()),
        "mse_units": float((squared[seen] / count[seen] * deviation**2).mean()),
        "mae_units": float(absolute_units.mean()),
    }
    naive = np.array([np.nan if error is None else error for error in form.naive_error])[seen]
    if not np.isnan(naive).all():
        metrics["mase"] = float(np.nanmean(absolute_units / naive))
    return {**metrics, "items": int(sums["items"])}


def error_by_step(sums: Mapping[str, Any]) -> np.ndarray:
    """Return the mean squared scaled error of each step of the horizon, of shape (horizon,)."""
    return np.asarray(sums["squared"]).sum(axis=1) / np.maximum(np.asarray(sums["count"]).sum(axis=1), 1)
