from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.texts.splits import count_copies, cut_by_class, draw_splits


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


def test_texts_that_are_compared_as_equal_stay_together():
    def letters(text):
        return text.replace(" ", "")

    texts = {"all": [f"text {number}{sign}" for number in range(40) for sign in ("!", " !")]}
    labels = {"all": [number % 2 for number in range(40) for _ in range(2)]}
    drawn, _ = draw_splits(
        texts, labels, "all", {"valid": 0.2, "test": 0.2}, compared=lambda text: text.split("!")[0].strip()
    )
    assert [len(drawn[split]) for split in ("train", "valid", "test")] == [48, 16, 16]
    assert count_copies(drawn, letters) == dict.fromkeys(("valid in train", "test in train", "test in valid"), 0)


def test_copies_across_splits_are_counted_and_warned_of(caplog):
    texts = {"train": ["a", "b", "B"], "valid": ["c", "A"], "test": ["b", "B", "a"]}
    assert count_copies(texts, str.lower) == {"valid in train": 1, "test in train": 3, "test in valid": 1}
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "1 of the 2 texts of valid are also in train",
        "all of the 3 texts of test are also in train",
        "1 of the 3 texts of test are also in valid",
    ]
