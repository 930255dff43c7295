"""Pictures of an answer: the effect with its interval, and what more trials would have bought."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator

from gru_bench.plotting import COLOURS, STYLES, legend_above, new_figure
from gru_bench.record import BETTER
from gru_bench.reporting.answer_text import difference
from gru_bench.reporting.curves import svg
from gru_bench.reporting.html import Picture
from gru_bench.results.answer import Answer
from gru_bench.results.statistics import expected_best

_INK, _BAND = "#1b1f24", "#e6e6e6"
_FAR = 3.0  # times interval and margin: a pair beyond stands at the edge, as an arrow


def effect_picture(answer: Answer) -> Picture | None:
    """Draw the difference of each pair of cells with its interval, over the margin; None where there is no pair."""
    pairings = answer.pairings
    if not pairings:
        return None
    sign = -1 if answer.direction == "min" else 1
    figure, ((panel,),) = new_figure(width=6.4, height=1.15 + 0.55 * len(pairings))
    panel.axvspan(-answer.margin, answer.margin, color=_BAND, zorder=0)
    panel.axvline(0, color=_INK, linewidth=1)
    edge = _FAR * max(abs(end) for one in pairings for end in (one.look.low, one.look.high, answer.margin))
    shown = [edge / _FAR]
    for row, pairing in enumerate(pairings):
        first, second = answer.cells[pairing.first].scores, answer.cells[pairing.second].scores
        both = [
            sign * (one - other)
            for seed in first
            if (one := first[seed]) is not None and (other := second.get(seed)) is not None
        ]
        for value in both:
            marker = "|" if abs(value) <= edge else ">" if value > 0 else "<"
            shown.append(min(abs(value), edge))
            panel.plot(
                np.clip(value, -edge, edge), row - 0.22, marker, color=COLOURS[5], markersize=7, markeredgewidth=1.4
            )
        look = pairing.look
        panel.plot([look.low, look.high], [row, row], color=COLOURS[0], linewidth=2.4, solid_capstyle="butt")
        panel.plot([look.mean], [row], "o", color=COLOURS[0], markersize=7)
    panel.set_yticks(
        range(len(pairings)),
        [f"{answer.cells[one.first].title} − {answer.cells[one.second].title}" for one in pairings],
    )
    panel.set_ylim(len(pairings) - 0.45, -0.55)
    panel.grid(visible=False, axis="y")
    panel.set_xlim(-1.15 * max(shown), 1.15 * max(shown))
    panel.xaxis.set_major_locator(MaxNLocator(nbins=6))
    better = BETTER[answer.direction]
    panel.set_xlabel(f"difference in test {answer.metric.replace('_', ' ')}; above 0 the first is better", color=_INK)
    panel.tick_params(labelsize=9, colors=_INK)
    panel.spines[:].set_color(_INK)
    title = "Difference with its interval (blue), pairs (orange), what does not matter (grey)"
    differences = "; ".join(difference(answer, pairing) for pairing in pairings)
    return Picture(svg(figure), f"{title}; {better} of the metric is better", f"{differences}.", wide=True)


def tuning_picture(answer: Answer) -> Picture | None:
    """Draw the expected best validation value against the number of trials; None where nothing was evaluated."""
    figure, ((panel,),) = new_figure(width=4.3, height=2.8)
    reached: list[str] = []
    for number, cell in enumerate(answer.cells.values()):
        known = [value for value in cell.trials if value is not None]
        if not known:
            continue
        worst = max(known) if answer.selects_direction == "min" else min(known)
        values = np.array([worst if value is None else value for value in cell.trials], dtype=np.float64)
        curve = expected_best(values, maximise=answer.selects_direction == "max")
        panel.plot(
            np.arange(1, len(curve) + 1),
            curve,
            color=COLOURS[number % len(COLOURS)],
            linestyle=STYLES[number % len(STYLES)],
            marker="o",
            markersize=3,
            linewidth=1.9,
            label=cell.title,
        )
        reached.append(f"{cell.title} {curve[-1]:.4g}")
    if not reached:
        return None
    panel.set_xlabel("trials", color=_INK)
    panel.set_ylabel(f"expected best validation {answer.selects.replace('_', ' ')}", color=_INK)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    panel.tick_params(labelsize=9, colors=_INK)
    panel.grid(visible=True, color=_BAND, linewidth=0.6)
    panel.spines[:].set_color(_INK)
    legend_above(figure, [panel])
    title = "What the best of a number of these trials is expected to reach"
    return Picture(svg(figure), title, f"{title}; all of them: {', '.join(reached)}.")
