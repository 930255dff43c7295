"""A user's text file as a stream of words, characters or bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from gru_bench.data.data_set import SPLITS
from gru_bench.data.files.text import decode, read_file
from gru_bench.data.source import gives
from gru_bench.data.tokens.corpus import Corpus, encode_splits, make_corpus
from gru_bench.data.tokens.vocabulary import Tokens, Vocabulary, words
from gru_bench.validation import HeldOutFraction, Positive, Range

TextLevel = Literal["word", "char", "byte"]
Size = Annotated[int, Range(low=3)]


@gives("tokens")
def load_text_file(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    level: TextLevel = "char",
    encoding: str = "auto",
    valid_fraction: HeldOutFraction = 0.05,
    test_fraction: HeldOutFraction = 0.05,
    min_count: Positive = 2,
    max_vocabulary: Size | None = None,
) -> Corpus:
    """Read a text file and split it in order: train, valid, test.

    Args:
        mirror: unused.
        cache: unused.
        path: the file, relative to the working directory; `~` is the home folder.
        level: the unit of the stream. At `byte` the file may have any content.
        encoding: the file's encoding, or `auto`: byte order mark, else UTF-8, else the best guess, which is recorded.
        valid_fraction: share of the symbols for validation.
        test_fraction: share of the symbols for test.
        min_count: rarer words of train become `<unk>`; only for words.
        max_vocabulary: maximum number of words, `<eos>` and `<unk>` included; only for words.

    Raises:
        ConfigError: an unknown encoding.
        DataError: the path is missing, a folder, unreadable, empty, too small, binary, or not in the encoding.
    """
    raw = read_file(path)
    facts: dict[str, Any] = {"file_sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
    content: str | bytes = raw
    if level != "byte":
        content, used = decode(raw, encoding, path)
        facts["encoding"] = used if encoding == "auto" else encoding
    fractions = {"valid": valid_fraction, "test": test_fraction}
    symbols = cut_tail(words(content) if level == "word" and isinstance(content, str) else content, fractions)
    vocabulary, tokens, unknown = encode_text(level, symbols, min_count, max_vocabulary)
    return make_corpus("text_file", vocabulary, tokens, facts | unknown)


def cut_tail(symbols: Any, fractions: Mapping[str, float]) -> dict[str, Any]:
    """Cut the named splits off the end of a sequence, in their order; the rest is `train`.

    Args:
        symbols: a list of words, a text or bytes.
        fractions: share of the whole by split.
    """
    ends: dict[str, Any] = {}
    rest, size = symbols, len(symbols)
    for split in reversed(list(fractions)):
        place = len(rest) - int(size * fractions[split])
        ends[split], rest = rest[place:], rest[:place]
    return {"train": rest, **ends}


def encode_text(
    level: TextLevel, symbols: Mapping[str, Any], min_count: int, max_vocabulary: int | None
) -> tuple[Vocabulary, dict[str, Tokens], dict[str, Any]]:
    """Build the vocabulary from train only, and encode all splits.

    Args:
        level: the unit of the stream.
        symbols: by split: lists of words, a text or bytes, depending on the level.
        min_count: rarer words become `<unk>`.
        max_vocabulary: maximum number of words.

    Returns:
        Vocabulary, ids by split, and facts about `<unk>`.
    """
    if level == "byte":
        vocabulary = Vocabulary.of_bytes()
        return vocabulary, {split: vocabulary.encode(symbols[split]) for split in SPLITS}, {}
    if level == "word":
        vocabulary = Vocabulary.of_words(symbols["train"], min_count=min_count, max_size=max_vocabulary)
    else:
        vocabulary = Vocabulary.of_characters(symbols["train"])
    return encode_splits(vocabulary, symbols)
