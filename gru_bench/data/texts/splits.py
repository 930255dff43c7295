"""Stratified splits of labelled texts that keep copies together, and warnings of copies across splits."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.random import random_words

log = logging.getLogger(__name__)


def cut_by_class(
    texts: Sequence[Hashable], labels: Sequence[int], fractions: Mapping[str, float], seed: int = 0
) -> dict[str, NDArray[np.int64]]:
    """Draw stratified random splits; all copies of a text go to one split.

    Train keeps at least one text of each class; each other split with a share above 0 gets at least one, as far as
    there are enough.

    Args:
        texts: all texts, or a key that is equal for copies of a text.
        labels: their class numbers.
        fractions: share of the whole by split; the rest is `train`.
        seed: seed of the splits.

    Returns:
        Indices by split, ascending, of shape (texts of the split,).
    """
    copies: defaultdict[Hashable, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        copies[text].append(place)
    by_class: defaultdict[int, list[list[int]]] = defaultdict(list)
    for places in copies.values():
        by_class[int(labels[places[0]])].append(places)
    chosen: dict[str, list[int]] = {split: [] for split in ("train", *fractions)}
    for number in sorted(by_class):
        groups = iter(_shuffled(by_class[number], (seed, number)))
        left = len(by_class[number])
        for split, fraction in fractions.items():
            wanted = min(max(1, round(fraction * len(by_class[number]))) if fraction else 0, left - 1)
            left -= wanted
            chosen[split] += [place for _ in range(wanted) for place in next(groups)]
        chosen["train"] += [place for places in groups for place in places]
    return {split: np.array(sorted(places), np.int64) for split, places in chosen.items()}


def draw_splits(
    texts: Mapping[str, Sequence[str]],
    labels: Mapping[str, Sequence[int]],
    source: str,
    fractions: Mapping[str, float],
    seed: int = 0,
    compared: Callable[[str], Hashable] = str,
) -> tuple[dict[str, Sequence[str]], dict[str, Sequence[int]]]:
    """Return texts and labels by split, after `cut_by_class` has divided one of the splits.

    Args:
        texts: by split.
        labels: their class numbers, by split.
        source: the split to divide; the rest of it is `train`.
        fractions: share of the source, by new split.
        seed: seed of the splits.
        compared: a key that is equal for copies of a text; by default the text.
    """
    places = cut_by_class([compared(text) for text in texts[source]], labels[source], fractions, seed)
    drawn_texts = {split: _take(texts[source], chosen) for split, chosen in places.items()}
    drawn_labels = {split: _take(labels[source], chosen) for split, chosen in places.items()}
    return {**texts, **drawn_texts}, {**labels, **drawn_labels}


def count_copies(texts: Mapping[str, Sequence[str]], compared: Callable[[str], Hashable]) -> dict[str, int]:
    """Count the texts of valid and test that also occur in an earlier split, and warn of them.

    Args:
        texts: by split.
        compared: a key that is equal for copies of a text.
    """
    counts: dict[str, int] = {}
    for split, earlier in {"valid": ("train",), "test": ("train", "valid")}.items():
        others = {other: {compared(text) for text in texts[other]} for other in earlier}
        shared = {other: sum(compared(text) in known for text in texts[split]) for other, known in others.items()}
        for other, count in shared.items():
            if count:
                log.warning(
                    "%s of the %s texts of %s are also in %s: its metrics are better than those of new texts would be",
                    "all" if count == len(texts[split]) else f"{count:,}",
                    f"{len(texts[split]):,}",
                    split,
                    other,
                )
        counts |= {f"{split} in {other}": count for other, count in shared.items()}
    return counts


def _take(values: Sequence[Any], places: NDArray[np.int64]) -> list[Any]:
    return [values[place] for place in places]


def _shuffled(groups: Sequence[list[int]], seed: tuple[int, ...]) -> Iterator[list[int]]:
    return (groups[place] for place in np.argsort(random_words(seed, len(groups)), kind="stable"))
