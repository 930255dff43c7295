"""Batches of recordings of similar length, each with the outputs of its transcript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.buckets import Buckets, rounded

UtteranceBatch = Mapping[str, Any]
"""Keys: `inputs`, `padding`, `labels` (the number of the recording) and `mask` as in
`gru_bench.data.batches.buckets.LabelledBatch`; `targets`, int32 of shape (recordings, symbols), filled up
with 0, the blank."""


class UtteranceBuckets(Batches[UtteranceBatch]):
    """Buckets of recordings, with the outputs of their transcripts."""

    axes: ClassVar[Mapping[str, str]] = MappingProxyType({"inputs": "time", "padding": "time", "targets": "target"})

    def __init__(
        self,
        rows: Sequence[NDArray[np.float32]],
        targets: Sequence[NDArray[np.int32]],
        edges: Sequence[int],
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
    ):
        """Sort recordings into buckets; see `Buckets`."""
        numbers = np.arange(len(rows), dtype=np.int32)
        self._buckets = Buckets(rows, numbers, edges, batch_size, shuffle=shuffle, seed=seed)
        longest = rounded(np.array([1, *(target.size for target in targets)])).max()
        self._targets = np.zeros((len(targets), longest), np.int32)
        for place, target in enumerate(targets):
            self._targets[place, : target.size] = target

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return len(self._buckets)

    def kinds(self) -> list[tuple[UtteranceBatch, int]]:
        """Return one batch of every bucket and the number of its batches."""
        return [(self._with_targets(batch), count) for batch, count in self._buckets.kinds()]

    def make(self, epoch: int, index: int) -> UtteranceBatch:
        """Return batch `index` of an epoch."""
        return self._with_targets(self._buckets.make(epoch, index))

    def _with_targets(self, batch: Mapping[str, Any]) -> UtteranceBatch:
        targets = np.where(batch["mask"][:, None], self._targets[batch["labels"]], 0)
        return {**batch, "targets": targets}
