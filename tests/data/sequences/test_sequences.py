from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench.data.batches.examples import DrawnBatches, ShuffledBatches, SplitBatches, train_batches
from gru_bench.data.generated import adding, copy_memory, counting_languages
from gru_bench.data.random import fractions, uniform_integers
from gru_bench.data.sequences.sequences import Examples, Sequences, concatenated, make_sequences

PLACES: Any = {"mirror": None, "cache": Path()}
ANBN = counting_languages.loader("ab")


def all_sources(seed: int = 0) -> dict[str, Sequences]:
    """Small data of every problem."""
    sizes: Any = {"train_size": 10, "valid_size": 5, "test_size": 7, "seed": seed}
    return {
        "adding": adding.load(**PLACES, length=9, **sizes),
        "copy": copy_memory.load(**PLACES, delay=3, **sizes),
        "anbn": ANBN(**PLACES, longest=4, test_longest=7, train_size=10, seed=seed),
    }


SOURCES = all_sources()


@pytest.mark.parametrize("name", SOURCES)
def test_the_same_again_and_other_seeds_elsewhere(name: str):
    data, again, other = SOURCES[name], all_sources()[name], all_sources(seed=1)[name]
    assert data.facts["digest"] == again.facts["digest"] != other.facts["digest"]
    first, same = (train_batches(source, 4, seed=3) for source in (data, again))
    for epoch in (2, 0):
        for index in (2, 0):
            one, two = first.at(epoch, index), same.at(epoch, index)
            assert all(np.array_equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", SOURCES)
def test_every_batch_is_another_one(name: str):
    data, other = SOURCES[name], all_sources(seed=1)[name]
    places = [(data, 0, 0, 0), (data, 0, 0, 1), (data, 0, 1, 0), (data, 1, 0, 0), (other, 0, 0, 0)]
    drawn = [train_batches(source, 8, seed).at(epoch, index) for source, seed, epoch, index in places]
    assert len({batch["inputs"].tobytes() for batch in drawn}) == len(places)
    with pytest.raises(IndexError, match="batch 3 of 3"):
        train_batches(data, 4, 0).at(0, 3)


@pytest.mark.parametrize("name", SOURCES)
def test_training_batches_say_how_large_they_are(name: str):
    batches = train_batches(SOURCES[name], 4, seed=0)
    batch = batches.at(0, 2)
    assert len(batches) == 3
    assert batches.shapes == ({"time": batch["inputs"].shape[1]},)
    assert batch["mask"].shape[0] == 4


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("size", [3, 100])
def test_a_split_is_given_exactly_once(name: str, size: int):
    test = SOURCES[name].test
    batches = SplitBatches(test, size)
    found = [batches[index] for index in range(len(batches))]
    assert len({batch["mask"].shape for batch in found}) == 1
    for key, whole in test._asdict().items():
        parts = np.concatenate([batch[key] for batch in found])
        np.testing.assert_array_equal(parts[: len(whole)], whole)
    assert sum(batch["mask"].sum() for batch in found) == test.mask.sum()
    with pytest.raises(IndexError):
        batches[len(batches)]


def test_sequences_of_different_lengths_are_padded_at_their_end():
    one, two = adding.read("0.5* 0.25*"), adding.read("1* 2 3 4*")
    both = concatenated([one, two])
    assert both.inputs.shape == (2, 4, 2)
    assert both.padding.tolist() == [[True, True, False, False], [True] * 4]
    assert both.targets[both.mask].tolist() == [0.75, 5.0]


def test_draws_are_within_their_bounds():
    words = np.array([0, 2**64 - 1, 2**63, 12345], np.uint64)
    assert fractions(words).tolist()[:3] == [0.0, 1 - 2**-24, 0.5]
    assert uniform_integers(words, 10).tolist() == [0, 5, 8, 5]


def numbered(count: int) -> Examples:
    """Sequences of three bytes, all of them the sequence's number; the target is its number, too."""
    inputs = np.repeat(np.arange(count, dtype=np.uint8), 3).reshape(count, 3, 1)
    return Examples(inputs, np.arange(count)[:, None], np.ones((count, 1), bool), np.ones((count, 3), bool))


def test_each_epoch_holds_every_given_sequence_once_in_another_order():
    batches = ShuffledBatches(numbered(10), 4, seed=2)
    assert (len(batches), batches.shapes) == (3, ({"time": 3},))

    def order(batches: ShuffledBatches, epoch: int) -> list[int]:
        found = [batches.at(epoch, index) for index in range(len(batches))]
        assert {batch["inputs"].shape for batch in found} == {(4, 3, 1)}
        return np.concatenate([batch["targets"][batch["mask"]] for batch in found]).tolist()

    orders = [order(batches, epoch) for epoch in (0, 1, 0)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))
    assert orders[0] == orders[2] != orders[1]
    assert order(ShuffledBatches(numbered(10), 4, seed=3), 0) != orders[0]
    assert batches.at(1, 2)["mask"].sum() == 2
    with pytest.raises(IndexError, match="batch 3 of 3"):
        batches.at(0, 3)


def test_given_sequences_are_shuffled_and_others_drawn():
    data = make_sequences({"problem": "any"}, 10, numbered(10), 0, numbered(2), numbered(3), {"source": "here"})
    assert isinstance(train_batches(data, 4, 0), ShuffledBatches)
    assert isinstance(train_batches(SOURCES["adding"], 4, 0), DrawnBatches)
    assert (data.time_steps, data.facts["source"]) == (3, "here")
    assert data.facts["sequences"] == {"train": 10, "valid": 2, "test": 3}
    changed = numbered(10)
    changed.inputs[7, 1] = 99
    other = make_sequences({"problem": "any"}, 10, changed, 0, numbered(2), numbered(3))
    assert other.facts["digest"] != data.facts["digest"]


def test_bytes_are_read_as_shares_of_255():
    one = SplitBatches(numbered(5), 2)[1]
    np.testing.assert_array_equal(one["inputs"][:, 0, 0], (np.array([2, 3]) / 255).astype(np.float32))
    assert one["inputs"].dtype == np.float32
