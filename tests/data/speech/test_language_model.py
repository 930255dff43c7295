from __future__ import annotations

import numpy as np
import pytest

from gru_bench.data.speech.baselines import most_frequent_words
from gru_bench.data.speech.language_model import NGrams


def test_probabilities_are_those_of_interpolated_counts():
    model = NGrams({(1, 2): 2, (1, 3): 1}, 4, 2)
    unigram = (np.array([0, 3, 2, 1]) + 3 * 1 / 3) / (6 + 3)
    after_one = (np.array([0, 0, 2, 1]) + 2 * unigram) / (3 + 2)
    np.testing.assert_allclose(np.exp(model((1,)))[1:], after_one[1:])
    np.testing.assert_allclose(np.exp(model((2, 1)))[1:], after_one[1:])  # only the last one counts
    np.testing.assert_allclose(np.exp(model(()))[1:], ((np.array([0, 3, 0, 0]) + unigram) / 4)[1:])
    np.testing.assert_allclose(np.exp(model((3,)))[1:], unigram[1:])  # never seen before anything


@pytest.mark.parametrize("order", [1, 3, 5])
def test_probabilities_of_all_units_sum_to_one(order: int):
    draw = np.random.default_rng(order)
    texts = {tuple(draw.integers(1, 6, size=draw.integers(1, 9)).tolist()): int(draw.integers(1, 4)) for _ in range(20)}
    model = NGrams(texts, 6, order)
    for before in ((), (1,), (2, 3, 4, 5, 1), (5, 5, 5)):
        assert np.exp(model(before))[1:].sum() == pytest.approx(1)


def test_the_most_frequent_words_are_as_many_as_in_the_median_transcript():
    assert most_frequent_words(["b a", "a c a", "c"]) == "a c"
