"""Texts as symbols and back, without loss but for unknown symbols: words, characters or subwords."""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.tokens.vocabulary import END_OF_SENTENCE, UNKNOWN, Tokens, ranked
from gru_bench.errors import ConfigError, DataError

Level = Literal["word", "char", "subword"]

JOINER = "\uffed"
"""Begins a token that follows the one before it without a blank."""

_MARKS = "(?![\u060c\u061b\u061f\u0964\u0965])[\u0300-\u1fff\u200c\u200d]"  # of letters; but for punctuation
_TOKENS = re.compile(rf"(?<=\w)['\u2019](?:\w|{_MARKS})+|(?:\w|{_MARKS})+|[^\w\s]")


def normalised(text: str, lowercase: bool) -> str:
    """Compose the characters of a text (NFC), join its words by single blanks, and lower its case if wanted."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return text.lower() if lowercase else text


def tokens_of(text: str) -> list[str]:
    """Split a text into words and punctuation marks; a token that no blank precedes begins with a joiner."""
    return [
        token if place == 0 else JOINER + token
        for chunk in text.split()
        for place, token in enumerate(_TOKENS.findall(chunk))
    ]


def text_of(tokens: Iterable[str]) -> str:
    """Join the tokens of `tokens_of` to a text."""
    return " ".join(tokens).replace(f" {JOINER}", "").removeprefix(JOINER)


@dataclass(frozen=True)
class Codec:
    """The symbols of one side of the pairs; `<eos>` is number 0, `<unk>` number 1.

    Attributes:
        level: the unit.
        symbols: all symbols.
        lowercase: whether texts are read in lower case.
        model: the trained SentencePiece model of subwords, base64.
    """

    level: Level
    symbols: tuple[str, ...]
    lowercase: bool = False
    model: str = ""

    end = 0
    unknown = 1

    @property
    def size(self) -> int:
        """Number of symbols."""
        return len(self.symbols)

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """Number by symbol."""
        return {symbol: number for number, symbol in enumerate(self.symbols)}

    def normalised(self, text: str) -> str:
        """Return a text as it is read."""
        return normalised(text, self.lowercase)

    def encode(self, text: str) -> Tokens:
        """Return the symbols of a text, without an end, int32 of shape (symbols,)."""
        text = self.normalised(text)
        if self.level == "subword":
            return np.array(self._subwords.encode(text), np.int32)
        units = list(text) if self.level == "char" else tokens_of(text)
        return np.array([self.ids.get(unit, self.unknown) for unit in units], np.int32)

    def decode(self, ids: Sequence[int] | NDArray[np.integer]) -> str:
        """Return the text of symbols up to the first end."""
        kept = [int(number) for number in ids]
        kept = kept[: kept.index(self.end)] if self.end in kept else kept
        if self.level == "subword":
            return self._subwords.decode(kept)
        units = [self.symbols[number] for number in kept]
        return "".join(units) if self.level == "char" else text_of(units)

    def names(self, ids: Sequence[int] | NDArray[np.integer]) -> list[str]:
        """Return how symbols are written in pictures."""
        return [self.symbols[int(number)].replace("\u2581", "").replace(JOINER, "") or "\u2423" for number in ids]

    @cached_property
    def _subwords(self) -> Any:
        return _sentencepiece().SentencePieceProcessor(model_proto=base64.b64decode(self.model))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"level": self.level, "symbols": list(self.symbols), "lowercase": self.lowercase, "model": self.model}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Codec:
        """Rebuild from `to_dict`."""
        return cls(**{**values, "symbols": tuple(values["symbols"])})

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        level: Level,
        *,
        lowercase: bool = False,
        min_count: int = 1,
        max_vocabulary: int | None = None,
    ) -> Codec:
        """Collect the symbols of training texts, by descending count, then by code point.

        Args:
            texts: the training texts.
            level: the unit.
            lowercase: whether texts are read in lower case.
            min_count: rarer words or characters become `<unk>`.
            max_vocabulary: maximum number of symbols, `<eos>` and `<unk>` included; of subwords 8,000 if None.

        Raises:
            ConfigError: `max_vocabulary` does not suit these texts, or SentencePiece is not installed.
        """
        read = [normalised(text, lowercase) for text in texts]
        if level == "subword":
            return cls._of_subwords(read, lowercase, max_vocabulary or 8000)
        counts = Counter(unit for text in read for unit in (text if level == "char" else tokens_of(text)))
        kept = [unit for unit in ranked(counts) if counts[unit] >= min_count and unit not in (END_OF_SENTENCE, UNKNOWN)]
        return cls(level, (END_OF_SENTENCE, UNKNOWN, *kept)[:max_vocabulary], lowercase)

    @classmethod
    def _of_subwords(cls, texts: Sequence[str], lowercase: bool, size: int) -> Codec:
        library, model = _sentencepiece(), io.BytesIO()
        try:
            library.SentencePieceTrainer.train(
                sentence_iterator=iter(texts),
                model_writer=model,
                model_type="bpe",
                vocab_size=size,
                hard_vocab_limit=False,
                character_coverage=1.0,
                normalization_rule_name="identity",
                eos_id=cls.end,
                unk_id=cls.unknown,
                bos_id=-1,
                pad_id=-1,
                num_threads=1,
                minloglevel=2,
            )
        except RuntimeError as error:
            allowed = "a number of subwords that the training texts allow"
            raise ConfigError("data.max_vocabulary", size, allowed, str(error).rpartition("] ")[2]) from error
        processor = library.SentencePieceProcessor(model_proto=model.getvalue())
        symbols = [processor.id_to_piece(number) for number in range(processor.vocab_size())]
        return cls(
            "subword", (END_OF_SENTENCE, UNKNOWN, *symbols[2:]), lowercase, base64.b64encode(model.getvalue()).decode()
        )


def count_unknown(rows: Iterable[Tokens]) -> int:
    """Return how many symbols of some rows are `<unk>`."""
    return sum(int((ids == Codec.unknown).sum()) for ids in rows)


def check_sides(source: Sequence[str], target: Sequence[str], place: str) -> None:
    """Check that texts are pairs.

    Raises:
        DataError: there are none, their numbers differ, or one is blank.
    """
    if len(source) != len(target):
        raise DataError(
            f"{place}: found {len(source):,} sources and {len(target):,} targets, expected one target for each source."
        )
    if not source:
        raise DataError(f"{place}: found no pairs, expected at least one.")
    for number, pair in enumerate(zip(source, target, strict=True), 1):
        if not all(text.strip() for text in pair):
            side = "source" if not pair[0].strip() else "target"
            raise DataError(f"{place}: the {side} of pair {number:,} is blank, expected text. Remove the pair.")


def _sentencepiece() -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        hint = 'Install SentencePiece: pip install "gru_bench[subwords]"'
        raise ConfigError("data.level", "subword", "word or char without SentencePiece", hint) from error
    return sentencepiece
