from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.texts import TextForm, cut_by_class, make_texts, tokenise
from gru_bench.data.vocabulary import Vocabulary
from gru_bench.errors import DataError

TEXTS = {
    "train": ["A good film, a GOOD film.", "a bad film", "", "bad ending"],
    "valid": ["a better film"],
    "test": ["good!", "worse than bad"],
}
LABELS = {"train": [1, 0, 1, 0], "valid": [1], "test": [1, 0]}


def make(**options):
    return make_texts("drawn", TEXTS, LABELS, ("bad", "good"), **options)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's fine.", ["it", "'s", "fine", "."]),
        ("I DON'T, won't; can\u2019t", ["i", "do", "n't", ",", "wo", "n't", ";", "ca", "n't"]),
        ("is n't it 's", ["is", "n't", "it", "'s"]),
        ("o'clock rock'n'roll", ["o'clock", "rock'n'roll"]),
        ("well-made... no!!", ["well", "-", "made", "...", "no", "!", "!"]),
        ("one<br /><BR>two", ["one", "two"]),
        ("3.5/10 naïve Übel", ["3", ".", "5", "/", "10", "naïve", "übel"]),
        ("很好 ok", ["很", "好", "ok"]),
        (" \n\t", []),
        ("", []),
    ],
)
def test_words_and_signs(text, words):
    assert tokenise(text) == words


@given(st.text(max_size=40))
def test_cutting_words_again_changes_nothing(text):
    words = tokenise(text)
    assert tokenise(" ".join(words)) == words
    assert all(word.strip() == word != "" for word in words)


@given(st.text(max_size=60))
def test_only_blanks_are_lost(text):
    plain = text.replace("<", "").lower()
    for sign in "\u2019\u2018\u02bc`":
        plain = plain.replace(sign, "'")
    assert "".join(tokenise(text.replace("<", ""))) == "".join(plain.split())


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


@given(
    st.lists(st.tuples(st.integers(0, 30).map(str), st.integers(0, 2)), min_size=1, max_size=60),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.integers(0, 3),
)
def test_a_draw_keeps_copies_together_and_every_class_in_train(rows, share, seed):
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    places = cut_by_class(texts, labels, {"valid": share, "test": 0.2}, seed)
    assert sorted(np.concatenate(list(places.values())).tolist()) == list(range(len(rows)))
    seen = [{texts[place] for place in found} for found in places.values()]
    assert not (seen[0] & seen[1]) | (seen[0] & seen[2]) | (seen[1] & seen[2])
    first = {text: label for text, label in reversed(rows)}  # a text belongs to the class of its first copy
    drawn = Counter(label for text, label in first.items() if text in seen[0])
    assert set(drawn) == set(first.values())


def test_a_draw_has_about_the_same_share_of_each_class():
    labels = [0] * 800 + [1] * 200
    places = cut_by_class([str(number) for number in range(1000)], labels, {"valid": 0.1, "test": 0.2})
    assert [np.bincount(np.array(labels)[places[split]]).tolist() for split in ("train", "valid", "test")] == [
        [560, 140],
        [80, 20],
        [160, 40],
    ]
