"""Effects of a claim with their intervals, one line each: what was found beside what is claimed and what matters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from gru_bench.claims.comparison import Comparison
from gru_bench.claims.finding import WORDS, Answer, Finding
from gru_bench.claims.wording import interval_text, place, shortened, told
from gru_bench.plotting import COLOURS, legend_above, new_figure, save_small_figure

LOOKS = {  # colour and marker
    Answer.FIRST: (COLOURS[2], "o"),
    Answer.SECOND: (COLOURS[1], "X"),
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
LONGEST_LABEL, LONGEST_HEAD, LONGEST_AXIS = 54, 66, 30  # characters


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
            lines = [(shortened(_named(finding.comparison), LONGEST_LABEL), finding) for finding in self.findings]
            return [(places.pop(), lines)]
        return [
            (name, [(place(finding, LONGEST_LABEL), finding) for finding in found])
            for name, found in groupby(self.findings, key=lambda finding: _named(finding.comparison, told))
        ]

    @property
    def height(self) -> float:
        return FRAME + HEAD * len(self.blocks) + LINE * len(self.findings)


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
    legend_above(figure, axes[0])
    save_small_figure(figure, path)
    return len(drawn)


def _scales(findings: Sequence[Finding]) -> list[_Scale]:
    found: dict[tuple[bool, str], _Scale] = {}
    for finding in findings:
        ratio = finding.comparison.scale == "ratio"
        key = (ratio, "" if ratio else finding.unit)
        found.setdefault(key, _Scale(*key)).findings.append(finding)
    return list(found.values())


def _named(comparison: Comparison, name: Callable[[Comparison], str] = lambda comparison: comparison.name) -> str:
    return name(comparison) if comparison.verdict else f"{name(comparison)} (does not decide)"


def _draw(panel: Axes, scale: _Scale) -> None:
    none = 1.0 if scale.ratio else 0.0
    if scale.ratio:
        panel.set_xscale("log")
    low, high = _limits(scale, none)
    panel.set_xlim(low, high)
    y, ticks, labels = 0.0, list[float](), list[str]()
    for head, lines in scale.blocks:
        y += HEAD / LINE
        panel.text(
            0.0,
            y,
            shortened(head, LONGEST_HEAD),
            transform=panel.get_yaxis_transform(),
            fontsize=8,
            weight="bold",
            va="center",
            color="black" if any(finding.comparison.verdict for _, finding in lines) else BESIDE,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
            zorder=4,
        )
        for name, finding in lines:
            y += 1.0
            ticks.append(y)
            labels.append(name)
            _shade(panel, finding, y, (low, high))
            _line(panel, finding, y)
    panel.axvline(none, color="0.35", linewidth=1.0, zorder=1)
    panel.set_ylim(y + 0.8, 0.2)
    panel.set_yticks(ticks, labels)
    panel.tick_params(axis="y", length=0)
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)
    _ticks(panel, scale, low, high)
    what = "factor" if scale.ratio else f"advantage, {shortened(scale.unit, LONGEST_AXIS)}".rstrip(", ")
    panel.set_xlabel(f"{what}; the first arm is better to the right", fontsize=8)


def _line(panel: Axes, finding: Finding, y: float) -> None:
    effect, comparison = finding.effect, finding.comparison
    if effect is None:
        return
    colour, marker = LOOKS[finding.kind]
    colour = colour if comparison.verdict else BESIDE
    if math.isfinite(effect.low) and math.isfinite(effect.high):
        panel.plot([effect.low, effect.high], [y, y], color=colour, linewidth=1.8, solid_capstyle="butt", zorder=3)
    panel.plot([effect.value], [y], marker=marker, color=colour, markersize=5.5, linestyle="", zorder=3)
    panel.text(
        1.01,
        y,
        interval_text(effect, after="×") if comparison.scale == "ratio" else interval_text(effect, signed=True),
        transform=panel.get_yaxis_transform(),
        fontsize=7.5,
        va="center",
        color="black" if comparison.verdict else BESIDE,
    )


def _shade(panel: Axes, finding: Finding, y: float, limits: tuple[float, float]) -> None:
    margin = finding.comparison.margin_of(finding.setting)
    if margin:
        low, high = _around(finding.comparison.scale, margin)
        ends = [max(low, limits[0]), min(high, limits[1])]
        panel.fill_between(ends, y - 0.5, y + 0.5, color=NEGLIGIBLE, linewidth=0, zorder=0)


def _around(scale: str, bound: float) -> tuple[float, float]:
    """Return both sides of no effect at a distance."""
    return (1 / bound, bound) if scale == "ratio" else (-bound, bound)


def _limits(scale: _Scale, none: float) -> tuple[float, float]:
    values = [none]
    for finding in scale.findings:
        if finding.effect is not None:
            values += [finding.effect.value, finding.effect.low, finding.effect.high]
        bounds = (finding.comparison.margin_of(finding.setting),)
        values += [end for bound in bounds if bound for end in _around(finding.comparison.scale, bound)]
    values = [value for value in values if math.isfinite(value)]
    if scale.ratio:
        room = max(math.log(max(values) / min(values)) * 0.06, 0.01)
        return min(values) * math.exp(-room), max(values) * math.exp(room)
    room = (max(values) - min(values)) * 0.06 or 1.0
    return min(values) - room, max(values) + room


def _ticks(panel: Axes, scale: _Scale, low: float, high: float) -> None:
    far = scale.ratio and high / low > 5
    subs = (1.0, 2.0, 5.0) if high / low < 1000 else (1.0,)
    panel.xaxis.set_major_locator(LogLocator(subs=subs) if far else MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))


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
