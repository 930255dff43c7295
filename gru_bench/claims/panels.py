"""Panels of curves with one legend: what the pictures of levels and of learning curves share."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from gru_bench.claims.claim import Claim, Part
from gru_bench.claims.wording import shortened
from gru_bench.plotting import COLOURS, STYLES, legend_above, new_figure, save_small_figure
from gru_bench.results.statistics import mean_interval

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DEEP = 100.0  # greatest over least: from here on, values stand on a log axis
LONGEST_TITLE, LONGEST_LABEL = 46, 36  # characters
SIDES = COLOURS[2], COLOURS[1]  # of the first and of the second arm of a comparison


def new_panels(count: int) -> tuple[Any, list[Axes]]:
    """Return a figure and its panels, one after the other."""
    columns = 2 if count in (2, 4) else min(count, 3)
    figure, axes = new_figure(columns, math.ceil(count / columns), width=4.6 if columns == 1 else 3.5, height=2.9)
    panels = [panel for line in axes for panel in line]
    for empty in panels[count:]:
        empty.set_visible(False)
    return figure, panels[:count]


def arm_looks(claim: Claim, part: Part) -> dict[str, dict[str, Any]]:
    """Return how each arm of a part is named and drawn.

    Two compared arms have the colours in which effects.png says that they are better, as far as these go. Arms that
    share a title are named by their own names.
    """
    arms = claim.arms_of(part)
    titles = {arm: claim.title_of(arm) for arm in arms}
    shared = Counter(titles.values())
    sides = dict.fromkeys(SIDES)
    for comparison in claim.comparisons:
        for colour, (arm, *more) in zip(SIDES, (comparison.first, comparison.second), strict=True):
            if not more and arm in arms and sides[colour] is None and arm not in sides.values():
                sides[colour] = arm
    colours = {arm: colour for colour, arm in sides.items()}
    others = itertools.cycle(colour for colour in COLOURS if colour not in SIDES)
    looks = {}
    for index, (arm, title) in enumerate(titles.items()):
        looks[arm] = {
            "label": shortened(title if shared[title] == 1 else arm.replace("_", " "), LONGEST_LABEL),
            "color": colours.get(arm) or next(others),
            "linestyle": STYLES[(index + index // len(COLOURS)) % len(STYLES)],
            "marker": MARKERS[index % len(MARKERS)],
            "markersize": 4,
            "linewidth": 1.5,
        }
    return looks


def draw_intervals(panel: Axes, values: Mapping[float, Sequence[float]], look: Mapping[str, Any]) -> None:
    """Draw means and intervals of one arm by their place on the axis."""
    if not values:
        return
    found = [(x, mean_interval(seeds)) for x, seeds in values.items()]
    panel.plot([x for x, _ in found], [one.mean for _, one in found], **look)
    known = [(x, one.low, one.high) for x, one in found if one.low is not None and one.high is not None]
    if known:
        panel.vlines(*zip(*known, strict=True), color=look["color"], linewidth=1.2)


def set_title(panel: Axes, text: str) -> None:
    """Write the title of a panel, cut to its width."""
    panel.set_title(shortened(text, LONGEST_TITLE), fontsize=8.5)


def value_axis(panel: Axes, values: Sequence[float]) -> None:
    """Make the value axis logarithmic where values are far apart."""
    if min(values) > 0 and max(values) / min(values) >= DEEP:
        panel.set_yscale("log")
        panel.set_ylim(min(values) / 2, max(values) * 2)  # an interval of a mean may reach below zero


def save(figure: Any, panels: Sequence[Axes], path: Path) -> None:
    """Write the figure with one legend for all panels."""
    for panel in panels:
        for axis in (panel.xaxis, panel.yaxis):
            axis.label.set_fontsize(8.5)
    legend_above(figure, panels, 8.5)
    save_small_figure(figure, path)
