"""Tables and figures of forecasts, in the units of the targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gru_bench.data.series.baselines import Forecast, Origins, errors
from gru_bench.data.series.series import Series, Values
from gru_bench.plotting import COLOURS, STYLES, legend_above, new_figure
from gru_bench.tasks.forecast_metrics import error_by_step
from gru_bench.tasks.task import Prediction, Sample

TABLE_ROWS = 24
NETWORK = "network"
TRUTH = "0.25"
DRAWN_WINDOWS, DRAWN_TARGETS = 3, 3
BINS = np.linspace(-4.0, 4.0, 81)


def sample(series: Series, origin: int, forecast: Values) -> Sample:
    """Return one forecast of the last target beside the truth and the last value.

    Args:
        series: the rows.
        origin: the first row of the horizon.
        forecast: in units of the data, of shape (horizon, targets).
    """
    form = series.form
    target, place = form.targets[-1], len(form.targets) - 1
    steps = list(range(0, form.horizon, max(1, -(-form.horizon // TABLE_ROWS))))
    last = series.values[origin - 1, place]
    rows = [
        [
            series.labels[origin + step],
            _number(series.values[origin + step, place]) if series.observed[origin + step, place] else "missing",
            _number(forecast[step, place]),
            _number(last),
        ]
        for step in steps
    ]
    given = f"{form.context} rows up to {series.labels[origin - 1]}"
    return Sample(given, _table(["", target, "forecast", "last value"], rows))


def prediction(series: Series, first: int, forecast: Values) -> Prediction:
    """Return a forecast of future rows.

    Args:
        series: rows; those from `first` on have no targets.
        first: the first row of the horizon.
        forecast: in units of the data, of shape (horizon, targets).
    """
    form = series.form
    if series.time is None:
        names = [("step", step + 1) for step in range(form.horizon)]
    else:
        names = [("time", series.labels[first + step]) for step in range(form.horizon)]
    rows = [
        {key: name, **dict(zip(form.targets, map(float, values), strict=True))}
        for (key, name), values in zip(names, forecast, strict=True)
    ]
    shown = [[str(name), *map(_number, values)] for (_, name), values in zip(names, forecast, strict=True)]
    text = _table([names[0][0], *form.targets], shown[:TABLE_ROWS])
    if len(shown) > TABLE_ROWS:
        text += f"\n... {len(shown) - TABLE_ROWS} more; out=FILE.csv has all"
    return Prediction(text, rows, lambda: _draw_prediction(series, first, forecast))


def figures(
    series: Series, chosen: Origins, network: Callable[[Origins], Values], baselines: Mapping[str, Forecast]
) -> dict[str, Callable[[], Figure]]:
    """Return functions that draw `forecast`, `error_over_horizon` and `residuals`.

    Args:
        series: the rows.
        chosen: first rows of the horizons, ascending.
        network: scaled forecasts of the network.
        baselines: the other forecasts.
    """
    computed = network(chosen)

    def cached(origin: Origins) -> Values:
        return computed[np.searchsorted(chosen, origin)]

    forecasts = {NETWORK: cached, **baselines}
    return {
        "forecast": lambda: _draw_forecasts(series, chosen, forecasts),
        "error_over_horizon": lambda: _draw_horizon(series, chosen, forecasts),
        "residuals": lambda: _draw_residuals(series, chosen, cached),
    }


def _draw_forecasts(series: Series, chosen: Origins, forecasts: Mapping[str, Forecast]) -> Figure:
    form = series.form
    places = np.linspace(0, chosen.size - 1, DRAWN_WINDOWS + 2).round().astype(int)[1:-1]
    origin = chosen[places]
    values_of = {name: form.scaler.unscale(forecast(origin)) for name, forecast in forecasts.items()}
    targets = _some_targets(len(form.targets))
    figure, axes = new_figure(len(origin), len(targets), width=3.6, height=2.4)
    steps = np.arange(1, form.horizon + 1)
    before = min(form.context, 3 * form.horizon)
    for row, target in zip(axes, targets, strict=True):
        for window, panel in enumerate(row):
            first = int(origin[window])
            _draw_truth(panel, series, target, slice(first - before, first + form.horizon), first)
            for order, (name, values) in enumerate(values_of.items()):
                style = STYLES[order % len(STYLES)]
                width = 1.8 if name == NETWORK else 1.0
                panel.plot(steps, values[window, :, target], style, color=COLOURS[order], linewidth=width, label=name)
            panel.axvline(0.5, color="0.7", linewidth=0.8)
            panel.set_title(f"after {series.labels[first - 1]}", fontsize=8)
        row[0].set_ylabel(_short(form.targets[target]), fontsize=8)
    for panel in axes[-1]:
        panel.set_xlabel(_step_name(series), fontsize=8)
    legend_above(figure, axes[0][:1])
    return figure


def _draw_horizon(series: Series, chosen: Origins, forecasts: Mapping[str, Forecast]) -> Figure:
    figure, axes = new_figure()
    panel = axes[0][0]
    steps = np.arange(1, series.form.horizon + 1)
    for order, (name, forecast) in enumerate(forecasts.items()):
        error = error_by_step(errors(series, chosen, forecast))
        style = STYLES[order % len(STYLES)]
        panel.plot(steps, error, style, color=COLOURS[order], linewidth=1.8 if name == NETWORK else 1.2, label=name)
    panel.set_xlabel(_step_name(series))
    panel.set_ylabel("mean squared error, scaled")
    panel.set_ylim(bottom=0)
    legend_above(figure, [panel])
    return figure


def _draw_residuals(series: Series, chosen: Origins, forecast: Forecast) -> Figure:
    form = series.form
    after = chosen[:, None] + np.arange(form.horizon)
    residual = forecast(chosen) - form.scaler.scale(series.values)[after]
    observed = series.observed[after]
    figure, axes = new_figure(2, width=4.2)
    histogram, over_time = axes[0]
    counts, _ = np.histogram(np.clip(residual[observed], BINS[0], BINS[-1]), bins=BINS)
    histogram.stairs(counts / max(counts.sum(), 1), BINS, fill=True, color=COLOURS[0], alpha=0.75)
    histogram.set_xlabel("forecast - truth, scaled (ends: and beyond)")
    histogram.set_ylabel("share of all steps and targets")
    known = np.maximum(observed.sum(axis=(1, 2)), 1)
    mean = np.where(observed, residual, 0.0).sum(axis=(1, 2)) / known
    size = np.sqrt(np.where(observed, residual**2, 0.0).sum(axis=(1, 2)) / known)
    when = chosen if series.clock is None else series.clock[chosen]
    over_time.plot(when, size, color=COLOURS[0], linewidth=0.8, label="root mean square")
    over_time.plot(when, mean, STYLES[1], color=COLOURS[1], linewidth=0.8, label="mean")
    over_time.set_xlabel("first step of the forecast" if series.time is None else "time of the first step")
    over_time.set_ylabel("forecast - truth of a window, scaled")
    over_time.tick_params(axis="x", labelrotation=30)
    over_time.legend(frameon=False)
    return figure


def _draw_prediction(series: Series, first: int, forecast: Values) -> Figure:
    form = series.form
    targets = _some_targets(len(form.targets))
    figure, axes = new_figure(1, len(targets), width=6.4, height=2.4, share_x=True)
    steps = np.arange(1, form.horizon + 1)
    for (panel,), target in zip(axes, targets, strict=True):
        _draw_truth(panel, series, target, slice(first - form.context, first), first)
        panel.plot(steps, forecast[:, target], color=COLOURS[0], linewidth=1.8, label="forecast")
        panel.axvline(0.5, color="0.7", linewidth=0.8)
        panel.set_ylabel(_short(form.targets[target]), fontsize=8)
    axes[0][0].set_title(f"after {series.labels[first - 1]}", fontsize=9)
    legend_above(figure, axes[0])
    axes[-1][0].set_xlabel(_step_name(series))
    return figure


def _draw_truth(panel: Axes, series: Series, target: int, rows: slice, first: int) -> None:
    values = np.where(series.observed[rows, target], series.values[rows, target], np.nan)
    panel.plot(np.arange(rows.start, rows.stop) - first + 1, values, color=TRUTH, linewidth=1.2, label="known")


def _some_targets(count: int) -> Sequence[int]:
    return np.unique(np.linspace(0, count - 1, min(count, DRAWN_TARGETS)).round().astype(int)).tolist()


def _step_name(series: Series) -> str:
    return "steps ahead" if series.form.step is None else f"steps ahead, each {series.form.step}"


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def _number(value: float) -> str:
    return f"{value:.6g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        )
        for line in lines
    )
