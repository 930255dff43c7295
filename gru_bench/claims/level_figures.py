"""Rows of a claim as curves: a number against a level, the best of a tuning budget, gradients against their lag."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from gru_bench.claims.claim import Claim, Part
from gru_bench.claims.rows import Row, level_number, levels_in_order
from gru_bench.claims.wording import shortened
from gru_bench.plotting import COLOURS, STYLES, legend_above, new_figure, save_small_figure
from gru_bench.reporting.figures import short_count
from gru_bench.results.statistics import expected_best, mean_interval

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WIDE, DEEP = 8.0, 100.0  # greatest over least: from here on, levels and values stand on log axes
ASIDE = 0.012  # of the axis, between neighbouring arms, so that their intervals do not hide each other
LONGEST_TITLE, LONGEST_LABEL = 46, 36  # characters
LEGEND_ENTRY = 1.4  # inches

_LAG = re.compile(r"(?:carry_)?lag_(\d+)")


def over_levels(claim: Claim, part: Part, number: str, rows: Sequence[Row], path: Path) -> bool:
    """Draw mean and 95 % interval over seeds of a number against the level, per arm, a panel per setting.

    Args:
        claim: whose rows they are.
        part: has levels.
        number: the column.
        rows: of the part.
        path: the PNG file; its folder is made.

    Returns:
        Whether there was anything to draw.
    """
    known = [row for row in rows if row.numbers.get(number) is not None]
    settings = [name for name in part.settings if any(row.key.setting == name for row in known)]
    if not settings or part.levels is None:
        return False
    figure, panels = _panels(len(settings))
    arms = _names(claim, part)
    for panel, setting in zip(panels, settings, strict=True):
        of_setting = [row for row in known if row.key.setting == setting]
        levels = levels_in_order(part, (row.key.level for row in of_setting))
        place = _level_axis(panel, levels)
        for index, (arm, name) in enumerate(arms.items()):
            aside = (index - (len(arms) - 1) / 2) * ASIDE
            of_arm = [row for row in of_setting if row.key.arm == arm]
            values = {
                place(level, aside): [row.numbers[number] or 0.0 for row in of_arm if row.key.level == level]
                for level in levels
            }
            _intervals(panel, {x: found for x, found in values.items() if found}, _look(name, index))
        _value_axis(panel, [value for row in of_setting if (value := row.numbers[number]) is not None])
        _title(panel, claim.settings[setting].title)
        panel.set_xlabel(shortened(part.levels.title, LONGEST_LABEL))
        unit = claim.settings[setting].unit if number in ("test", "valid", "train") else ""
        label = f"{number.replace('_', ' ')}{f', {unit}' if unit else ''}"
        panel.set_ylabel(shortened(label, LONGEST_LABEL))
    _finish(figure, panels, path)
    return True


def tuning_budget(claim: Claim, part: Part, rows: Sequence[Row], path: Path) -> bool:
    """Draw the expected best validation value of a random search against its number of trials, a panel per setting.

    A trial that diverged counts as the worst value that any arm had in the setting. Arguments and return value are as
    in `over_levels`.
    """
    settings = [
        name
        for name in part.settings
        if any(row.key.setting == name and row.numbers.get("valid") is not None for row in rows)
    ]
    if not settings:
        return False
    figure, panels = _panels(len(settings))
    for panel, setting in zip(panels, settings, strict=True):
        maximise = claim.settings[setting].better == "more"
        of_setting = [row for row in rows if row.key.setting == setting]
        known = [value for row in of_setting if (value := row.numbers.get("valid")) is not None]
        worst = min(known) if maximise else max(known)
        for index, (arm, name) in enumerate(_names(claim, part).items()):
            trials: dict[str, list[float]] = {}
            for row in of_setting:
                if row.key.arm == arm:
                    value = row.numbers.get("valid")
                    trials.setdefault(row.key.level, []).append(worst if value is None else value)
            if trials:
                best = expected_best(np.array([fmean(values) for values in trials.values()]), maximise=maximise)
                panel.plot(range(1, len(best) + 1), best, **_look(name, index))
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        _title(panel, claim.settings[setting].title)
        panel.set_xlabel("trials")
        label = f"expected best, {claim.settings[setting].unit}"
        panel.set_ylabel(shortened(label, LONGEST_LABEL))
    _finish(figure, panels, path)
    return True


def over_lags(claim: Claim, part: Part, rows: Sequence[Row], path: Path) -> bool:
    """Draw columns `lag_1`, ... or `carry_lag_1`, ... per arm, geometric means over seeds, a panel for each setting.

    Arguments and return value are as in `over_levels`.
    """
    lags = {int(found[1]): name for name in part.numbers if (found := _LAG.fullmatch(name))}
    known = [row for row in rows if any(row.numbers.get(name) for name in lags.values())]
    levels = levels_in_order(part, (row.key.level for row in known))
    present = {(row.key.setting, row.key.level) for row in known}
    places = [(setting, level) for setting in part.settings for level in levels if (setting, level) in present]
    if not places:
        return False
    figure, panels = _panels(len(places))
    for panel, (setting, level) in zip(panels, places, strict=True):
        here = [row for row in known if (row.key.setting, row.key.level) == (setting, level)]
        for index, (arm, name) in enumerate(_names(claim, part).items()):
            points = {lag: _geometric(here, arm, lags[lag]) for lag in sorted(lags)}
            drawn = {lag: value for lag, value in points.items() if value is not None}
            if drawn:
                panel.plot(list(drawn), list(drawn.values()), **_look(name, index))
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.xaxis.set_major_formatter(FuncFormatter(short_count))
        panel.xaxis.set_minor_formatter(NullFormatter())
        title = claim.settings[setting].title
        if part.levels is not None:
            title += f", {part.levels.title} {level}"
        _title(panel, title)
        panel.set_xlabel("lag, time steps")
        panel.set_ylabel("norm of the gradient")
    _finish(figure, panels, path)
    return True


def has_lags(part: Part) -> bool:
    """Return whether rows of a part hold norms by lag."""
    return any(_LAG.fullmatch(name) for name in part.numbers)


def _geometric(rows: Sequence[Row], arm: str, column: str) -> float | None:
    """Return the geometric mean over seeds; None where a seed has no number above zero."""
    values = [row.numbers.get(column) for row in rows if row.key.arm == arm]
    positive = [value for value in values if value is not None and value > 0]
    if not positive or len(positive) < len(values):
        return None
    return math.exp(fmean(math.log(value) for value in positive))


def _intervals(panel: Axes, values: Mapping[float, Sequence[float]], look: Mapping[str, Any]) -> None:
    """Draw means and intervals of one arm by their place on the axis."""
    if not values:
        return
    found = [(x, mean_interval(seeds)) for x, seeds in values.items()]
    panel.plot([x for x, _ in found], [one.mean for _, one in found], **look)
    known = [(x, one.low, one.high) for x, one in found if one.low is not None and one.high is not None]
    if known:
        panel.vlines(*zip(*known, strict=True), color=look["color"], linewidth=1.2)


def _title(panel: Axes, text: str) -> None:
    panel.set_title(shortened(text, LONGEST_TITLE), fontsize=8.5)


def _names(claim: Claim, part: Part) -> dict[str, str]:
    """Name the arms of a part for people; those that share a title by their own names."""
    titles = {arm: claim.title_of(arm) for arm in claim.arms_of(part)}
    shared = Counter(titles.values())
    return {arm: title if shared[title] == 1 else arm.replace("_", " ") for arm, title in titles.items()}


def _look(name: str, index: int) -> dict[str, Any]:
    return {
        "label": shortened(name, LONGEST_LABEL),
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": STYLES[(index + index // len(COLOURS)) % len(STYLES)],
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4,
        "linewidth": 1.5,
    }


def _level_axis(panel: Axes, levels: Sequence[str]) -> Callable[[str, float], float]:
    """Make the axis of levels: numbers stand at themselves, words one after the other.

    Returns:
        A function that gives a level's place on it, moved aside by a share of the axis.
    """
    numbers = [level_number(level) for level in levels]
    values = [float(index) if None in numbers or number is None else number for index, number in enumerate(numbers)]
    places = dict(zip(levels, values, strict=True))
    low, high = min(values), max(values)
    logarithmic = None not in numbers and low > 0 and high / low >= WIDE
    if logarithmic:
        panel.set_xscale("log")
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xticks(values, [shortened(level, LONGEST_LABEL) for level in levels])
    if None in numbers:
        panel.margins(x=0.15)

    def place(level: str, aside: float) -> float:
        if logarithmic:
            return places[level] * (high / low) ** aside
        return places[level] + ((high - low) or 1.0) * aside

    return place


def _value_axis(panel: Axes, values: Sequence[float]) -> None:
    if min(values) > 0 and max(values) / min(values) >= DEEP:
        panel.set_yscale("log")
        panel.set_ylim(min(values) / 2, max(values) * 2)  # an interval of a mean may reach below zero


def _panels(count: int) -> tuple[Any, list[Axes]]:
    columns = 2 if count in (2, 4) else min(count, 3)
    figure, axes = new_figure(columns, math.ceil(count / columns), width=4.6 if columns == 1 else 3.5, height=2.9)
    panels = [panel for line in axes for panel in line]
    for empty in panels[count:]:
        empty.set_visible(False)
    return figure, panels[:count]


def _finish(figure: Any, panels: Sequence[Axes], path: Path) -> None:
    for panel in panels:
        for axis in (panel.xaxis, panel.yaxis):
            axis.label.set_fontsize(8.5)
    legend_above(figure, panels, in_row=max(1, int(figure.get_figwidth() / LEGEND_ENTRY)))
    for text in figure.legends[0].get_texts():
        text.set_fontsize(8.5)
    save_small_figure(figure, path)
