"""Metrics of replies: variety, exact matches, and the choice of the true reply among others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.random import permutation

CHOICES = 10
"""Candidates per context, the true reply among them."""


def distinct(outputs: Iterable[Sequence[int]], size: int) -> float:
    """Return the share of different ones among all n-grams of some texts, 0 without any (Li et al. 2016).

    Args:
        outputs: symbols of each text.
        size: symbols of an n-gram.
    """
    grams = [tuple(ids[place : place + size]) for ids in outputs for place in range(len(ids) - size + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def reply_metrics(outputs: Sequence[Sequence[int]], right: Iterable[bool]) -> dict[str, float]:
    """Return the share of outputs that equal their reference, and their variety.

    Args:
        outputs: symbols of each output.
        right: whether each of them equals its reference.
    """
    variety = {f"distinct_{size}": distinct(outputs, size) for size in (1, 2)}
    return {"exact": float(np.mean(list(right))), **variety}


def choices(replies: Sequence[str], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the candidates among which replies are to be chosen, the same ones for every predictor.

    Args:
        replies: the replies of a split.
        places: the places of those to be chosen.

    Returns:
        The places of the candidates, of shape (choices, candidates), the true reply first; the others differ from it
        and from each other. A split with fewer than ten different replies has fewer candidates.
    """
    first: dict[str, int] = {}
    for place, reply in enumerate(replies):
        first.setdefault(reply, place)
    different = np.array(list(first.values()), np.int64)
    others = np.empty((places.size, min(CHOICES, different.size) - 1), np.int64)
    for row, place in enumerate(places):
        order = different[permutation(0, row, different.size)[:CHOICES]]
        others[row] = order[order != first[replies[int(place)]]][: others.shape[1]]
    return np.concatenate([places[:, None], others], axis=1)
