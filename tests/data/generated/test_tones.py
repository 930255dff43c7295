from __future__ import annotations

from pathlib import Path

import numpy as np

from gru_bench.data.generated.sentiment_grammar import Dice
from gru_bench.data.generated.tones import load, syllable


def test_rising_and_falling_pairs_have_the_same_spectrum():
    for seed in range(5):
        rising, falling = (syllable(Dice((seed,)), up) for up in (True, False))
        half = rising.size // 2
        np.testing.assert_array_equal(rising[:half], falling[half:])
        np.testing.assert_array_equal(rising[half:], falling[:half])
        low, high = (np.abs(np.fft.rfft(part)).argmax() for part in (rising[:half], rising[half:]))
        assert high > 1.2 * low


def test_transcripts_are_words_of_letters_and_a_pure_function_of_the_seed(tmp_path: Path):
    sizes = {"train_size": 30, "valid_size": 10, "test_size": 10}
    one, again, other = (load(mirror=None, cache=tmp_path, **sizes, seed=seed) for seed in (0, 0, 1))
    assert one.facts["digest"] == again.facts["digest"] != other.facts["digest"]
    assert one.form.symbols == (" ", "f", "r")
    assert all(1 <= len(word) <= 3 for text in one.train.transcripts for word in text.split())
    assert one.train.transcripts[:10] != one.test.transcripts
    letters = "".join(one.train.transcripts)
    assert 0.3 < letters.count("r") / (letters.count("r") + letters.count("f")) < 0.7
