"""Splits of labelled sequences: each class alike, or group by group."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from gru_bench.data.signals.signals import Signals
from gru_bench.data.texts.splits import cut_by_class
from gru_bench.errors import DataError


def draw_signal_splits(
    signals: Signals, fractions: Mapping[str, float], seed: int = 0, groups: Sequence[str] | None = None
) -> dict[str, Signals]:
    """Draw splits; the rest is `train`.

    Without groups each class has the same share in all splits, and copies of a sequence are in one split. With groups,
    shares are those of the groups: each class alike if all sequences of a group are of one class.

    Args:
        signals: all sequences.
        fractions: share of the whole by split.
        seed: seed of the draw.
        groups: the group of each sequence; no group is in two splits.

    Raises:
        DataError: there are fewer groups than splits.
    """
    keys: Sequence[Hashable] = groups or [signals[place].tobytes() for place in range(len(signals))]
    labels = signals.labels.tolist()
    if groups is not None:
        count = len(set(groups))
        if count <= len(fractions):
            raise DataError(f"found {count} groups, expected at least {len(fractions) + 1}: one for each split.")
        if len(set(zip(groups, labels, strict=True))) > count:
            labels = [0] * len(labels)
    return {split: signals.take(places) for split, places in cut_by_class(keys, labels, fractions, seed).items()}
