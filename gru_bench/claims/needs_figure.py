"""All findings that answer a need in one forest plot, in units of the margin, so that tasks stand on one scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MultipleLocator

from gru_bench.claims.finding import Finding
from gru_bench.claims.forest import LOOKS, NEGLIGIBLE, draw_effect, name_looks
from gru_bench.claims.needs import NeedAnswer
from gru_bench.claims.wording import shortened
from gru_bench.plotting import legend_above, new_figure, save_small_figure
from gru_bench.results.statistics import Interval

LIMIT = 6.0  # margins; what lies beyond stands at the edge, with an arrow and, where they are few, its number
WIDTH, LINE, FRAME = 5.6, 0.17, 1.15  # inches
LINES_FIT = 54  # beside the table on one screen; more are set closer
CASE, FEW = 0.45, 2  # lines from one case to the next; cases on a line that leave place for numbers
LETTERS, LONGEST_LABEL = 10.0, 40  # points, characters


@dataclass(frozen=True)
class _Line:
    """A need, or one of several comparisons that answer it, with its cases; a heading has none."""

    label: str
    cases: Sequence[Finding]
    need: bool

    @property
    def height(self) -> float:
        return max(1.0, CASE * len(self.cases))


def needs_forest(answers: Sequence[NeedAnswer], path: Path) -> bool:
    """Draw the effects of all needs that have a margin, a line per comparison; to the right the first arm is better.

    Args:
        answers: of all needs, in order.
        path: the PNG file; its folder is made.

    Returns:
        Whether there was anything to draw.
    """
    lines = list(_lines(answers))
    if not lines:
        return False
    height = sum(line.height for line in lines)
    closer = min(1.0, LINES_FIT / height)
    figure, [[panel]] = new_figure(width=WIDTH, height=FRAME + LINE * closer * height)
    panel.axvspan(-1, 1, color=NEGLIGIBLE, linewidth=0, zorder=0)
    panel.axvline(0, color="0.35", linewidth=1.0, zorder=1)
    _draw(panel, lines, LETTERS * closer)
    first, second = answers[0].sides
    panel.set_xlabel(f"← {second} better          {first} better →", fontsize=LETTERS)
    name_looks(panel, [finding for line in lines for finding in line.cases])
    legend_above(figure, [panel])
    save_small_figure(figure, path)
    return True


def described(answers: Sequence[NeedAnswer]) -> str:
    """Return the picture in words, for those who do not see it."""
    said = [
        f"{answer.need.title}: {', '.join(dict.fromkeys(finding.answer for finding in answer.findings))}"
        for answer in answers
    ]
    return f"Effects of all needs in units of their margins. {'; '.join(said)}."


def _lines(answers: Sequence[NeedAnswer]) -> Iterator[_Line]:
    for answer in answers:
        cases: dict[str, list[Finding]] = {}
        for finding in answer.findings:
            if finding.margins is not None:
                cases.setdefault(finding.comparison.name, []).append(finding)
        if len(cases) == 1:
            yield _Line(answer.need.title, *cases.values(), need=True)
        elif cases:
            yield _Line(answer.need.title, [], need=True)
            yield from (_Line(name, found, need=False) for name, found in cases.items())


def _draw(panel: Axes, lines: Sequence[_Line], letters: float) -> None:
    top, middles = 0.0, []
    for line in lines:
        if line.need:
            panel.axhline(top, color="0.88", linewidth=0.6, zorder=0)
        for place, finding in enumerate(line.cases):
            y = top + line.height * (place + 0.5) / len(line.cases)
            _effect(panel, y, finding, letters - 1 if len(line.cases) <= FEW else None)
        middles.append(top + line.height / 2)
        top += line.height
    panel.set_xlim(-LIMIT, LIMIT)
    panel.set_ylim(top, 0)
    panel.set_yticks(middles, [shortened(line.label, LONGEST_LABEL) for line in lines])
    panel.xaxis.set_major_locator(MultipleLocator(2))
    panel.tick_params(axis="both", length=0, pad=7, labelsize=letters)
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)
    for tick, line in zip(panel.get_yticklabels(), lines, strict=True):
        tick.set(weight="bold" if line.need else "normal")


def _effect(panel: Axes, y: float, finding: Finding, letters: float | None) -> None:
    """Draw a finding; with letters, the number of one beyond the limit."""
    effect, value = finding.effect, finding.margins
    if effect is None or value is None:
        return
    colour, marker = LOOKS[finding.kind]
    low, high = (math.nan if end is None else end for end in map(finding.in_margins, (effect.low, effect.high)))
    scaled = Interval(value, low, high, effect.count)
    low, high = draw_effect(panel, y, scaled, (-LIMIT, LIMIT), colour, marker)
    if abs(value) > LIMIT and letters is not None:
        right = value > 0
        number = f"{value:+.0f}".replace("-", "−")
        inner = min(low, LIMIT - 0.3) if right else max(high, 0.3 - LIMIT)
        text = panel.text(inner, y, f"{number} " if right else f" {number}", color=colour, fontsize=letters)
        text.set(va="center_baseline", ha="right" if right else "left")
