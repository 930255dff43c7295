import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_bench.data.batches.streams import EvalWindows, TrainWindows
from gru_bench.data.random import permutation, random_bits, rotation
from gru_bench.errors import DataError

BEGIN = 1_000_000
sizes = st.tuples(st.integers(1, 300), st.integers(1, 12), st.integers(1, 20))


def stream_of(size):
    return np.arange(size, dtype=np.int32)


def lanes_of(batches, key):
    """Join the windows of each lane again, without what is masked."""
    joined = np.concatenate([batch[key] for batch in batches], axis=1)
    mask = np.concatenate([batch["mask"] for batch in batches], axis=1)
    return [row[kept] for row, kept in zip(joined, mask, strict=True)]


@given(sizes)
def test_eval_windows_score_every_symbol_once(size):
    length, batch_size, window = size
    windows = EvalWindows(stream_of(length), BEGIN, batch_size, window)
    batches = list(windows)
    assert len(batches) == len(windows)
    assert all(batch[key].shape == (windows.lanes, window) for batch in batches for key in batch)
    assert windows.lanes <= batch_size
    np.testing.assert_array_equal(np.concatenate(lanes_of(batches, "targets")), stream_of(length))
    np.testing.assert_array_equal(np.concatenate(lanes_of(batches, "inputs")), [BEGIN, *range(length - 1)])
    assert sum(batch["mask"].sum() for batch in batches) == length == windows.tokens


@given(sizes, st.booleans(), st.integers(0, 5), st.integers(0, 3))
def test_train_windows_tile_the_lanes_once(size, shift, seed, epoch):
    length, batch_size, window = size
    if length // batch_size < window:
        return
    windows = TrainWindows(stream_of(length), BEGIN, batch_size, window, shift=shift, seed=seed)
    batches = [windows.at(epoch, index) for index in range(len(windows))]
    assert all(batch[key].shape == (batch_size, window) for batch in batches for key in batch)
    targets = np.concatenate(lanes_of(batches, "targets"))
    start = rotation(seed, epoch, length) if shift else 0
    np.testing.assert_array_equal(targets, np.roll(stream_of(length), -start)[: (length // batch_size) * batch_size])
    np.testing.assert_array_equal(
        np.concatenate(lanes_of(batches, "inputs")), np.where(targets == 0, BEGIN, targets - 1)
    )
    resets = np.concatenate(lanes_of(batches, "reset")).reshape(batch_size, -1)
    expected = (targets == 0).reshape(batch_size, -1)
    expected[:, 0] = True
    np.testing.assert_array_equal(resets, expected)


@given(sizes)
@settings(max_examples=30)
def test_policy_reset_starts_every_window_anew(size):
    length, batch_size, window = size
    windows = EvalWindows(stream_of(length), BEGIN, batch_size, window, policy="reset")
    assert len(windows) > 0
    for batch in windows:
        assert batch["reset"][:, 0].all()
        assert not batch["reset"][:, 1:].any()


def test_policy_carry_resets_once_per_epoch():
    windows = TrainWindows(stream_of(100), BEGIN, 4, 10)
    assert len(windows) == 3
    assert [int(batch["reset"].sum()) for batch in windows] == [4, 0, 0]
    assert not windows[2]["mask"][:, 5:].any()


def test_updates_count_on_over_the_epochs():
    plain = TrainWindows(stream_of(100), BEGIN, 4, 10)
    np.testing.assert_array_equal(plain.update(4)["targets"], plain[1]["targets"])
    shifted = TrainWindows(stream_of(100), BEGIN, 4, 10, shift=True, seed=3)
    np.testing.assert_array_equal(shifted.update(4)["targets"], shifted.at(1, 1)["targets"])
    assert not np.array_equal(shifted.at(0, 0)["targets"], shifted.at(1, 0)["targets"])
    np.testing.assert_array_equal(shifted[0]["targets"], shifted.at(0, 0)["targets"])


def test_full_windows_are_views():
    stream = stream_of(100)
    assert np.shares_memory(TrainWindows(stream, BEGIN, 4, 10)[0]["targets"], stream)


def test_a_window_outside_the_epoch_is_an_index_error():
    with pytest.raises(IndexError, match="batch 3 of 3"):
        TrainWindows(stream_of(100), BEGIN, 4, 10)[3]
    with pytest.raises(IndexError, match="batch 1 of 1"):
        EvalWindows(stream_of(4), BEGIN, 4, 10)[1]


def test_short_streams_are_refused_with_numbers():
    with pytest.raises(DataError, match=r"99 symbols; 10 lanes .* 10 time steps .* need 100"):
        TrainWindows(stream_of(99), BEGIN, 10, 10)
    with pytest.raises(DataError, match="0 symbols"):
        EvalWindows(stream_of(0), BEGIN, 10, 10)


def test_fewer_symbols_than_lanes_reduce_the_lanes():
    assert EvalWindows(stream_of(3), BEGIN, 10, 5).lanes == 3


def test_order_is_a_pure_function_of_seed_and_epoch():
    assert [rotation(0, epoch, 1000) for epoch in range(3)] == [rotation(0, epoch, 1000) for epoch in range(3)]
    assert len({rotation(seed, epoch, 10**9) for seed in range(3) for epoch in range(3)}) == 9
    order = permutation(1, 2, 50)
    assert sorted(order) == list(range(50))
    np.testing.assert_array_equal(order, permutation(1, 2, 50))
    assert not np.array_equal(order, permutation(1, 3, 50))


def test_random_bits_never_change():
    assert random_bits((0, 0), 24).tolist() == FROZEN_BITS
    assert abs(random_bits((1, 2), 100_000).mean() - 0.5) < 0.01


FROZEN_BITS = [0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1, 0]
