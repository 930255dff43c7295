from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.batches.packed import PieceWindows, share_out
from gru_bench.data.pieces.pieces import KEYS

LENGTHS = st.lists(st.integers(1, 15), min_size=1, max_size=20)


def make(lengths, lanes=3, window=4, **options):
    """Make pieces whose frames differ: bits 0-5 hold the number of the piece, bits 6-11 that of the frame, from 1."""
    rolls = []
    for number, length in enumerate(lengths, 1):
        roll = np.zeros((length, KEYS), np.uint8)
        roll[:, :6] = number >> np.arange(6) & 1
        roll[:, 6:12] = np.arange(1, length + 1)[:, None] >> np.arange(6) & 1
        rolls.append(roll)
    return PieceWindows(rolls, lanes, window, **options)


def number(frame):
    return int(frame[:6] @ (1 << np.arange(6))), int(frame[6:12] @ (1 << np.arange(6)))


def read(windows, epoch=0):
    """Return the frames of each lane, and check inputs and resets against them."""
    lanes = [[] for _ in windows[0]["mask"]]
    for index in range(len(windows)):
        batch = windows.at(epoch, index)
        for lane, found in enumerate(lanes):
            for step, stands in enumerate(batch["mask"][lane]):
                before, frame = number(batch["inputs"][lane, step]), number(batch["targets"][lane, step])
                if not stands:
                    assert frame == (0, 0)
                    assert not batch["reset"][lane, step]
                    continue
                assert batch["reset"][lane, step] == (frame[1] == 1)
                assert before == ((0, 0) if frame[1] == 1 else found[-1])
                found.append(frame)
    return lanes


@given(LENGTHS, st.integers(1, 5), st.integers(1, 7), st.booleans(), st.integers(0, 2))
def test_every_frame_is_a_target_once_and_pieces_are_whole(lengths, lanes, window, shuffle, epoch):
    windows = make(lengths, lanes, window, shuffle=shuffle, seed=3)
    found = read(windows, epoch)
    frames = [frame for lane in found for frame in lane]
    assert sorted(frames) == [(piece, step) for piece, length in enumerate(lengths, 1) for step in range(1, length + 1)]
    for lane in found:  # frames of a piece follow each other in their order
        assert all(after == (before[0], before[1] + 1) or after[1] == 1 for before, after in itertools.pairwise(lane))
    assert len(windows) == len(make(lengths, lanes, window))
    assert windows[0]["inputs"].shape == (lanes, window, KEYS)
    assert windows.shapes == ({"time": window},)


@given(LENGTHS, st.integers(1, 6))
def test_lanes_are_about_equally_long(lengths, lanes):
    loads = [sum(lengths[piece] for piece in pieces) for pieces in share_out(np.array(lengths), lanes)]
    assert sum(loads) == sum(lengths)
    assert max(loads) - min(loads) <= max(lengths)


def test_the_order_is_a_function_of_seed_and_epoch():
    lengths = [1 + place % 9 for place in range(30)]
    first, again = (make(lengths, shuffle=True, seed=1) for _ in range(2))
    read(again, 3)
    assert read(first, 0) == read(again, 0)
    assert read(first, 1) != read(first, 0)
    assert read(make(lengths, shuffle=True, seed=2), 0) != read(first, 0)
    assert read(make(lengths), 0) == read(make(lengths), 5)


def test_there_is_no_other_window():
    windows = make([5, 3])
    with pytest.raises(IndexError):
        windows[len(windows)]
