"""Figures of taggers: F1 by type of phrase, sentences with the tag of each word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from gru_bench.data.tagged.tagged import Sentence
from gru_bench.plotting import COLOURS, new_figure

COLUMNS = 110  # characters in a line of words
GAP = 2  # characters between words
MONOSPACE = "DejaVu Sans Mono"
MOST_TYPES = 40


def phrase_bars(f1: Mapping[str, float], counts: np.ndarray, types: Sequence[str]) -> Figure:
    """Draw the F1 of each type of phrase, the most frequent ones first.

    Args:
        f1: by type.
        counts: right, predicted and true phrases by type, of shape (types, 3).
        types: names of the types.
    """
    true = dict(zip(types, counts[:, 2].tolist(), strict=True))
    shown = sorted(f1, key=lambda name: -true[name])[:MOST_TYPES]
    figure, [[panel]] = new_figure(width=6.4, height=0.9 + 0.22 * len(shown))
    places = np.arange(len(shown))[::-1]
    panel.barh(places, [f1[name] for name in shown], color=COLOURS[0], height=0.7)
    panel.set_yticks(places, [f"{name} ({true[name]:,})" for name in shown])
    panel.set_xlim(0, 1)
    panel.set_ylim(-0.6, len(shown) - 0.4)
    panel.set_xlabel("F1; in brackets the number of true phrases")
    return figure


def tagged_words(sentences: Sequence[Sentence], truths: Sequence[Sentence] | None = None) -> Figure:
    """Draw sentences with the tag below each word; wrong tags are orange, with the true one below.

    Args:
        sentences: with predicted tags.
        truths: the same with true tags; None: they are not known.
    """
    known = truths or [None] * len(sentences)
    rows = [_lines(sentence, truth) for sentence, truth in zip(sentences, known, strict=True)]
    height = sum(4 * len(lines) + 1.8 for lines in rows)
    figure, [[panel]] = new_figure(width=9.0, height=0.15 * height + 0.2)
    panel.axis("off")
    panel.set_xlim(0, COLUMNS)
    panel.set_ylim(height, 0)
    top = 0.0
    for sentence, truth, lines in zip(sentences, known, rows, strict=True):
        panel.text(0, top + 0.5, _title(sentence, truth), fontsize=8, weight="bold", va="center")
        for line in lines:
            for left, word, tag, true in line:
                for text, lower, colour in _stacked(word, tag, true):
                    y = top + 1.8 + lower
                    panel.text(left, y, text, family=MONOSPACE, fontsize=7, va="center", color=colour)
            top += 4
        top += 1.8
    return figure


def _stacked(word: str, tag: str, true: str | None) -> list[tuple[str, float, str]]:
    """Return the texts at a word, each with its distance below the line and its colour."""
    wrong = true is not None and true != tag
    plain = COLOURS[0] if tag != "O" else "0.6"
    shown = [(word, 0.0, "black"), (tag, 1.1, COLOURS[1] if wrong else plain)]
    return [*shown, *([(f"({true})", 2.1, "0.35")] if wrong else [])]


def _title(sentence: Sentence, truth: Sentence | None) -> str:
    if truth is None or truth.label == sentence.label:
        return sentence.label
    return f"{sentence.label} (true class: {truth.label})"


def _lines(sentence: Sentence, truth: Sentence | None) -> list[list[tuple[int, str, str, str | None]]]:
    """Break a sentence into lines: the left end in characters, word, tag and true tag of each word."""
    lines: list[list[tuple[int, str, str, str | None]]] = [[]]
    left = 0
    true_tags = truth.tags if truth else (None,) * len(sentence.words)
    for word, tag, true in zip(sentence.words, sentence.tags, true_tags, strict=True):
        size = max(len(word), len(tag), len(true) + 2 if true and true != tag else 0)
        if left and left + size > COLUMNS:
            lines.append([])
            left = 0
        lines[-1].append((left, word, tag, true))
        left += size + GAP
    return lines
