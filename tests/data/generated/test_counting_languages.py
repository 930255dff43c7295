from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.generated.counting_languages import belongs, loader, read
from gru_bench.data.sequences.sequences import Examples
from gru_bench.errors import ConfigError, DataError


def may_follow(prefix: str, letters: str) -> set[str]:
    """Return what may follow, by trying all strings of the language; `.` is the end."""
    words = ["".join(letter * n for letter in letters) + "." for n in range(1, len(prefix) + 3)]
    return {word[len(prefix)] for word in words if word.startswith(prefix)}


@pytest.mark.parametrize("letters", ["ab", "abc"])
def test_targets_are_what_may_follow(letters: str):
    test = loader(letters)(mirror=None, cache=Path(), longest=3, test_longest=6).test
    for row, n in enumerate(range(1, 7)):
        word = "".join(letter * n for letter in letters)
        end = len(word) + 1
        assert test.inputs[row, :end].tolist() == [0, *(1 + letters.index(letter) for letter in word)]
        for step in range(end):
            found = {f".{letters}"[symbol] for symbol in np.flatnonzero(test.targets[row, step])}
            assert found == may_follow(word[:step], letters), (word, step)
        assert (
            test.mask[row].tolist()
            == test.padding[row].tolist()
            == [True] * end + [False] * (6 * len(letters) + 1 - end)
        )
        assert not test.targets[row, end:].any()


def test_all_n_up_to_the_longest_are_drawn_alike():
    data = loader("ab")(mirror=None, cache=Path(), longest=5, test_longest=6)
    assert not isinstance(data.train, Examples)
    counts = (data.train((1, 2), 5000).inputs == 1).sum(axis=1)
    assert (abs(np.bincount(counts)[1:] - 1000) < 150).all()
    assert counts.max() == 5
    assert [(split.inputs == 1).sum(axis=1).tolist() for split in (data.valid, data.test)] == [
        [1, 2, 3, 4, 5],
        [1, 2, 3, 4, 5, 6],
    ]


@pytest.mark.parametrize("letters", ["ab", "abc"])
def test_a_string_of_the_language_reads_as_it_is_drawn(letters: str):
    data = loader(letters)(mirror=None, cache=Path(), longest=3, test_longest=4)
    for found, drawn in zip(read("".join(letter * 4 for letter in letters), letters), data.test, strict=True):
        np.testing.assert_array_equal(found[0], drawn[3])


@pytest.mark.parametrize(
    ("word", "alive"), [("aab", 3), ("aabb", 4), ("aabbb", 4), ("aba", 2), ("b", 0), ("ba", 0), ("aa", 2)]
)
def test_targets_count_as_long_as_the_string_can_still_become_one_of_the_language(word: str, alive: int):
    found = read(word, "ab")
    assert found.mask[0].tolist() == [step <= alive for step in range(len(word) + 1)]
    for step in range(alive + 1):
        expected = may_follow(word[:step], "ab")
        assert {".ab"[symbol] for symbol in np.flatnonzero(found.targets[0, step])} == expected
    assert belongs(word, "ab") == (word == "aabb")


@pytest.mark.parametrize("text", ["", "abd", "a.b"])
def test_other_letters_are_refused(text: str):
    with pytest.raises(DataError, match="expected letters out of abc"):
        read(text, "abc")


def test_test_strings_are_longer_than_those_of_training():
    with pytest.raises(ConfigError, match=r"data.test_longest: found 30, allowed: more than data.longest=30"):
        loader("ab")(mirror=None, cache=Path(), test_longest=30)
