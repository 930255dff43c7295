"""Batches of tagged sentences of similar length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.buckets import Buckets
from gru_bench.data.tagged.tagged import TaggedSentences

TaggedBatch = Mapping[str, Any]
"""Keys: `inputs` (word ids) and `tags`, int32 of shape (sentences, time); `padding`, `labels` and `mask` as in
`gru_bench.data.batches.buckets.LabelledBatch`."""


class TaggedBuckets(Batches[TaggedBatch]):
    """Buckets of sentences, with a tag at each time step."""

    axes: ClassVar[Mapping[str, str]] = MappingProxyType({"inputs": "time", "padding": "time", "tags": "time"})

    def __init__(
        self,
        sentences: TaggedSentences,
        edges: Sequence[int],
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
    ):
        """Sort sentences into buckets; see `Buckets`."""
        pairs = sentences.rows(np.stack([sentences.ids, sentences.tags], axis=1))
        self._buckets = Buckets(pairs, sentences.labels, edges, batch_size, shuffle=shuffle, seed=seed)
        self.places = self._buckets.places

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return len(self._buckets)

    def kinds(self) -> list[tuple[TaggedBatch, int]]:
        """Return one batch of every bucket and the number of its batches."""
        return [(_split(batch), count) for batch, count in self._buckets.kinds()]

    def make(self, epoch: int, index: int) -> TaggedBatch:
        """Return batch `index` of an epoch."""
        return _split(self._buckets.make(epoch, index))


def _split(batch: Mapping[str, Any]) -> TaggedBatch:
    pairs = batch["inputs"]
    return {**batch, "inputs": pairs[..., 0], "tags": pairs[..., 1]}
