import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.tokens.vocabulary import END_OF_SENTENCE, UNKNOWN, Vocabulary, words
from gru_bench.errors import DataError


def test_words_end_each_line_with_eos():
    assert words("a b\n\n c\nd") == ["a", "b", "<eos>", "<eos>", "c", "<eos>", "d"]


def test_word_vocabulary_is_ordered_by_count_then_code_point():
    vocabulary = Vocabulary.of_words(words("b a b c\na b\n"))
    assert vocabulary.symbols == ("b", "<eos>", "a", "c")
    assert vocabulary.symbols[vocabulary.begin] == END_OF_SENTENCE
    assert vocabulary.decode(vocabulary.encode("a b\nc")) == "a b\nc"


def test_rare_words_become_unknown():
    vocabulary = Vocabulary.of_words(words("b a b c\na b\n"), min_count=2)
    assert set(vocabulary.symbols) == {"b", "a", "<eos>", "<unk>"}
    assert vocabulary.decode(vocabulary.encode("c b zebra\n")) == "<unk> b <unk>\n"


@given(st.lists(st.sampled_from([*"abcdefgh", UNKNOWN, END_OF_SENTENCE]), min_size=1), st.integers(3, 12))
def test_vocabulary_never_exceeds_its_limit(tokens, limit):
    vocabulary = Vocabulary.of_words(tokens, max_size=limit)
    assert vocabulary.size <= limit
    assert set(vocabulary.symbols) - {UNKNOWN, END_OF_SENTENCE} <= set(tokens)
    if vocabulary.size < len({*tokens, END_OF_SENTENCE}):
        assert UNKNOWN in vocabulary.symbols


def test_words_are_composed_and_old_vocabularies_are_read_as_they_are():
    assert words("cafe\u0301 i\n") == ["café", "i", "<eos>"]
    for known in ("café", "cafe\u0301"):
        vocabulary = Vocabulary((known, "<eos>", "<unk>"), "word", 1)
        assert vocabulary.encode(f"cafe\u0301 {known} x").tolist() == [0, 0, 2]


@pytest.mark.parametrize("known", ["café", "cafe\u0301"])
def test_characters_are_read_in_the_form_that_the_vocabulary_knows(known):
    vocabulary = Vocabulary.of_characters(known)
    for text in ("café", "cafe\u0301"):
        assert vocabulary.decode(vocabulary.encode(text)) == known
    with pytest.raises(DataError, match="char 'x' at position 0"):
        vocabulary.encode("xcaf")


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_characters_and_bytes_round_trip(text):
    for vocabulary in (Vocabulary.of_characters(text), Vocabulary.of_bytes()):
        assert vocabulary.decode(vocabulary.encode(text)) == text
        again = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
        assert again == vocabulary


def test_text_and_lists_encode_alike():
    vocabulary = Vocabulary.of_characters("abc\n").with_unknown()
    np.testing.assert_array_equal(vocabulary.encode_symbols("cab?"), vocabulary.encode_symbols(list("cab?")))


def test_begin_is_a_line_end_where_there_is_one():
    assert Vocabulary.of_characters("ab\n").symbols[Vocabulary.of_characters("ab\n").begin] == "\n"
    assert Vocabulary.of_characters("ab").begin == 0
    assert Vocabulary.of_bytes().begin == ord("\n")


def test_unknown_symbol_is_named_with_its_place():
    with pytest.raises(DataError, match=r"char 'z' at position 2 is not among the 2 symbols"):
        Vocabulary.of_characters("ab").encode("abz")


def test_bytes_of_a_text_must_be_utf8():
    with pytest.raises(DataError, match="not UTF-8: byte 0xff at offset 1"):
        Vocabulary.of_characters("ab").encode(b"a\xff")


@pytest.mark.parametrize(
    ("symbols", "level", "begin", "message"),
    [
        (("a", "a"), "char", 0, "every symbol must occur once"),
        (("a",), "char", 1, "expected 0 <= begin < size"),
        ((), "char", 0, "0 symbols"),
    ],
)
def test_a_vocabulary_must_make_sense(symbols, level, begin, message):
    with pytest.raises(DataError, match=message):
        Vocabulary(symbols, level, begin)


def test_from_dict_is_strict():
    with pytest.raises(DataError, match="expected begin, level, symbols"):
        Vocabulary.from_dict({"symbols": ["a"], "level": "char"})
