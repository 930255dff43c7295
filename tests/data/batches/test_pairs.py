from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.batches.pairs import Edge, PairBuckets, pair_edges, references

END = 0
SIZES = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=12)


def draw(sizes: list[tuple[int, int]]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Symbols that tell the pair and the place: 100 * pair + place, from 1 on."""
    sides = (
        [100 * pair + np.arange(1, size + 1) for pair, size in enumerate(side)] for side in zip(*sizes, strict=True)
    )
    sources, targets = ([row.astype(np.int32) for row in side] for side in sides)
    return sources, targets


@given(sizes=SIZES, buckets=st.integers(1, 4), batch_size=st.integers(1, 5), epoch=st.integers(0, 3))
def test_each_pair_is_in_one_batch_of_an_epoch_with_its_end(
    sizes: list[tuple[int, int]], buckets: int, batch_size: int, epoch: int
):
    sources, targets = draw(sizes)
    batches = PairBuckets(sources, targets, pair_edges(sources, targets, buckets), batch_size, end=END, shuffle=True)
    found: list[Any] = []
    for index in range(len(batches)):
        batch = batches.at(epoch, index)
        for row in np.flatnonzero(batch["mask"].any(axis=1)):
            source, target = batch["source"][row][batch["source_mask"][row]], batch["target"][row][batch["mask"][row]]
            read = batch["read"][row][batch["mask"][row]]
            assert target[-1] == END
            assert read.tolist() == [END, *target[:-1]]
            found.append((source.tolist(), target[:-1].tolist()))
        assert not batch["source_mask"][~batch["mask"].any(axis=1)].any()
    expected = [(source.tolist(), target.tolist()) for source, target in zip(sources, targets, strict=True)]
    assert sorted(found) == sorted(expected)


def test_edges_are_the_greatest_lengths_of_the_buckets():
    sources, targets = draw([(2, 1), (1, 2), (9, 1), (5, 6)])
    assert pair_edges(sources, targets, 2) == (Edge(3, 2, 3), Edge(9, 9, 7))
    assert pair_edges(sources, targets, 1) == (Edge(9, 9, 7),)


def test_batches_of_a_bucket_have_the_shape_of_its_edge_and_longer_pairs_another_one():
    sources, targets = draw([(2, 9), (9, 1), (1, 1), (2, 2), (1, 2)])
    batches = PairBuckets(sources, targets, (Edge(3, 3, 3), Edge(12, 10, 12)), 2, end=END)
    assert batches.shapes == ({"source": 3, "target": 3}, {"source": 10, "target": 12})
    assert [count for _, count in batches.kinds()] == [2, 1]
    longer = PairBuckets(sources, targets, (Edge(3, 3, 3),), 2, end=END)
    assert longer.shapes == ({"source": 3, "target": 3}, {"source": 9, "target": 10})


def test_references_are_texts():
    sources, targets = draw([(2, 2), (1, 1), (3, 1)])
    texts = ["zwei", "größer\u00a0", "三"]
    batches = PairBuckets(sources, targets, (Edge(4, 4, 4),), 2, end=END, references=texts)
    assert [text for batch in batches for text in references(batch)] == texts
    assert "reference" not in PairBuckets(sources, targets, (Edge(4, 4, 4),), 2, end=END)[0]
