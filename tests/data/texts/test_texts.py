from __future__ import annotations

import json

import numpy as np
import pytest

from gru_bench.data.texts.texts import TextForm, make_texts
from gru_bench.data.texts.tokeniser import tokenise
from gru_bench.data.tokens.vocabulary import Vocabulary
from gru_bench.errors import DataError

TEXTS = {
    "train": ["A good film, a GOOD film.", "a bad film", "", "bad ending"],
    "valid": ["a better film"],
    "test": ["good!", "worse than bad"],
}
LABELS = {"train": [1, 0, 1, 0], "valid": [1], "test": [1, 0]}


def make(**options):
    return make_texts("drawn", TEXTS, LABELS, ("bad", "good"), **options)


def test_examples_of_a_split():
    data = make()
    assert len(data.train) == 4
    assert [data.vocabulary.symbols[number] for number in data.train[0]] == tokenise(TEXTS["train"][0])
    assert data.train.lengths.tolist() == [8, 3, 1, 2]
    assert data.train.labels.tolist() == LABELS["train"]
    assert data.train.texts == tuple(TEXTS["train"])
    assert data.train.ids.dtype == data.train.labels.dtype == np.int32


def test_an_empty_text_is_one_unknown_word():
    data = make()
    assert data.train[2].tolist() == [data.vocabulary.ids["<unk>"]]
    encoded = data.form.encode(["", "good"], [0, 1])
    assert encoded[0].tolist() == [data.vocabulary.ids["<unk>"]]
    assert encoded[1].tolist() == [data.vocabulary.ids["good"]]


def test_the_vocabulary_is_that_of_train_by_falling_count():
    data = make()
    assert data.vocabulary.symbols == ("a", "film", "bad", "good", ",", ".", "ending", "<eos>", "<unk>")
    assert make(min_count=2).vocabulary.symbols == ("a", "film", "bad", "good", "<eos>", "<unk>")
    assert make(max_vocabulary=4).vocabulary.symbols == ("a", "film", "<eos>", "<unk>")
    assert data.facts["unknown"] == {"train": 1, "valid": 1, "test": 3}


def test_valid_and_test_have_no_say_in_the_vocabulary():
    other = {**TEXTS, "valid": ["entirely other words"], "test": ["film film film", "zebra"]}
    changed = make_texts("drawn", other, LABELS, ("bad", "good"), max_vocabulary=5)
    assert changed.vocabulary == make(max_vocabulary=5).vocabulary


def test_words_of_the_texts_that_are_called_like_special_ones():
    texts = {**TEXTS, "train": ["<unk> <eos> good", "bad", "x", "y"]}
    data = make_texts("drawn", texts, LABELS, ("bad", "good"))
    assert data.train.lengths.tolist() == [7, 1, 1, 1]


@pytest.mark.parametrize(
    ("keep", "expected"), [("start", [0, 1, 2]), ("end", [4, 5, 6]), ("ends", [0, 1, 6]), (None, list(range(7)))]
)
def test_which_words_of_a_long_text_are_read(keep, expected):
    vocabulary = Vocabulary((*"abcdefg", "<unk>"), "word")
    form = TextForm(name="", vocabulary=vocabulary, classes=("x", "y"), max_length=keep and 3, keep=keep or "start")
    assert form.cut(np.arange(7, dtype=np.int32)).tolist() == expected
    assert form.cut(np.arange(3, dtype=np.int32)).tolist() == [0, 1, 2]


def test_the_form_survives_json():
    form = make(max_length=3, keep="end", reading={"text_column": "text"}).form
    again = TextForm.from_dict(json.loads(json.dumps(form.to_dict())))
    assert again == form


def test_a_form_of_earlier_versions_still_cuts_words_at_their_marks():
    values = make(max_length=3).form.to_dict()
    values["vocabulary"]["symbols"] = ["cafe", "\u0301", "<eos>", "<unk>"]
    values["vocabulary"]["begin"] = 2
    values.pop("tokeniser")
    assert TextForm.from_dict(values).encode(["CAFE\u0301"], [0])[0].tolist() == [0, 1]
    assert TextForm.from_dict(values | {"tokeniser": 2}).encode(["CAFE\u0301"], [0])[0].tolist() == [3]


def test_the_digest_names_texts_labels_and_settings():
    digest = make().facts["digest"]
    assert make().facts["digest"] == digest
    assert make(reading={"text_column": "other"}).facts["digest"] == digest
    assert make(max_length=5).facts["digest"] != digest
    assert make(min_count=2).facts["digest"] != digest
    assert make_texts("drawn", TEXTS, {**LABELS, "test": [0, 0]}, ("bad", "good")).facts["digest"] != digest


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ({"valid": []}, {"valid": []}, "the valid split has 0 texts"),
        ({}, {"train": [1, 1, 1, 1]}, "the class 'good' alone in train, expected at least two"),
    ],
)
def test_too_little_is_a_data_error(texts, labels, message):
    with pytest.raises(DataError, match=message):
        make_texts("drawn", {**TEXTS, **texts}, {**LABELS, **labels}, ("bad", "good"))
