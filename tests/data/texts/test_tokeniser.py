from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.texts.tokeniser import as_read, parts_read, tokenise

LETTERS_WITH_MARKS = (
    "aIi\u0130\u0131nt's_e\u0301\u0307\u0308\u0323\u0915\u093f\u094d\u200c\u200d\ufe0f\U0001f469\U0001f3fd\U0001f1e9"
    "か\u3099很!. \n"
)
ANY_TEXT = st.text(max_size=60) | st.text(LETTERS_WITH_MARKS, max_size=30)


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


@given(ANY_TEXT)
def test_cutting_words_again_changes_nothing(text):
    words = tokenise(text)
    assert tokenise(" ".join(words)) == words
    assert all(word.strip() == word != "" for word in words)


@given(ANY_TEXT)
def test_only_blanks_are_lost(text):
    def letters(shown):
        return unicodedata.normalize("NFD", shown).replace("\u0307", "")  # the second dot of an i is no loss

    plain = unicodedata.normalize("NFC", text.replace("<", ""))
    for sign in "\u2019\u2018\u02bc`":
        plain = plain.replace(sign, "'")
    assert letters("".join(tokenise(text.replace("<", "")))) == letters("".join(plain.lower().split()))


@given(ANY_TEXT)
def test_composed_and_decomposed_texts_have_the_same_words(text):
    words = tokenise(text)
    assert tokenise(unicodedata.normalize("NFD", text)) == words
    assert tokenise(unicodedata.normalize("NFC", text)) == words
    assert all(unicodedata.is_normalized("NFC", word) for word in words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\u092b\u093f\u0932\u094d\u092e \u0925\u0940", ["\u092b\u093f\u0932\u094d\u092e", "\u0925\u0940"]),  # Hindi
        ("\u0915\u094d\u200d\u0937!", ["\u0915\u094d\u200d\u0937", "!"]),  # with a joiner
        ("\u0645\u0650\u0646\u064e!", ["\u0645\u0650\u0646\u064e", "!"]),  # Arabic with short vowels
        ("\u0645\u06cc\u200c\u062e", ["\u0645\u06cc\u200c\u062e"]),  # Persian with a non-joiner
        ("\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9", ["\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9"]),  # Hebrew points
        ("\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48", ["\u0e17\u0e35\u0e48\u0e19\u0e35\u0e48"]),  # Thai
        ("cafe\u0301 CAFE\u0301", ["café", "café"]),
        ("\u0130stanbul I\u0307stanbul i\u0307stanbul", ["istanbul"] * 3),
        ("x\u0308y n't\u0300 don't", ["ẍy", "n't\u0300", "do", "n't"]),
        ("か\u3099 カ\u309a", ["が", "カ\u309a"]),
        (
            "\U0001f468\u200d\U0001f469\u200d\U0001f467!\u2764\ufe0f",
            ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "!", "\u2764\ufe0f"],
        ),
        ("\U0001f44d\U0001f3fd\U0001f44d 1\ufe0f\u20e3", ["\U0001f44d\U0001f3fd", "\U0001f44d", "1\ufe0f\u20e3"]),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", ["\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"]),
    ],
)
def test_marks_stay_with_what_carries_them(text, words):
    assert tokenise(text) == words


def test_the_first_rules_still_cut_at_marks():
    assert tokenise("Cafe\u0301 \u0925\u0940", 1) == ["cafe", "\u0301", "\u0925", "\u0940"]
    assert tokenise("It's CAFÉ.", 1) == tokenise("It's CAFÉ.") == ["it", "'s", "café", "."]


@pytest.mark.parametrize(("keep", "words"), [("start", "a b c"), ("end", "e f !"), ("ends", "a b !")])
def test_texts_are_compared_as_they_are_read(keep, words):
    assert as_read(3, keep)("A b c, d e f!") == words
    assert as_read(None, keep)("a\tb C  !") == as_read(None, keep)("A B c!") == "a b c !"


@given(st.integers(0, 9), st.integers(1, 9) | st.none(), st.sampled_from(["start", "end", "ends"]))
def test_as_many_words_are_read_as_the_limit_allows(size, limit, keep):
    places = [place for part in parts_read(size, limit, keep) for place in range(size)[part]]
    assert places == sorted(set(places))
    assert len(places) == (size if limit is None else min(size, limit))
