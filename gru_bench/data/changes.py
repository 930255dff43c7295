"""Helpers for smaller training splits, noise and missing values: random choices, and facts for the run record.

Choices depend on the setting `data.draw_seed` alone. A smaller share is contained in a larger one, less noise in more.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.data_set import SPLITS
from gru_bench.data.random import Seed, fractions, permutation, random_words

_LABELS, _INPUTS = 1, 2  # no stream of random words ends in 0: `SeedSequence` ignores trailing zeros
_WHERE, _WHAT, _MISSING = 1, 2, 3
_SHARE = 3  # distinct from the streams of splits and noise


def changed_facts(facts: Mapping[str, Any], name: str, change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of changed data, with the change under `name` and a new digest.

    Args:
        facts: facts of the original data, with its `digest`.
        name: the setting that changes it.
        change: plain values that, with the original data, determine the changed data.
    """
    state = hashlib.sha256(json.dumps([facts["digest"], name, dict(change)], sort_keys=True).encode())
    return {**facts, "digest": state.hexdigest(), name: dict(change)}


def fraction_facts(facts: Mapping[str, Any], share: float, used: int, total: int, **more: int) -> dict[str, Any]:
    """Return the facts of data with `used` of `total` training items."""
    return changed_facts(facts, "train_fraction", {"share": share, "used": used, "of": total, **more})


def noise_facts(facts: Mapping[str, Any], level: float, draw_seed: int) -> dict[str, Any]:
    """Return the facts of data with input noise."""
    return changed_facts(facts, "input_noise", {"level": level, "draw_seed": draw_seed})


def rounded_share(total: int, share: float) -> int:
    """Return a share of a total, rounded to an integer."""
    return int(total * share + 0.5)


def random_subset(total: int, share: float, seed: int, stream: int = 0) -> NDArray[np.int64]:
    """Return random indices below `total`, at least one, ascending.

    Args:
        total: number of items.
        share: share of the items to select.
        seed: the setting `data.draw_seed`.
        stream: number of the stream of random words; each selects different items.
    """
    return np.sort(permutation(seed, stream, total, _SHARE)[: max(1, rounded_share(total, share))])


def evenly_spread(total: int, at_most: int) -> NDArray[np.int64]:
    """Return places of items that are spread evenly over `total`, ascending; all of them where they are no more."""
    return np.linspace(0, total - 1, min(total, at_most)).astype(np.int64)


def subset_of_each_class(labels: NDArray[np.int32], share: float, seed: int) -> NDArray[np.int64]:
    """Return random indices of a share of the items of each class, at least one of each, ascending.

    Args:
        labels: class numbers, of shape (items,).
        share: share of the items of a class to select.
        seed: the setting `data.draw_seed`.
    """
    kept = []
    for number in np.unique(labels):
        places = np.flatnonzero(labels == number)
        kept.append(places[random_subset(places.size, share, seed, int(number))])
    return np.sort(np.concatenate(kept))


def wrong_labels(
    labels: NDArray[np.int32], share: float, classes: int, draw_seed: int
) -> tuple[NDArray[np.int32], dict[str, Any]]:
    """Replace a share of labels by other classes; return them and the change for `changed_facts`.

    Args:
        labels: class numbers, of shape (items,).
        share: share of the labels to replace.
        classes: number of classes, at least 2.
        draw_seed: the setting.
    """
    wrong = replace_randomly(labels, share, classes, (draw_seed, _LABELS))
    return wrong, {"share": share, "replaced": int((wrong != labels).sum()), "draw_seed": draw_seed}


def input_seeds(draw_seed: int) -> dict[str, Seed]:
    """Return the seeds of input noise and of missing values by split."""
    return {split: (draw_seed, _INPUTS, place) for place, split in enumerate(SPLITS, 1)}


def replace_randomly(values: NDArray[np.int32], share: float, kinds: int, seed: Seed) -> NDArray[np.int32]:
    """Replace a share of values by other values, uniformly at random.

    Args:
        values: from 0 to `kinds` - 1, of shape (values,).
        share: share of the values to replace; their number is rounded to an integer.
        kinds: number of different values, at least 2.
        seed: with the same seed, a larger share makes the same replacements and more.
    """
    order = np.argsort(random_words((*seed, _WHERE), values.size), kind="stable")
    places = order[: rounded_share(values.size, share)]
    away = 1 + random_words((*seed, _WHAT), values.size)[places] % np.uint64(kinds - 1)
    replaced = values.copy()
    replaced[places] = ((values[places] + away.astype(np.int64)) % kinds).astype(np.int32)
    return replaced


def normal(shape: tuple[int, int], seed: Seed) -> NDArray[np.float64]:
    """Return standard normal deviates from raw words by the Box-Muller method."""
    count = shape[0] * shape[1]
    uniform = ((random_words(seed, 2 * count) >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    radius, angle = np.sqrt(-2 * np.log(uniform[:count])), 2 * np.pi * uniform[count:]
    return (radius * np.cos(angle)).reshape(shape)


def removed(shape: tuple[int, ...], rate: float, seed: Seed) -> NDArray[np.bool_]:
    """Return which values are removed, each with probability `rate`; a higher rate removes the same and more."""
    return (fractions(random_words((*seed, _MISSING), math.prod(shape))) < rate).reshape(shape)
