"""Rows of a claim as curves: a number against a level, the best of a tuning budget, gradients against their lag."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from gru_bench.claims.claim import Claim, Part
from gru_bench.claims.panels import (
    LONGEST_LABEL,
    arm_looks,
    draw_intervals,
    new_panels,
    save,
    set_title,
    value_axis,
)
from gru_bench.claims.rows import Row, level_number, levels_in_order
from gru_bench.claims.wording import shortened
from gru_bench.reporting.figures import short_count
from gru_bench.results.statistics import expected_best

WIDE = 8.0  # greatest over least: from here on, levels stand on a log axis
ASIDE = 0.012  # of the axis, between neighbouring arms, so that their intervals do not hide each other

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
    figure, panels = new_panels(len(settings))
    arms = arm_looks(claim, part)
    for panel, setting in zip(panels, settings, strict=True):
        of_setting = [row for row in known if row.key.setting == setting]
        levels = levels_in_order(part, (row.key.level for row in of_setting))
        place = _level_axis(panel, levels)
        for index, (arm, look) in enumerate(arms.items()):
            aside = (index - (len(arms) - 1) / 2) * ASIDE
            of_arm = [row for row in of_setting if row.key.arm == arm]
            values = {
                place(level, aside): [row.numbers[number] or 0.0 for row in of_arm if row.key.level == level]
                for level in levels
            }
            draw_intervals(panel, {x: found for x, found in values.items() if found}, look)
        value_axis(panel, [value for row in of_setting if (value := row.numbers[number]) is not None])
        set_title(panel, claim.settings[setting].title)
        panel.set_xlabel(shortened(part.levels.title, LONGEST_LABEL))
        unit = claim.settings[setting].unit if number in ("test", "valid", "train") else ""
        label = f"{number.replace('_', ' ')}{f', {unit}' if unit else ''}"
        panel.set_ylabel(shortened(label, LONGEST_LABEL))
    save(figure, panels, path)
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
    figure, panels = new_panels(len(settings))
    for panel, setting in zip(panels, settings, strict=True):
        maximise = claim.settings[setting].better == "more"
        of_setting = [row for row in rows if row.key.setting == setting]
        known = [value for row in of_setting if (value := row.numbers.get("valid")) is not None]
        worst = min(known) if maximise else max(known)
        for arm, look in arm_looks(claim, part).items():
            trials: dict[str, list[float]] = {}
            for row in of_setting:
                if row.key.arm == arm:
                    value = row.numbers.get("valid")
                    trials.setdefault(row.key.level, []).append(worst if value is None else value)
            if trials:
                best = expected_best(np.array([fmean(values) for values in trials.values()]), maximise=maximise)
                panel.plot(range(1, len(best) + 1), best, **look)
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        set_title(panel, claim.settings[setting].title)
        panel.set_xlabel("trials")
        label = f"expected best, {claim.settings[setting].unit}"
        panel.set_ylabel(shortened(label, LONGEST_LABEL))
    save(figure, panels, path)
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
    figure, panels = new_panels(len(places))
    for panel, (setting, level) in zip(panels, places, strict=True):
        here = [row for row in known if (row.key.setting, row.key.level) == (setting, level)]
        for arm, look in arm_looks(claim, part).items():
            points = {lag: _geometric(here, arm, lags[lag]) for lag in sorted(lags)}
            drawn = {lag: value for lag, value in points.items() if value is not None}
            if drawn:
                panel.plot(list(drawn), list(drawn.values()), **look)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.xaxis.set_major_formatter(FuncFormatter(short_count))
        panel.xaxis.set_minor_formatter(NullFormatter())
        title = claim.settings[setting].title
        if part.levels is not None:
            title += f", {part.levels.title} {level}"
        set_title(panel, title)
        panel.set_xlabel("lag, time steps")
        panel.set_ylabel("norm of the gradient")
    save(figure, panels, path)
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
