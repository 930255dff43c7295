"""Effects of a claim with their intervals, one line each: what was found beside what is claimed and what matters."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from gru_bench.claims.finding import WORDS, Answer, Finding
from gru_bench.claims.panels import SIDES
from gru_bench.claims.wording import by_level, interval_text, place, shortened
from gru_bench.plotting import COLOURS, legend_above, new_figure, save_small_figure
from gru_bench.results.statistics import Interval

LOOKS = {  # colour and marker
    Answer.FIRST: (SIDES[0], "o"),
    Answer.SECOND: (SIDES[1], "X"),
    Answer.SAME: (COLOURS[0], "s"),
    Answer.OPEN: (COLOURS[5], "D"),
    Answer.INSENSITIVE: (COLOURS[3], "^"),
    Answer.UNCONTROLLED: (COLOURS[3], "v"),
    Answer.WITHDRAWN: (COLOURS[3], "x"),
    Answer.FLOOR: ("0.5", "_"),
    Answer.NO_DATA: ("0.5", "|"),
}
BESIDE = "0.55"  # grey of what does not decide
NEGLIGIBLE = "#e3e6ea"
MOST_LINES = 45  # in one picture; the tables have all
LINE, HEAD, FRAME, LEGEND, WIDTH = 0.22, 0.3, 0.75, 0.35, 9.0  # inches
LABEL_WIDTH, LONGEST_LABEL, LONGEST_HEAD, LONGEST_AXIS = 42, 100, 90, 60  # characters
NEXT = 0.6  # of a line, for each further line of a label
FAR = 10.0  # times the usual distance from no effect: what lies beyond stands at the edge, with an arrow
LETTERS = 8.0  # points


@dataclass
class _Scale:
    """Findings that share an axis."""

    ratio: bool
    unit: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def blocks(self) -> list[tuple[str, list[tuple[str, Finding]]]]:
        """Headings, and below each the labels of its findings: by comparison, or all of one place together."""
        places = {place(finding) for finding in self.findings}
        if len(places) == 1:
            lines = [(_broken(_named(finding)), finding) for finding in self.findings]
            return [(places.pop(), lines)]
        return [
            (name, [(_place(finding), finding) for finding in found])
            for name, found in groupby(self.findings, key=_named)
        ]

    @property
    def height(self) -> float:
        lines = sum(1 + NEXT * label.count("\n") for _, found in self.blocks for label, _ in found)
        return FRAME + HEAD * len(self.blocks) + LINE * lines

    @property
    def sides(self) -> tuple[str, str] | None:
        """Names of both arms where they are the same for all findings."""
        sides = {finding.sides for finding in self.findings}
        return sides.pop() if len(sides) == 1 else None


def forest(findings: Sequence[Finding], path: Path) -> int:
    """Draw the findings that have an effect; those that decide come first, the others in grey.

    Ratios share one axis, differences one for each unit. To the right the first arm is better; differences that do not
    matter are shaded.

    Args:
        findings: of a claim, those that decide first.
        path: the PNG file; its folder is made.

    Returns:
        How many findings were drawn.
    """
    drawn = [finding for finding in findings if finding.effect is not None][:MOST_LINES]
    scales = _scales(drawn)
    if not scales:
        return 0
    heights = [scale.height for scale in scales]
    figure, axes = new_figure(1, len(scales), width=WIDTH, height=[heights[0] + LEGEND, *heights[1:]])
    for scale, [panel] in zip(scales, axes, strict=True):
        _draw(panel, scale)
    name_looks(axes[0][0], drawn)
    legend_above(figure, axes[0], LETTERS + 0.5)
    save_small_figure(figure, path)
    return len(drawn)


def _scales(findings: Sequence[Finding]) -> list[_Scale]:
    found: dict[tuple[bool, str], _Scale] = {}
    for finding in findings:
        ratio = finding.comparison.scale == "ratio"
        key = (ratio, "" if ratio else finding.unit)
        found.setdefault(key, _Scale(*key)).findings.append(finding)
    return list(found.values())


def _named(finding: Finding) -> str:
    return f"{finding.comparison.name}{'' if finding.comparison.verdict else ' (does not decide)'}"


def _place(finding: Finding) -> str:
    """Name where a finding is from, a long one in two lines: the level in the second."""
    text = place(finding)
    if len(text) <= LABEL_WIDTH or not by_level(finding):
        return _broken(text)
    parts = (f"{finding.title},", f"{finding.factor} {finding.level}")
    return "\n".join(shortened(part, LABEL_WIDTH) for part in parts)


def _broken(text: str) -> str:
    """Break a label into lines where it is long."""
    return "\n".join(textwrap.wrap(shortened(text, LONGEST_LABEL), LABEL_WIDTH))


def _draw(panel: Axes, scale: _Scale) -> None:
    none = 1.0 if scale.ratio else 0.0
    if scale.ratio:
        panel.set_xscale("log")
    limits = _limits(scale)
    panel.set_xlim(*limits)
    y, ticks, labels = 0.0, list[float](), list[str]()
    for head, lines in scale.blocks:
        y += HEAD / LINE
        panel.text(
            0.0,
            y,
            shortened(head, LONGEST_HEAD),
            transform=panel.get_yaxis_transform(),
            fontsize=LETTERS,
            weight="bold",
            va="center",
            color="black" if any(finding.comparison.verdict for _, finding in lines) else BESIDE,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            zorder=4,
        )
        for name, finding in lines:
            deep = NEXT / 2 * name.count("\n")
            y += 1.0 + deep
            ticks.append(y)
            labels.append(name)
            _shade(panel, finding, y, deep, limits)
            _line(panel, finding, y, limits)
            y += deep
    panel.axvline(none, color="0.35", linewidth=1.0, zorder=1)
    panel.set_ylim(y + 0.8, 0.2)
    panel.set_yticks(ticks, labels)
    panel.tick_params(axis="y", length=0)
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)
    _ticks(panel, scale, *limits)
    first, second = scale.sides or ("first arm", "second arm")
    what = "factor" if scale.ratio else shortened(scale.unit, LONGEST_AXIS)
    panel.set_xlabel(shortened(f"← {second} better    {what}    {first} better →", 2 * LONGEST_AXIS), fontsize=LETTERS)


def _line(panel: Axes, finding: Finding, y: float, limits: tuple[float, float]) -> None:
    effect, comparison = finding.effect, finding.comparison
    if effect is None:
        return
    colour, marker = LOOKS[finding.kind]
    draw_effect(panel, y, effect, limits, colour if comparison.verdict else BESIDE, marker)
    panel.text(
        1.01,
        y,
        interval_text(effect, after="×") if comparison.scale == "ratio" else interval_text(effect, signed=True),
        transform=panel.get_yaxis_transform(),
        fontsize=LETTERS - 0.5,
        va="center",
        color="black" if comparison.verdict else BESIDE,
    )


def draw_effect(
    panel: Axes, y: float, effect: Interval, limits: tuple[float, float], colour: str, marker: str
) -> tuple[float, float]:
    """Draw an effect and its interval as far as they lie within the limits; an arrow at the edge stands for one beyond.

    Returns:
        Both ends of the line.
    """
    known = math.isfinite(effect.low) and math.isfinite(effect.high)
    ends = (effect.low, effect.high) if known else (effect.value, effect.value)
    low, high = (min(max(end, limits[0]), limits[1]) for end in ends)
    panel.plot([low, high], [y, y], color=colour, linewidth=1.8, solid_capstyle="butt", zorder=3)
    if effect.value < limits[0]:
        marker = "<"
    elif effect.value > limits[1]:
        marker = ">"
    value = min(max(effect.value, limits[0]), limits[1])
    panel.plot([value], [y], marker=marker, color=colour, markersize=5.5, linestyle="", clip_on=False, zorder=4)
    return low, high


def _shade(panel: Axes, finding: Finding, y: float, deep: float, limits: tuple[float, float]) -> None:
    margin = finding.comparison.margin_of(finding.setting)
    if margin:
        low, high = (1 / margin, margin) if finding.comparison.scale == "ratio" else (-margin, margin)
        ends = [max(low, limits[0]), min(high, limits[1])]
        panel.fill_between(ends, y - 0.5 - deep, y + 0.5 + deep, color=NEGLIGIBLE, linewidth=0, zorder=0)


def _limits(scale: _Scale) -> tuple[float, float]:
    """Return the ends of the axis: all effects, intervals and margins, but nothing much further out than most."""
    natural = math.log if scale.ratio else float
    effects = [finding.effect for finding in scale.findings if finding.effect is not None]
    margins = [margin for finding in scale.findings if (margin := finding.comparison.margin_of(finding.setting))]
    far = max([FAR * median(abs(natural(effect.value)) for effect in effects), *map(natural, margins)])
    ends = [0.0, *(sign * natural(margin) for margin in margins for sign in (-1, 1))]
    for effect in effects:
        ends += [natural(end) for end in (effect.low, effect.value, effect.high) if math.isfinite(end)]
    if far > 0:
        ends = [min(max(end, -far), far) for end in ends]
    room = (max(ends) - min(ends)) * 0.06 or 1.0
    low, high = min(ends) - room, max(ends) + room
    return (math.exp(low), math.exp(high)) if scale.ratio else (low, high)


def _ticks(panel: Axes, scale: _Scale, low: float, high: float) -> None:
    far = scale.ratio and high / low > 5
    subs = (1.0, 2.0, 5.0) if high / low < 1000 else (1.0,)
    panel.xaxis.set_major_locator(LogLocator(subs=subs) if far else MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}".replace("-", "−")))


def name_looks(panel: Axes, findings: Sequence[Finding]) -> None:
    """Name for a legend the looks that the findings have; sides by their names where these are the same for all."""
    sides = {finding.sides for finding in findings}
    first, second = sides.pop() if len(sides) == 1 else ("first", "second")
    names = {**WORDS, Answer.FIRST: f"{first} better", Answer.SECOND: f"{second} better"}
    used = {finding.kind for finding in findings if finding.comparison.verdict}
    for kind, (colour, marker) in LOOKS.items():
        if kind in used:
            look: dict[str, Any] = {"color": colour, "marker": marker, "linewidth": 1.8, "markersize": 5.5}
            panel.plot([], [], label=names[kind], **look)
    if any(finding.comparison.margin_of(finding.setting) for finding in findings):
        panel.fill_between([], [], [], color=NEGLIGIBLE, label="does not matter")
