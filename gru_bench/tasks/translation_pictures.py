"""Pictures of translations: attention weights as alignments, BLEU by the length of the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gru_bench.data.pairs.pairs import PairForm
from gru_bench.plotting import COLOURS, new_figure

CELL = 0.24
"""Inches of a symbol in an alignment."""
LENGTHS = 6
"""Groups of sources by length."""


class Alignment(NamedTuple):
    """The symbols of a source and of an output, and the attention weights of shape (output, source)."""

    source: list[str]
    output: list[str]
    weights: NDArray[np.floating]


def alignments(aligned: Sequence[Alignment]) -> Figure:
    """Draw the attention weights of outputs, one panel each: rows are output symbols, columns source symbols."""
    columns = 1 if len(aligned) == 1 else 2
    rows = -(-len(aligned) // columns)
    wide = max(len(one.source) for one in aligned)
    groups = [aligned[start : start + columns] for start in range(0, len(aligned), columns)]
    heights = [1.2 + CELL * max(len(one.output) for one in group) for group in groups]
    figure, panels = new_figure(columns, rows, width=max(3.2, 1.6 + CELL * wide), height=heights)
    image = None
    for place, panel in enumerate(panel for line in panels for panel in line):
        if place >= len(aligned):
            panel.set_axis_off()
            continue
        source, output, weights = aligned[place]
        image = panel.imshow(weights, cmap="Blues", vmin=0, vmax=1)
        panel.grid(visible=False)
        panel.set_xticks(range(len(source)), source, rotation=90)
        panel.set_yticks(range(len(output)), output)
        panel.xaxis.tick_top()
        panel.spines[["top", "right", "bottom", "left"]].set_visible(False)
    if image is not None:
        figure.colorbar(image, ax=[panel for line in panels for panel in line], shrink=0.6, label="attention weight")
    return figure


def score_by_length(
    lengths: NDArray[np.integer], outputs: Sequence[str], references: Sequence[str], form: PairForm
) -> Figure:
    """Draw BLEU and exact match of the test sources by their length, in groups of about equal size."""
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, LENGTHS + 1)[1:], method="higher"))
    group = np.searchsorted(edges, lengths)
    means, counts, bleu, exact = [], [], [], []
    for number in range(edges.size):
        members = np.flatnonzero(group == number).tolist()
        scores = form.scores([outputs[place] for place in members], [references[place] for place in members])
        means.append(lengths[members].mean())
        counts.append(len(members))
        bleu.append(scores["bleu"])
        exact.append(100 * scores["exact"])
    figure, [[panel]] = new_figure()
    panel.plot(means, bleu, color=COLOURS[0], marker="o", label="BLEU")
    panel.plot(means, exact, color=COLOURS[1], marker="s", linestyle="--", label="exact match, %")
    for x, y, count in zip(means, bleu, counts, strict=True):
        panel.annotate(f"{count}", (x, y), textcoords="offset points", xytext=(0, 6), ha="center", fontsize=7)
    panel.set_ylim(-3, 105)
    panel.set_xlabel("symbols of the source, mean of a group (number of sources above)")
    panel.set_ylabel("score, 0 to 100")
    panel.legend(frameon=False)
    return figure
