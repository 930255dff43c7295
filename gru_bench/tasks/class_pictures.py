"""Figures of classifiers: confusion matrix, reliability diagram, the weights of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from gru_bench.plotting import COLOURS, new_figure
from gru_bench.tasks.word_weights import WordWeights

COLUMNS = 136  # characters in a line of words
LINES = 14  # of one text
MOST_NUMBERED = 15  # classes whose cells have numbers
LEAST_SCALE = {"attention": 1e-9, "left out": 0.2}  # minimum weight of the full colour, so that noise stays pale
MONOSPACE = "DejaVu Sans Mono"


def confusion_matrix(confusion: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw the number of items by true and predicted class.

    Args:
        confusion: of shape (true classes, predicted classes).
        classes: their names.
    """
    size = len(classes)
    side = min(12.0, 2.6 + 0.6 * size)
    figure, [[panel]] = new_figure(width=side + 0.6, height=side - 0.4)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    panel.grid(visible=False)
    names = [_shorten(name, 18) for name in classes]
    panel.set_xticks(range(size), names, rotation=90 if size > 4 else 0)
    panel.set_yticks(range(size), names)
    panel.set_xlabel("predicted class")
    panel.set_ylabel("true class")
    if size <= MOST_NUMBERED:
        for row, column in np.ndindex(size, size):
            ink = "white" if shares[row, column] > 0.5 else "black"
            text = f"{confusion[row, column]:,}\n{shares[row, column]:.1%}"
            panel.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    bar = figure.colorbar(image, ax=panel, shrink=0.8, label="share of the true class")
    bar.formatter = PercentFormatter(1.0, decimals=0)
    return figure


def reliability_diagram(sums: Mapping[str, Any], ece: float, items: str = "texts") -> Figure:
    """Draw accuracy against the probability of the predicted class, by bin, and the number of items per bin.

    Args:
        sums: `texts`, `correct` and `confidence` by bin; see `gru_bench.tasks.class_metrics`.
        ece: the expected calibration error.
        items: what is classified, in the plural.
    """
    texts = np.asarray(sums["texts"], np.int64)
    used = texts > 0
    edges = np.linspace(0, 1, texts.size + 1)
    confidence = np.asarray(sums["confidence"], np.float64)[used] / texts[used]
    accuracy = np.asarray(sums["correct"], np.int64)[used] / texts[used]
    figure, [[panel], [count]] = new_figure(rows=2, width=4.8, height=2.6, share_x=True)
    panel.plot([0, 1], [0, 1], color="0.35", linestyle="--", linewidth=1.2, label="calibrated")
    panel.vlines(confidence, np.minimum(confidence, accuracy), np.maximum(confidence, accuracy), color=COLOURS[1])
    panel.plot(confidence, accuracy, color=COLOURS[0], marker="o", markersize=4, label=f"this run, error {ece:.3f}")
    panel.set_ylabel("accuracy")
    panel.set_ylim(-0.03, 1.03)
    panel.legend(frameon=False, loc="upper left")
    count.bar(edges[:-1], texts, width=np.diff(edges), align="edge", color=COLOURS[4], edgecolor="white")
    count.set_ylabel(items)
    count.set_xlabel("probability of the predicted class")
    count.set_xlim(0, 1)
    return figure


def words_that_count(texts: Sequence[WordWeights], titles: Sequence[str]) -> Figure:
    """Draw texts with each word on the colour of its weight.

    Args:
        texts: some texts.
        titles: the line above each text.
    """
    lines = [_lines(text.words) for text in texts]
    heights = [len(rows) + 2.2 for rows in lines]
    figure, [[panel]] = new_figure(width=9.0, height=0.24 * sum(heights) + 0.2)
    panel.axis("off")
    panel.set_xlim(0, COLUMNS)
    panel.set_ylim(sum(heights), 0)
    top = 0.0
    for text, title, rows, height in zip(texts, titles, lines, heights, strict=True):
        panel.text(0, top + 0.6, title, fontsize=8, weight="bold", va="center")
        panel.text(0, top + 1.4, text.meaning, fontsize=6.5, color="0.35", va="center")
        colour = _colours(text)
        for line, row in enumerate(rows):
            for place, left, word in row:
                face = colour(text.weights[place])
                ink = "white" if np.dot(face[:3], (0.3, 0.59, 0.11)) < 0.5 else "black"
                box = {"facecolor": face, "edgecolor": "none", "pad": 1.2}
                y = top + 2.3 + line
                panel.text(
                    left,
                    y,
                    word,
                    family=MONOSPACE,
                    fontsize=7.2,
                    va="center",
                    color=ink,
                    bbox=box,
                )
        top += height
    return figure


def _colours(text: WordWeights) -> Any:
    """Return the colour map: blue for the predicted class, orange against it; attention is never negative."""
    most = max(float(np.abs(text.weights).max()), LEAST_SCALE[text.kind])
    if text.kind == "attention":
        return lambda weight: colormaps["Blues"](0.9 * weight / most)
    scale = TwoSlopeNorm(0.0, -most, most)
    return lambda weight: colormaps["PuOr"](float(scale(weight)))


def _lines(words: Sequence[str]) -> list[list[tuple[int, int, str]]]:
    """Break words into lines: the index of each word, its left end in characters, and the word."""
    rows: list[list[tuple[int, int, str]]] = [[]]
    left = 0
    for place, word in enumerate(words):
        shown = _shorten(word, 30)
        if left and left + len(shown) > COLUMNS:
            if len(rows) == LINES:
                break
            rows.append([])
            left = 0
        rows[-1].append((place, left, shown))
        left += len(shown) + 1
    return rows


def _shorten(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 1]}…"
