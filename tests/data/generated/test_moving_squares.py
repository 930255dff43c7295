from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from gru_bench.data.generated.moving_squares import DIRECTIONS, load
from gru_bench.data.signals.summaries import regression


def test_the_class_is_the_direction_of_every_move(tmp_path: Path):
    data = load(mirror=None, cache=tmp_path, train_size=20, valid_size=20, test_size=40, noise=0.0, side=7)
    moves = 0
    for place in range(40):
        frames = data.test[place].reshape(-1, 7, 7)
        assert 8 <= len(frames) <= 16
        assert (frames.sum(axis=(1, 2)) == 9).all()
        step = DIRECTIONS[data.form.classes[data.test.labels[place]]]
        for before, after in itertools.pairwise(frames):
            moves += (moved := bool((before != after).any()))
            np.testing.assert_array_equal(after, np.roll(before, step, (0, 1)) if moved else before)
    assert moves > 200


def test_summaries_are_at_chance(tmp_path: Path):
    data = load(mirror=None, cache=tmp_path, train_size=300, valid_size=20, test_size=1500, side=8)
    accuracy = (regression(data).argmax(axis=1) == data.test.labels).mean()
    assert abs(accuracy - 1 / 4) < 4 * np.sqrt(3 / 16 / 1500)
