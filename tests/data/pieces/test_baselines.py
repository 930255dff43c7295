import math

import numpy as np
import pytest

from gru_bench.data.pieces.baselines import key_frequency, last_frame, score
from gru_bench.data.pieces.pieces import KEYS, to_roll

TRAIN = [to_roll([[60], [60], []]), to_roll([[60, 64], [64]])]
C, E = 60 - 21, 64 - 21


def test_key_frequency_is_the_share_of_time_steps_plus_one():
    found = key_frequency(TRAIN)(np.zeros((2, KEYS), bool))
    assert found.shape == (2, KEYS)
    assert found[0, [C, E, 0]] == pytest.approx([4 / 7, 3 / 7, 1 / 7])


def test_last_frame_counts_what_goes_on_and_what_begins():
    predict = last_frame(TRAIN)
    silent, sounding = np.zeros((1, KEYS), bool), np.ones((1, KEYS), bool)
    # C: silent before 2 frames and sounded in both; sounding before 3 and sounded in 1. E: 4, 1 and 1, 1.
    assert predict(silent)[0, [C, E, 0]] == pytest.approx([3 / 4, 2 / 6, 1 / 7])
    assert predict(sounding)[0, [C, E, 0]] == pytest.approx([2 / 5, 2 / 3, 1 / 2])


def test_every_frame_is_scored_and_the_first_is_told_apart():
    def predict(before):
        return np.where(np.arange(len(before))[:, None] == 0, 0.5, 0.25) * np.ones((1, KEYS))

    found = score([to_roll([[60], [60, 64]]), to_roll([[], [], []])], predict)
    first = 2 * KEYS * math.log(2)
    later = 2 * math.log(4) + (3 * KEYS - 2) * math.log(4 / 3)
    assert found == pytest.approx({"nll": (first + later) / 5, "nll_after_first": later / 3})
