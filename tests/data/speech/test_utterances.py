from __future__ import annotations

import json

import numpy as np
import pytest

from gru_bench.data.speech.utterances import Speech, SpeechForm, Utterances, make_speech
from gru_bench.errors import DataError


def made(**settings: object) -> Speech:
    draw = np.random.default_rng(0)

    def some(*texts: str) -> Utterances:
        frames = tuple((3 + 2 * draw.normal(size=(draw.integers(2, 9), 2))).astype(np.float32) for _ in texts)
        return Utterances(frames, texts, tuple(map(str, range(len(texts)))))

    splits = {"train": some("ab a", "ba"), "valid": some("b"), "test": some("a c")}
    return make_speech("x", splits, ("one", "two"), 100.0, **settings)  # pyright: ignore


def test_symbols_and_scaling_are_those_of_train():
    data = made()
    assert data.form.symbols == (" ", "a", "b")
    assert data.form.encode("ab a").tolist() == [2, 3, 1, 2]
    assert data.form.decode([2, 3, 1, 1, 2, 1]) == "ab a"
    scaled = np.concatenate([data.form.scale(frames) for frames in data.train.frames])
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-6)
    assert SpeechForm.from_dict(json.loads(json.dumps(data.describe()))) == data.form
    words = made(unit="word")
    assert words.form.symbols == ("a", "ab", "ba")
    assert words.form.decode(words.form.encode("ba a").tolist()) == "ba a"


def test_a_symbol_that_train_lacks_stays_an_error_of_recognition():
    form = made().form
    assert form.encode("a c").tolist() == [2, 1, form.outputs]
    assert form.decode(form.encode("a c").tolist()) == "a \ufffd"


def test_changes_keep_what_they_do_not_change():
    data = made()
    part = data.with_train_fraction(0.5, 0)
    assert (len(part.train), len(part.test), part.form) == (1, 1, data.form)
    noisy = data.with_input_noise(0.5, 0)
    added = np.concatenate(noisy.train.frames) - np.concatenate(data.train.frames)
    assert (added != 0).all()
    assert noisy.test.transcripts == data.test.transcripts
    assert len({one.facts["digest"] for one in (data, part, noisy)}) == 3


def test_empty_splits_and_transcripts_are_refused():
    one = Utterances((np.zeros((3, 2), np.float32),), ("",), ("1",))
    with pytest.raises(DataError, match="all transcripts of train are empty"):
        make_speech("x", {"train": one, "valid": one, "test": one}, ("a", "b"), 100.0)
    with pytest.raises(DataError, match="the test split has 0 recordings"):
        make_speech("x", {"train": one, "valid": one, "test": Utterances((), (), ())}, ("a", "b"), 100.0)
