from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.generated import sentiment_grammar as grammar
from gru_bench.data.generated.sentiment_grammar import BAD, GOOD, INTENSIFIERS, NEGATORS, REPORTS, Dice, load, review
from gru_bench.data.texts.bag_of_words import bag_of_words
from gru_bench.errors import DataError

STRENGTH = {word: strength for strength, words in INTENSIFIERS.items() for word in words}


@pytest.fixture(scope="module")
def data():
    return load(mirror=None, cache=Path(), train_size=3000, valid_size=300, test_size=600)


def worth_of_clause(text):
    found = re.fullmatch(r"the \w+ \w+ (not )?(.*?) ?(\w+)", text)
    assert found
    sign = (1 if found[3] in GOOD else -1) * (-1 if found[1] else 1)
    assert found[3] in GOOD + BAD
    return sign * STRENGTH[found[2]]


def worth(text):
    """Read a review from its words alone, by other rules than those it was made by."""
    text = text.rsplit(" , but ", 1)[-1]
    for words, sign in [(words, -1) for words in NEGATORS] + [(words, 1) for words in REPORTS]:
        if text.startswith(f"{words} "):
            return sign * worth(text.removeprefix(f"{words} "))
    if text.startswith("although "):
        return worth(text.partition(" , ")[2])
    return sum(map(worth_of_clause, text.partition(" even though ")[0].split(" and ")))


def depth(text):
    """Count the nestings of the deeper side."""
    sides = text.split(" , but ")
    signs = [*NEGATORS, *REPORTS, "although", "even though"]
    return max(sum(len(re.findall(rf"\b{sign}\b", side)) for sign in signs) for side in sides)


@pytest.mark.parametrize("levels", range(7))
def test_the_label_follows_from_the_words(levels):
    for seed in range(150):
        found = review(Dice((seed, levels)), levels)
        assert np.sign(found.score) == np.sign(worth(found.text)) != 0
        assert depth(found.text) == levels


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the plot was good", 2),
        ("the plot was not good", -2),
        ("the plot was not very good", -3),
        ("the plot was slightly bad and the cast is great", 1),
        ("it is not true that the plot was good and the cast is extremely bad", 1),
        ("although the plot was bad , the cast is great", 2),
        ("i doubt that although the plot was bad , the cast is great even though the music felt dull", -2),
        ("i doubt that the plot was bad , but i think that the cast is weak", -2),
    ],
)
def test_what_the_rules_say(text, expected):
    assert worth(text) == expected


def test_no_sentence_comes_twice(data):
    texts = [*data.train.texts, *data.valid.texts, *data.test.texts]
    assert len(set(texts)) == len(texts) == 3900


def test_test_is_nested_more_deeply_than_train(data):
    deepest = {split: max(map(depth, getattr(data, split).texts)) for split in ("train", "valid", "test")}
    assert deepest == {"train": 4, "valid": 4, "test": 6}
    assert sum(depth(text) > 4 for text in data.test.texts) > 0.2 * len(data.test)
    assert data.facts["depths"]["test"].keys() == {"0", "1", "2", "3", "4", "5", "6"}


def test_every_word_of_test_occurs_in_train(data):
    assert data.facts["unknown"] == {"train": 0, "valid": 0, "test": 0}


def test_labels_are_balanced(data):
    assert all(0.45 < split.labels.mean() < 0.55 for split in (data.train, data.test))


def test_the_same_seed_gives_the_same_reviews(data):
    options = {"mirror": None, "cache": Path(), "train_size": 3000, "valid_size": 300, "test_size": 600}
    assert load(**options).facts["digest"] == data.facts["digest"]
    assert load(**options, seed=1).facts["digest"] != data.facts["digest"]


def test_a_bag_of_words_cannot_tell(data):
    assert (bag_of_words(data).argmax(axis=1) == data.test.labels).mean() < 0.65


def test_depths_the_wrong_way_round():
    with pytest.raises(DataError, match=r"found data.test_depth=3 and data.train_depth=4"):
        grammar.load(mirror=None, cache=Path(), test_depth=3)
