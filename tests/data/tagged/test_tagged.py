from __future__ import annotations

import json

import numpy as np
import pytest

from gru_bench.data.data_set import SPLITS
from gru_bench.data.tagged.baselines import bag_of_words, most_frequent_tags, tag_bigram
from gru_bench.data.tagged.tagged import Sentence, TagForm, TaggedTexts, make_tagged
from gru_bench.errors import DataError

TRAIN = [
    Sentence(("Play", "jazz"), ("O", "B-genre"), "music"),
    Sentence(("rate", "jazz"), ("O", "B-book"), "books"),
    Sentence(("Play", "old", "jazz"), ("O", "B-genre", "I-genre"), "music"),
]


def made(test: Sentence = TRAIN[0], **settings: object) -> TaggedTexts:
    return make_tagged("x", {"train": TRAIN, "valid": TRAIN[:1], "test": [test]}, **settings)  # pyright: ignore


def test_words_tags_and_classes_come_from_train():
    data = made(Sentence(("play", "new", "jazz"), ("O", "I-genre", "B-book"), "books"), lowercase=True)
    assert data.form.vocabulary.symbols == ("jazz", "play", "old", "rate", "<unk>")
    assert data.form.tags == ("B-book", "B-genre", "I-genre", "O")
    assert data.form.classes == ("books", "music")
    assert data.test.ids.tolist() == [1, 4, 0]
    assert data.test.tags.tolist() == [3, 2, 0]
    assert data.test.labels.tolist() == [0]
    assert data.facts["unknown"] == {"train": 0, "valid": 0, "test": 1}
    assert TagForm.from_dict(json.loads(json.dumps(data.describe()))) == data.form
    assert made().form.vocabulary.ids["Play"] != made(lowercase=True).form.vocabulary.ids.get("Play")


def test_what_train_lacks_is_an_error_that_names_it():
    with pytest.raises(DataError, match=r"the test split has the tag 'B-film', 1 times, .* known: B-book, B-genre"):
        made(Sentence(("a",), ("B-film",), "music"))
    with pytest.raises(DataError, match="the class 'weather'"):
        made(Sentence(("a",), ("O",), "weather"))
    with pytest.raises(DataError, match="the test split has 0 sentences"):
        make_tagged("x", {"train": TRAIN, "valid": TRAIN, "test": []})
    with pytest.raises(DataError, match="found the tag 'O' alone"):
        make_tagged("x", {split: [Sentence(("a",), ("O",))] for split in SPLITS})


def test_new_text_is_split_at_blanks_and_unknown_words_at_punctuation():
    assert made().form.split("Play  old jazz, o'clock! ?") == ("Play", "old", "jazz", "o'clock")
    train = [*TRAIN, Sentence(("!", "e.g."), ("O", "O"), "music")]
    form = make_tagged("x", {"train": train, "valid": train, "test": train}).form
    assert form.split("jazz?! e.g. e.g.!") == ("jazz", "!", "e.g.", "e.g", "!")


def test_changes_keep_what_they_do_not_change():
    data = made()
    part = data.with_train_fraction(0.5, 0)
    assert sorted(part.train.labels.tolist()) == [0, 1]
    assert part.form == data.form
    noisy = data.with_label_noise(0.5, 0)
    assert (noisy.train.tags != data.train.tags).sum() == 4
    np.testing.assert_array_equal(noisy.train.ids, data.train.ids)
    replaced = data.with_input_noise(1.0, 0)
    assert (replaced.test.ids != data.test.ids).all()
    np.testing.assert_array_equal(replaced.test.tags, data.test.tags)
    assert len({one.facts["digest"] for one in (data, part, noisy, replaced)}) == 4


def test_a_bigram_of_tags_sees_the_tag_before_and_a_word_alone_does_not():
    words = [("a", "x"), ("b", "x")] * 5 + [("b", "x")]
    tags = {"a": ("A", "after a"), "b": ("B", "after b")}
    sentences = [Sentence(pair, tags[pair[0]], pair[0]) for pair in words]
    data = make_tagged("x", {"train": sentences, "valid": sentences[:2], "test": sentences[:2]})
    name = data.form.tags
    assert [name[tag] for tag in most_frequent_tags(data)] == ["A", "after b", "B", "after b"]
    assert [name[tag] for tag in tag_bigram(data)] == ["A", "after a", "B", "after b"]
    assert bag_of_words(data).tolist() == data.test.labels.tolist()
