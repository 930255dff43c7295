from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.batches.buckets import Buckets, bucket_edges, rounded

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=40)


def make(lengths, batch_size=4, **options):
    """Make texts whose words are the number of the text."""
    rows = [np.full(length, number, np.int32) for number, length in enumerate(lengths)]
    labels = np.arange(len(lengths), dtype=np.int32) % 3
    edges = options.pop("edges", None) or bucket_edges(np.array(lengths), options.pop("buckets", 3))
    return Buckets(rows, labels, edges, batch_size, **options)


def read(batch):
    """Return the texts of a batch, checking that all else is padding."""
    found = []
    for inputs, padding, label, mask in zip(
        batch["inputs"], batch["padding"], batch["labels"], batch["mask"], strict=True
    ):
        size = int(padding.sum())
        assert mask == (size > 0)
        assert padding[:size].all()
        assert not inputs[size:].any()
        if mask:
            assert len(set(inputs[:size].tolist())) == 1
            assert label == inputs[0] % 3
            found.append((int(inputs[0]), size))
        else:
            assert label == 0
    return found


@given(LENGTHS, st.integers(1, 7), st.integers(1, 4), st.booleans(), st.integers(0, 2))
def test_every_text_is_in_exactly_one_batch_of_an_epoch(lengths, batch_size, buckets, shuffle, epoch):
    batches = make(lengths, batch_size, buckets=buckets, shuffle=shuffle, seed=5)
    assert len(batches) == len(make(lengths, batch_size, buckets=buckets))
    found = [text for index in range(len(batches)) for text in read(batches.at(epoch, index))]
    assert sorted(found) == list(enumerate(lengths))
    shapes = {batches.at(epoch, index)["inputs"].shape for index in range(len(batches))}
    assert len(shapes) <= buckets
    assert {rows for rows, _ in shapes} == {batch_size}
    steps = sum(batches.at(epoch, index)["inputs"].size for index in range(len(batches)))
    kinds = batches.kinds()
    assert sum(count * batch["inputs"].size for batch, count in kinds) == steps
    assert sum(count for _, count in kinds) == len(batches)
    assert [shape["time"] for shape in batches.shapes] == sorted({size for _, size in shapes})


@given(LENGTHS, st.integers(1, 4))
def test_edges_pad_least(lengths, buckets):
    lengths = np.array(lengths)
    values = sorted(set((rounded(lengths) if len(set(lengths)) > 1 else lengths).tolist()))
    edges = bucket_edges(lengths, buckets)
    assert edges[-1] == values[-1]
    assert list(edges) == sorted(set(edges))
    assert len(edges) <= buckets

    def padded(edges):
        return np.array(edges)[np.searchsorted(edges, lengths)].sum()

    few = combinations(values[:-1], min(buckets, len(values)) - 1)
    assert padded(edges) == min(padded([*choice, values[-1]]) for choice in few)


def test_many_lengths_have_few_edges():
    lengths = np.random.default_rng(0).lognormal(6, 1, 20_000).astype(np.int64) + 1
    edges = bucket_edges(lengths, 5)
    assert len(edges) == 5
    assert edges[-1] == rounded(lengths).max()


def test_edges_are_round_so_that_few_shapes_are_compiled():
    lengths = np.arange(1, 3000)
    round_ = rounded(lengths)
    assert round_[:16].tolist() == lengths[:16].tolist()
    assert rounded(np.array([17, 33, 64, 65, 1000])).tolist() == [18, 36, 64, 72, 1024]
    assert (round_ >= lengths).all()
    assert (round_ < 1.125 * lengths).all()
    assert len(set(round_.tolist())) < 80
    assert bucket_edges(np.full(20, 33)) == (33,)


def test_the_order_is_a_function_of_seed_and_epoch():
    def order(batches, epoch):
        return [read(batches.at(epoch, index)) for index in range(len(batches))]

    lengths = [1 + number % 9 for number in range(60)]
    first, again = (make(lengths, shuffle=True, seed=1) for _ in range(2))
    again.at(3, 0)
    assert order(first, 0) == order(again, 0)
    assert order(first, 1) != order(first, 0)
    assert order(make(lengths, shuffle=True, seed=2), 0) != order(first, 0)
    assert order(make(lengths), 0) == order(make(lengths), 7)


def test_texts_of_a_bucket_are_spread_evenly():
    batches = make([5] * 9, batch_size=4, buckets=1, shuffle=True)
    assert [int(batches[index]["mask"].sum()) for index in range(len(batches))] == [3, 3, 3]


def test_texts_beyond_the_last_edge_get_a_bucket():
    batches = make([2, 3, 9, 7], edges=(3,))
    assert batches.edges == (3, 9)
    assert Counter(batches[index]["inputs"].shape for index in range(len(batches))) == {(4, 3): 1, (4, 9): 1}


def test_places_name_the_texts_of_a_batch():
    batches = make([3, 1, 2, 9, 1])
    for index in range(len(batches)):
        assert batches.places(index).tolist() == [text for text, _ in read(batches[index])]


def test_there_is_no_other_batch():
    batches = make([1, 2])
    with pytest.raises(IndexError):
        batches[len(batches)]
