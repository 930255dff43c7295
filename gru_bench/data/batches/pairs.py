"""Batches of pairs of sequences, such as sentences and their translations, with a time axis each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.batches.buckets import ByLength, bucket_edges, rounded
from gru_bench.data.tokens.vocabulary import Tokens


class PairBatch(TypedDict):
    """Pairs of one bucket; rows that only fill the batch are False throughout.

    Keys:
        source: symbols, int32, or values, float32, of shape (pairs, source, ...).
        source_mask: True for time steps of the source, bool of shape (pairs, source).
        read: the symbol before each target symbol, the end before the first one, int32 of shape (pairs, target).
        target: the symbols of the target and its end, int32 of shape (pairs, target).
        mask: True for these, bool of shape (pairs, target).
        reference: the text of the target in UTF-8, then zeros, uint8 of shape (pairs, bytes); only for scoring.
    """

    source: NDArray[Any]
    source_mask: NDArray[np.bool_]
    read: NDArray[np.int32]
    target: NDArray[np.int32]
    mask: NDArray[np.bool_]
    reference: NotRequired[NDArray[np.uint8]]


class Edge(NamedTuple):
    """The greatest lengths of the training pairs in a bucket, rounded up: longer side, source, target with its end."""

    longer: int
    source: int
    target: int


class PairBuckets(ByLength[PairBatch]):
    """Batches of pairs, random access; a pair belongs to a bucket by its longer side.

    All batches of a bucket have the shape of its edge, so that the batches of all splits have the same few shapes; only
    pairs that are longer than any training pair need another one.
    """

    axes = MappingProxyType(
        {"source": "source", "source_mask": "source", "read": "target", "target": "target", "mask": "target"}
    )

    def __init__(
        self,
        sources: Sequence[NDArray[Any]],
        targets: Sequence[Tokens],
        edges: Sequence[Edge],
        batch_size: int,
        *,
        end: int,
        references: Sequence[str] | None = None,
        shuffle: bool = False,
        seed: int = 0,
    ):
        """Sort pairs into buckets.

        Args:
            sources: time first, all of one dtype.
            targets: symbols without their end.
            edges: see `pair_edges`; longer pairs get a further bucket.
            batch_size: rows per batch, filling rows included.
            end: the symbol that ends each target.
            references: the texts of the targets, for metrics of decoded output.
            shuffle: a new order in each epoch.
            seed: the seed of `shuffle`.
        """
        sizes = np.array([(len(source), len(target) + 1) for source, target in zip(sources, targets, strict=True)])
        super().__init__(sizes.max(axis=1), [edge.longer for edge in edges], batch_size, shuffle=shuffle, seed=seed)
        self._sources, self._targets, self._end = sources, targets, end
        least = [*edges, Edge(0, 1, 1)]
        self._shapes = [
            tuple(np.maximum(rounded(sizes[bucket].max(axis=0, initial=0)), edge[1:]))
            for bucket, edge in zip(self._buckets, least[: len(self._buckets)], strict=True)
        ]
        self._references = None if references is None else _packed([text.encode("utf-8") for text in references])

    def fill(self, places: NDArray[np.int64], bucket: int) -> PairBatch:
        """Return a batch of some pairs of a bucket."""
        (source_length, target_length), first = self._shapes[bucket], self._sources[0]
        source = np.zeros((self.batch_size, source_length, *first.shape[1:]), first.dtype)
        target = np.full((self.batch_size, target_length), self._end, np.int32)
        source_mask, mask = np.zeros(source.shape[:2], bool), np.zeros(target.shape, bool)
        for row, place in enumerate(places):
            one, other = self._sources[place], self._targets[place]
            source[row, : len(one)], source_mask[row, : len(one)] = one, True
            target[row, : len(other)], mask[row, : len(other) + 1] = other, True
        read = np.roll(target, 1, axis=1)
        read[:, 0] = self._end
        batch = PairBatch(source=source, source_mask=source_mask, read=read, target=target, mask=mask)
        if self._references is not None:
            filling = np.zeros((self.batch_size - places.size, self._references.shape[1]), np.uint8)
            batch["reference"] = np.concatenate([self._references[places], filling])
        return batch


def source_batch(sources: Sequence[NDArray[Any]], rows: int, width: int) -> dict[str, NDArray[Any]]:
    """Return sources without targets.

    Args:
        sources: time first, all of one dtype.
        rows: of the batch, filling rows included.
        width: time steps of the batch.
    """
    source = np.zeros((rows, width, *sources[0].shape[1:]), sources[0].dtype)
    mask = np.zeros((rows, width), bool)
    for row, one in enumerate(sources):
        source[row, : len(one)], mask[row, : len(one)] = one, True
    return {"source": source, "source_mask": mask}


def pair_edges(sources: Sequence[NDArray[Any]], targets: Sequence[Tokens], buckets: int) -> tuple[Edge, ...]:
    """Return the edges that need the least padding for pairs sorted by their longer side.

    Args:
        sources: of the training pairs.
        targets: symbols without their end.
        buckets: maximum number of edges.
    """
    sizes = np.array([(len(source), len(target) + 1) for source, target in zip(sources, targets, strict=True)])
    longer = sizes.max(axis=1)
    edges = bucket_edges(longer, buckets)
    place = np.searchsorted(edges, longer)
    greatest = [rounded(sizes[place == number].max(axis=0, initial=1)) for number in range(len(edges))]
    return tuple(Edge(edge, int(source), int(target)) for edge, (source, target) in zip(edges, greatest, strict=True))


def references(batch: Mapping[str, Any]) -> list[str]:
    """Return the texts of the targets of a `PairBatch`, without the rows that only fill it."""
    rows = np.asarray(batch["reference"])[np.asarray(batch["mask"]).any(axis=1)]
    return [row.tobytes().rstrip(b"\0").decode("utf-8") for row in rows]


def _packed(texts: Sequence[bytes]) -> NDArray[np.uint8]:
    width = 256 * (1 + max(map(len, texts)) // 256)  # of most splits the same
    return np.frombuffer(b"".join(text.ljust(width, b"\0") for text in texts), np.uint8).reshape(-1, width)
