from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.generated import canon
from gru_bench.data.generated.canon import HOLD, LOWER, SCALE, TONICS
from gru_bench.data.pieces.baselines import score
from gru_bench.data.pieces.pieces import pitches_of


def load(**options):
    return canon.load(mirror=None, cache=Path(), **{"train_size": 6, "valid_size": 4, "test_size": 5, **options})


@pytest.mark.parametrize("delay", [1, 3])
def test_the_second_voice_follows_the_first(delay):
    for roll in load(delay=delay).train:
        np.testing.assert_array_equal(roll[::HOLD], roll[1::HOLD])
        chords = [pitches_of(frame) for frame in roll[::HOLD]]
        leader = [max(chord) for chord in chords]
        assert leader[0] in TONICS
        assert [chord[:-1] for chord in chords[:delay]] == [[]] * delay
        assert [chord[:-1] for chord in chords[delay:]] == [[pitch - LOWER] for pitch in leader[:-delay]]
        degrees = [SCALE.index(pitch - leader[0]) for pitch in leader]
        assert all(abs(after - before) == 1 for before, after in itertools.pairwise(degrees))


def test_the_floor_is_that_of_a_listener_who_knows_the_rules():
    data = load(delay=2, test_size=40)

    def listener(before):
        probability = np.zeros(before.shape)
        probability[0, [tonic - 21 for tonic in TONICS]] = 1 / len(TONICS)
        leader = [max(pitches_of(frame)) for frame in before[1:]]
        for step in range(1, len(before)):
            if step % HOLD:
                probability[step] = before[step]
                continue
            degree = SCALE.index(leader[step - 1] - leader[0])
            moves = [place for place in (degree - 1, degree + 1) if 0 <= place < len(SCALE)]
            for place in moves:
                probability[step, leader[0] + SCALE[place] - 21] = 1 / len(moves)
            if step >= 2 * HOLD:
                probability[step, leader[step - 2 * HOLD] - LOWER - 21] = 1
        return probability

    assert data.floor is not None
    assert data.floor == pytest.approx(score(data.test, listener))
    assert 0.4 < data.floor["nll_after_first"] < data.floor["nll"] < math.log(2)


def test_data_is_a_function_of_its_seed():
    assert load().facts == load().facts
    assert load(seed=1).facts["digest"] != load().facts["digest"]
    assert load().facts["pieces"] == {"train": 6, "valid": 4, "test": 5}
    assert all(32 <= len(roll) <= 96 for roll in load().test)
