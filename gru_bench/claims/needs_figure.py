"""All findings that answer a need in one forest plot, in units of the margin, so that tasks stand on one scale."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from gru_bench.claims.finding import Finding
from gru_bench.claims.forest import LOOKS, NEGLIGIBLE, draw_effect, name_looks
from gru_bench.claims.needs import NeedAnswer
from gru_bench.claims.wording import by_level
from gru_bench.plotting import legend_above, new_figure, save_small_figure
from gru_bench.results.statistics import Interval

LIMIT = 6.0  # margins; what lies beyond stands at the edge, with an arrow and its number
WIDTH, LINE, FRAME = 5.6, 0.17, 1.15  # inches
LINES_FIT = 54  # beside the table on one screen; more are set closer
LETTERS = 11.0  # points


def needs_forest(answers: Sequence[NeedAnswer], path: Path) -> bool:
    """Draw the effects of all needs that have a margin, a line each; to the right the first arm is better.

    Args:
        answers: of all needs, in order.
        path: the PNG file; its folder is made.

    Returns:
        Whether there was anything to draw.
    """
    lines = list(_lines(answers))
    findings = [finding for _, finding in lines if finding is not None]
    if not findings:
        return False
    closer = min(1.0, LINES_FIT / len(lines))
    figure, [[panel]] = new_figure(width=WIDTH, height=FRAME + LINE * closer * len(lines))
    panel.axvspan(-1, 1, color=NEGLIGIBLE, linewidth=0, zorder=0)
    panel.axvline(0, color="0.35", linewidth=1.0, zorder=1)
    for y, (_, finding) in enumerate(lines):
        if finding is not None:
            _effect(panel, y, finding, LETTERS * closer)
    _frame(panel, lines, [answer.need.title for answer in answers], LETTERS * closer)
    first, second = answers[0].sides
    panel.set_xlabel(f"← {second} better          {first} better →", fontsize=LETTERS)
    name_looks(panel, findings)
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


def _lines(answers: Sequence[NeedAnswer]) -> Iterator[tuple[str, Finding | None]]:
    """Yield label and finding of each line; a heading has no finding. A need of one finding is its own label."""
    for answer in answers:
        shown = [finding for finding in answer.findings if finding.margins is not None]
        if len(shown) == 1:
            yield answer.need.title, shown[0]
            continue
        several = len({finding.comparison.name for finding in shown}) > 1
        heading = ""
        for finding in shown:
            said = answer.need.title + (f": {finding.comparison.name}" if several else "")
            said += f", by {finding.factor}" if by_level(finding) else ""
            if said != heading:
                yield said, None
            heading = said
            yield _label(finding), finding


def _label(finding: Finding) -> str:
    """Name a setting without what its title says in brackets."""
    title = re.sub(r"\s*\([^()]*\)$", "", finding.title)
    return f"{title}, {finding.level}" if by_level(finding) else title


def _frame(panel: Axes, lines: Sequence[tuple[str, Finding | None]], needs: Sequence[str], letters: float) -> None:
    panel.set_xlim(-LIMIT, LIMIT)
    panel.set_ylim(len(lines) - 0.4, -0.7)
    panel.set_yticks(range(len(lines)), [label if finding is not None else "" for label, finding in lines])
    panel.tick_params(axis="both", length=0, pad=7, labelsize=letters)
    panel.grid(visible=False, axis="y")
    panel.spines["left"].set_visible(False)
    for y, (tick, (label, finding)) in enumerate(zip(panel.get_yticklabels(), lines, strict=True)):
        tick.set(weight="bold" if label in needs else "normal")
        if finding is None:
            text = panel.annotate(label, (3, y), xycoords=("figure points", "data"), annotation_clip=False)
            text.set(fontsize=letters, weight="bold", verticalalignment="center_baseline", in_layout=False)
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})


def _effect(panel: Axes, y: int, finding: Finding, letters: float) -> None:
    effect, value = finding.effect, finding.margins
    if effect is None or value is None:
        return
    colour, marker = LOOKS[finding.kind]
    low, high = (math.nan if end is None else end for end in map(finding.in_margins, (effect.low, effect.high)))
    scaled = Interval(value, low, high, effect.count)
    low, high = draw_effect(panel, float(y), scaled, (-LIMIT, LIMIT), colour, marker)
    if abs(value) > LIMIT:
        right = value > 0
        number = f"{value:+.0f}".replace("-", "−")
        inner = min(low, LIMIT - 0.3) if right else max(high, 0.3 - LIMIT)
        text = panel.text(inner, y, f"{number} " if right else f" {number}", color=colour, fontsize=letters - 1)
        text.set(va="center_baseline", ha="right" if right else "left")
