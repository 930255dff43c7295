"""Figures of classified sequences: which time steps decide, and how early the class is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from gru_bench.plotting import COLOURS, STYLES, legend_above, new_figure

MOST_LINES = len(COLOURS)  # channels that are drawn as lines; more are an image


class Weighed(NamedTuple):
    """A sequence, and the weight of each stretch of it in its classification.

    Attributes:
        title: what is said about it.
        values: scaled, of shape (time steps, channels).
        edges: the first time step of each stretch, and the end of the last one, of shape (stretches + 1,).
        weights: of shape (stretches,).
        meaning: of the weights.
    """

    title: str
    values: NDArray[np.float32]
    edges: NDArray[np.int64]
    weights: NDArray[np.float64]
    meaning: str


def contributions(sequences: Sequence[Weighed]) -> Figure:
    """Draw each sequence above the weights of its stretches: blue for the predicted class, orange against it."""
    figure, axes = new_figure(1, 2 * len(sequences), width=9.0, height=[1.5, 0.9] * len(sequences))
    for (upper,), (lower,), sequence in zip(axes[::2], axes[1::2], sequences, strict=True):
        steps, channels = sequence.values.shape
        if channels <= MOST_LINES:
            for channel, colour in zip(sequence.values.T, COLOURS, strict=False):
                upper.plot(np.arange(steps) + 0.5, channel, color=colour, linewidth=0.9)
            upper.set_ylabel("value", fontsize=8)
        else:
            least, most = np.percentile(sequence.values, [1, 99])
            extent = (0, steps, channels, 0)
            upper.imshow(
                sequence.values.T,
                aspect="auto",
                cmap="Greys",
                vmin=least,
                vmax=most,
                extent=extent,
                interpolation="none",
            )
            upper.grid(visible=False)
            upper.set_ylabel("channel", fontsize=8)
        upper.set_title(sequence.title, fontsize=9, loc="left")
        upper.tick_params(labelbottom=False)
        colours = [COLOURS[0] if weight >= 0 else COLOURS[1] for weight in sequence.weights]
        edges = sequence.edges
        lower.bar(
            edges[:-1], sequence.weights, np.diff(edges), align="edge", color=colours, edgecolor="white", linewidth=0.4
        )
        lower.axhline(0, color="0.35", linewidth=0.8)
        for panel in (upper, lower):
            panel.set_xlim(0, steps)
        lower.set_ylabel("weight", fontsize=8)
    axes[-1][0].set_xlabel(f"time step; weight: {sequences[0].meaning}", fontsize=8)
    return figure


def earliness(shares: Sequence[float], accuracies: Sequence[float], most_frequent: float, count: int) -> Figure:
    """Draw accuracy over the share of each sequence that was seen.

    Args:
        shares: of the time steps, from the first one on.
        accuracies: of the predictions from these.
        most_frequent: the share of the most frequent class.
        count: sequences that were classified.
    """
    figure, [[panel]] = new_figure(width=5.2, height=3.4)
    panel.plot(shares, accuracies, color=COLOURS[0], marker="o", markersize=4, label=f"this run, {count:,} sequences")
    panel.axhline(most_frequent, color=COLOURS[1], linestyle=STYLES[1], linewidth=1.2, label="most frequent class")
    panel.set_xlim(0, 1.02)
    panel.set_ylim(0, 1.02)
    panel.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panel.set_xlabel("share of the sequence that was seen")
    panel.set_ylabel("accuracy")
    legend_above(figure, [panel])
    return figure
