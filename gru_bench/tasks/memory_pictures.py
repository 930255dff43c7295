"""Figures of memory: its quality by position, distance or count."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from gru_bench.plotting import COLOURS, STYLES, new_figure


def by_place(
    place: np.ndarray,
    value: np.ndarray,
    *,
    across: str,
    up: str,
    level: tuple[str, float] | None = None,
    until: tuple[str, float] | None = None,
) -> Figure:
    """Draw values against positions.

    Args:
        place: positions, of shape (places,).
        value: of shape (places,); nan for missing ones.
        across: label of the horizontal axis.
        up: label of the vertical axis.
        level: name and value of a horizontal reference line.
        until: name and position of a vertical line.
    """
    figure, [[panel]] = new_figure()
    marker = "o" if len(place) <= 20 else None
    panel.plot(place, value, color=COLOURS[0], marker=marker, label="network")
    if level is not None:
        panel.axhline(level[1], color=COLOURS[1], linestyle=STYLES[1], label=level[0])
    if until is not None:
        panel.axvline(until[1], color=COLOURS[1], linestyle=STYLES[1], label=until[0])
    panel.set_ylim(bottom=0)
    panel.set_xlabel(across)
    panel.set_ylabel(up)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
