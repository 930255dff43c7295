from __future__ import annotations

import builtins
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.pairs.codec import Codec, normalised, text_of, tokens_of
from gru_bench.errors import ConfigError

TEXTS = ["a small dog isn't here.", "the small cat, it ran!", "a cat ran (far)."]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Ein Hund, der läuft.", ["Ein", "Hund", "￭,", "der", "läuft", "￭."]),
        ("man's T-Shirt", ["man", "￭'s", "T", "￭-", "￭Shirt"]),
        ('"(a)"', ['"', "￭(", "￭a", "￭)", '￭"']),
        ("हिन्दी में।", ["हिन्दी", "में", "￭।"]),
    ],
)
def test_words_and_marks_are_tokens(text: str, tokens: list[str]):
    assert tokens_of(text) == tokens
    assert text_of(tokens) == text


@given(st.text(st.sampled_from("abÜ' .,!(-\"\u20193_\u0301"), max_size=20))
def test_no_text_changes_on_its_way_through_tokens(text: str):
    assert text_of(tokens_of(normalised(text, False))) == normalised(text, False)


@pytest.mark.parametrize("level", ["word", "char", "subword"])
def test_known_texts_are_written_as_they_are_read(level: Any):
    if level == "subword":
        pytest.importorskip("sentencepiece")
    codec = Codec.fit(TEXTS, level, lowercase=True, max_vocabulary=40 if level == "subword" else None)
    codec = Codec.from_dict(json.loads(json.dumps(codec.to_dict())))
    for text in ["a small  dog", "THE CAT, here!"]:
        ids = codec.encode(text)
        assert ids.dtype == np.int32
        assert ids.min() > codec.unknown
        assert codec.decode([*ids.tolist(), codec.end, 5, 6]) == normalised(text, True)
        assert len(codec.names(ids)) == ids.size
    assert codec.decode([]) == ""


def test_rare_and_new_words_are_unknown():
    codec = Codec.fit(TEXTS, "word", min_count=2)
    assert codec.symbols[:2] == ("<eos>", "<unk>")
    assert set(codec.symbols[2:]) == {"a", "small", "cat", "ran", "￭."}
    assert codec.encode("a new dog ran").tolist() == [codec.ids["a"], 1, 1, codec.ids["ran"]]
    assert Codec.fit(TEXTS, "word", max_vocabulary=4).size == 4


def test_a_word_of_a_text_is_never_the_end():
    codec = Codec.fit(["<eos> <unk> a"], "word")
    assert 0 not in codec.encode("<eos> a <unk>")


def test_fewer_subwords_than_characters_are_refused_and_more_than_there_are_are_not_made():
    pytest.importorskip("sentencepiece")
    with pytest.raises(ConfigError, match=r"data\.max_vocabulary: found 5"):
        Codec.fit(TEXTS, "subword", max_vocabulary=5)
    assert 10 < Codec.fit(TEXTS, "subword", max_vocabulary=5000).size < 200


def test_subwords_without_sentencepiece_name_the_extra(monkeypatch: pytest.MonkeyPatch):
    load = builtins.__import__

    def without(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name == "sentencepiece":
            raise ImportError(name)
        return load(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install \"gru_bench\[subwords\]\""):
        Codec.fit(TEXTS, "subword")
