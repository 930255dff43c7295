from __future__ import annotations

from pathlib import Path

import numpy as np

from gru_bench.data.generated.agreement import NOUNS, NUMBERS, VERBS, load
from gru_bench.data.tagged.baselines import most_frequent_tags, tag_bigram

SHOWN = {word: number for words in (NOUNS, VERBS) for number in NUMBERS for word in words[number]}
HIDDEN = {*NOUNS[""], *VERBS[""]}


def test_one_of_each_pair_shows_the_number_and_clauses_nest(tmp_path: Path):
    data = load(mirror=None, cache=tmp_path, train_size=300, valid_size=50, test_size=50)
    tags = [tuple(data.form.tags[tag] for tag in row) for row in data.train.rows(data.train.tags)]
    for words, names, label in zip(data.train.words, tags, data.train.labels, strict=True):
        last, open_pairs = "", list[tuple[str, bool]]()
        for place, (word, tag) in enumerate(zip(words, names, strict=True)):
            if tag == "O" or (word not in SHOWN and word not in HIDDEN):
                continue
            number, shown = tag[2:], word in SHOWN
            assert not shown or SHOWN[word] == number
            if any(word in group for group in NOUNS.values()):
                open_pairs.append((number, shown))
                continue
            expected, shown_by_noun = open_pairs.pop()
            assert (number, shown) == (expected, not shown_by_noun), (words, place)
            last = number
        assert not open_pairs
        assert data.form.classes[label] == last
    assert not set(data.train.words) & {*data.valid.words, *data.test.words}


def test_words_alone_and_neighbouring_tags_are_far_below_the_optimum(tmp_path: Path):
    data = load(mirror=None, cache=tmp_path, train_size=2000, valid_size=50, test_size=500)
    for guess in (most_frequent_tags, tag_bigram):
        assert float(np.mean(guess(data) == data.test.tags)) < 0.75
    again, other = (
        load(mirror=None, cache=tmp_path, train_size=50, valid_size=50, test_size=50, seed=n) for n in (0, 1)
    )
    assert again.facts["digest"] != other.facts["digest"]
