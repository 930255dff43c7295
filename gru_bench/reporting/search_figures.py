"""Pictures of a search: what was tried, what mattered, and what more trials would have bought."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from gru_bench.plotting import COLOURS, new_figure
from gru_bench.reporting.format import number
from gru_bench.results.importance import FEWEST, importance
from gru_bench.results.statistics.tuning import expected_best
from gru_bench.search.space import Choice, Interval, Parameter, Value
from gru_bench.search.trials import Search, Trial

_GREY = "0.6"
_LOOKS: Mapping[str, Literal["-", "--", ":"]] = {"finished": "-", "pruned": "--", "diverged": ":"}
_COLOUR_MAP = colormaps["viridis"]
_FAR = 4


def parallel_coordinates(search: Search) -> Figure:
    """Draw each trial as a line through its settings, left to right, to its validation value; the best is thick.

    Colour is the rank of the value among the trials, dashes are pruned trials, dots diverged ones; what was never
    evaluated ends at the last setting.
    """
    keys = list(search.space.searched)
    figure, ((panel,),) = new_figure(width=max(5.6, 1.9 * (len(keys) + 1)), height=3.8)
    panel.grid(visible=False)
    panel.spines[["left", "bottom"]].set_visible(False)
    panel.set_yticks([])
    panel.set_xticks(range(len(keys) + 1), [*keys, f"validation {search.metric}"], fontsize=8)
    panel.tick_params(axis="x", length=0)
    panel.set_xlim(-0.45, len(keys) + 0.45)
    panel.set_ylim(-0.06, 1.06)
    for place, key in enumerate(keys):
        _axis(panel, place, *_ticks(search.space.parameters[key]))
    scale = _ValueScale(search)
    _axis(panel, len(keys), *scale.ticks())
    shares = _rank_shares(search)
    for trial in sorted(search.ended, key=lambda trial: -shares[trial.number]):  # the best on top
        heights = [_height(search.space.parameters[key], trial.values[key]) for key in keys]
        heights += [] if trial.value is None else [scale(trial.value)]
        is_best = search.best is not None and trial.number == search.best.number
        panel.plot(
            heights,
            color=_COLOUR_MAP(0.95 * shares[trial.number]) if trial.value is not None else _GREY,
            linestyle=_LOOKS[trial.outcome],
            linewidth=3 if is_best else 1.2,
            alpha=1 if is_best else 0.75,
            solid_capstyle="round",
        )
    _outcome_legend(figure, search)
    return figure


def importance_bars(search: Search) -> Figure | None:
    """Draw how much each setting says about the rank of a trial; None where there are too few trials.

    Bars are means over repetitions, with their standard deviation; see `gru_bench.results.importance`.
    """
    pairs = [(trial, value) for trial in search.ended if (value := search.value_or_worst(trial)) is not None]
    parameters = search.space.searched
    if len(pairs) < FEWEST or len({value for _, value in pairs}) == 1:
        return None
    columns = {
        key: [_height(parameter, trial.values[key]) for trial, _ in pairs] for key, parameter in parameters.items()
    }
    found = importance(columns, [value for _, value in pairs])
    order = sorted(found.lost, key=lambda key: found.lost[key].mean())
    figure, ((panel,),) = new_figure(height=1.3 + 0.38 * len(order))
    panel.barh(
        order,
        [found.lost[key].mean() for key in order],
        xerr=[found.lost[key].std() for key in order],
        color=COLOURS[0],
        error_kw={"elinewidth": 1.2, "capsize": 3, "ecolor": "0.2"},
        height=0.6,
    )
    panel.axvline(0, color="0.3", linewidth=0.8)
    panel.grid(visible=False, axis="y")
    panel.set_xlabel("R² of the ranks that is lost when it is shuffled", fontsize=9)
    explained = found.explained.mean()
    verdict = f"{len(pairs)} trials; all settings together: R² {explained:.2f} on held-out trials"
    panel.set_title(verdict if explained > 0 else f"{verdict}: they say nothing about it", fontsize=9)
    return figure


def budget_curve(search: Search) -> Figure | None:
    """Draw the expected best validation value against the number of trials; of guided trials, the best so far.

    A pruned trial counts with the best value that it had reached, one that was never evaluated with the worst one of
    all. None where no trial was evaluated.
    """
    values = [value for trial in search.ended if (value := search.value_or_worst(trial)) is not None]
    if not values:
        return None
    figure, ((panel,),) = new_figure()
    budgets = np.arange(1, len(values) + 1)
    if search.method == "random":
        curve = expected_best(np.array(values), maximise=search.direction == "max")
        panel.set_ylabel(f"expected best validation {search.metric}")
    else:
        best_of = np.minimum if search.direction == "min" else np.maximum
        curve = best_of.accumulate(np.array(values))
        panel.set_ylabel(f"best validation {search.metric} so far")
        panel.plot(budgets, values, "o", color=_GREY, markersize=4, label="trial")
    panel.plot(budgets, curve, color=COLOURS[0], linewidth=1.8, marker="o", markersize=3)
    panel.set_xlabel("trials")
    panel.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    _keep_in_sight(panel, values, curve)
    return figure


def _keep_in_sight(panel: Axes, values: Sequence[float], curve: np.ndarray) -> None:
    """Keep the few trials that went astray from flattening the curve."""
    low, high = float(np.min(curve)), float(np.max(curve))
    span = (high - low) or abs(high) or 1.0
    if max(values) - min(values) > 3 * span:
        panel.set_ylim(low - 0.2 * span, high + 0.2 * span)


class _ValueScale:
    """From validation values to the height of the last axis, larger ones higher.

    It ends `_FAR` times as far from the best value as the median is; what went further astray stands at its end.
    """

    def __init__(self, search: Search):
        values = sorted(
            (trial.value for trial in search.ended if trial.value is not None), key=lambda x: search.sign * x
        )
        best, worst = (values[0], values[-1]) if values else (0.0, 1.0)
        end = best + _FAR * (float(np.median(values)) - best) if values else worst
        self._astray = search.sign * (worst - end) > 0 and end != best
        self._sign = search.sign
        self._low, self._high = sorted((best, end if self._astray else worst))
        if self._high == self._low:
            self._low, self._high = self._low - 0.5, self._high + 0.5

    def __call__(self, value: float) -> float:
        return min(max((value - self._low) / (self._high - self._low), 0.0), 1.0)

    def ticks(self) -> tuple[list[float], list[str]]:
        values = np.linspace(self._low, self._high, 5).tolist()
        labels = [number(value) for value in values]
        if self._astray:
            end, beyond = (-1, "≥") if self._sign > 0 else (0, "≤")
            labels[end] = f"{beyond} {labels[end]}"
        return [self(value) for value in values], labels


def _axis(panel: Axes, place: int, heights: Sequence[float], labels: Sequence[str]) -> None:
    panel.plot([place, place], [0, 1], color="0.4", linewidth=0.9, zorder=3)
    for height, label in zip(heights, labels, strict=True):
        panel.plot([place - 0.02, place + 0.02], [height, height], color="0.4", linewidth=0.9, zorder=3)
        panel.annotate(
            label,
            (place, height),
            xytext=(5 if place else -5, 0),
            textcoords="offset points",
            ha="left" if place else "right",
            va="center",
            fontsize=7,
            zorder=4,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
        )


def _height(parameter: Parameter, value: Value) -> float:
    """Return where a value stands on the axis of its parameter, in [0, 1]."""
    if isinstance(parameter, Choice):
        return parameter.values.index(value) / (len(parameter.values) - 1)
    low, high, plain = (float(end) for end in (parameter.low, parameter.high, value))
    if parameter.log:
        low, high, plain = math.log(low), math.log(high), math.log(plain)
    return (plain - low) / (high - low)


def _ticks(parameter: Parameter) -> tuple[list[float], list[str]]:
    if isinstance(parameter, Choice):
        return [_height(parameter, value) for value in parameter.values], [str(value) for value in parameter.values]
    values = _round_values(parameter)
    return [_height(parameter, value) for value in values], [f"{value:g}" for value in values]


def _round_values(parameter: Interval) -> list[float]:
    """Return the bounds and some round numbers between them."""
    low, high = float(parameter.low), float(parameter.high)
    if parameter.log:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        inner = [scale * 10.0**power for power in powers for scale in (1, 3)]
    else:
        inner = [float(value) for value in MaxNLocator(nbins=5).tick_values(low, high)]
    kept = [value for value in inner if 0.06 < _height(parameter, value) < 0.94]
    return [low, *kept, high]


def _rank_shares(search: Search) -> dict[int, float]:
    """Return the rank of each trial's value as a share, 0 the best; those without a value come last."""
    values = {trial.number: trial.value for trial in search.ended}
    order = sorted(values, key=lambda number: math.inf if (value := values[number]) is None else search.sign * value)
    return {number: place / max(len(order) - 1, 1) for place, number in enumerate(order)}


def _outcome_legend(figure: Figure, search: Search) -> None:
    counts = {outcome: sum(trial.outcome == outcome for trial in search.ended) for outcome in _LOOKS}
    handles = [
        Line2D([], [], color="0.2", linestyle=_LOOKS[outcome], label=f"{count} {outcome}")
        for outcome, count in counts.items()
        if count
    ]
    best: Trial | None = search.best
    if best is not None:
        handles.append(Line2D([], [], color=_COLOUR_MAP(0.0), linewidth=3, label=f"best: trial {best.number}"))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False, fontsize=8)
