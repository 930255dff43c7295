"""Symbols and their ids: words, characters, bytes or the symbols of a grammar."""

from __future__ import annotations

import itertools
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gru_bench.errors import DataError

Level = Literal["word", "char", "byte", "symbol"]
Tokens = NDArray[np.int32]

END_OF_SENTENCE = "<eos>"
UNKNOWN = "<unk>"


def words(text: str) -> list[str]:
    """Compose the characters of a text (NFC) and split it at blanks; each line end becomes `<eos>`."""
    return _split(unicodedata.normalize("NFC", text))


def _split(text: str) -> list[str]:
    return text.replace("\n", f" {END_OF_SENTENCE} ").split()


@dataclass(frozen=True)
class Vocabulary:
    """An ordered set of symbols; the id of a symbol is its index.

    Attributes:
        symbols: the symbols; at level `byte` the 256 characters chr(0) to chr(255) stand for the bytes.
        level: the unit of the stream.
        begin: id of the symbol that a stream is conditioned on: the input of the first time step.
    """

    symbols: tuple[str, ...]
    level: Level
    begin: int = 0

    def __post_init__(self) -> None:
        if self.level not in get_args(Level):
            raise DataError(f"vocabulary: found level {self.level!r}, expected one of {', '.join(get_args(Level))}")
        if not self.symbols or not 0 <= self.begin < self.size:
            raise DataError(f"vocabulary: found begin={self.begin} and {self.size} symbols, expected 0 <= begin < size")
        if len(set(self.symbols)) != self.size:
            twice = [symbol for symbol, count in Counter(self.symbols).items() if count > 1]
            raise DataError(f"vocabulary: every symbol must occur once, found more often: {twice[:5]}")

    @classmethod
    def of_words(cls, tokens: Iterable[str], *, min_count: int = 1, max_size: int | None = None) -> Vocabulary:
        """Collect words by descending count, then by code point, always with `<eos>`.

        If a word is left out, `<unk>` is included.

        Args:
            tokens: the words of the training split.
            min_count: rarer words are left out.
            max_size: maximum size, `<eos>` and `<unk>` included.
        """
        counts = Counter(tokens)
        counts[END_OF_SENTENCE] += 0
        words = ranked(counts)
        kept = [word for word in words if counts[word] >= min_count or word in (END_OF_SENTENCE, UNKNOWN)]
        if max_size is not None and len(kept) > max_size:
            kept = _most_frequent(kept, max_size)
        if len(kept) < len(words) and UNKNOWN not in kept:
            kept = [*(_most_frequent(kept, max_size - 1) if max_size is not None else kept), UNKNOWN]
        return cls(tuple(kept), "word", kept.index(END_OF_SENTENCE))

    @classmethod
    def of_characters(cls, text: Iterable[str]) -> Vocabulary:
        """Collect characters in code point order; the stream is conditioned on a line end, if they include one."""
        symbols = tuple(sorted(set(text)))
        return cls(symbols, "char", symbols.index("\n") if "\n" in symbols else 0)

    @classmethod
    def of_bytes(cls) -> Vocabulary:
        """Return all 256 byte values; the stream is conditioned on a line end."""
        return cls(tuple(map(chr, range(256))), "byte", ord("\n"))

    @property
    def size(self) -> int:
        """Number of symbols."""
        return len(self.symbols)

    def with_unknown(self) -> Vocabulary:
        """Return the vocabulary with `<unk>`, appended if it is missing."""
        if UNKNOWN in self.ids:
            return self
        return Vocabulary((*self.symbols, UNKNOWN), self.level, self.begin)

    @cached_property
    def ids(self) -> Mapping[str, int]:
        """Id by symbol."""
        return {symbol: index for index, symbol in enumerate(self.symbols)}

    def encode(self, text: str | bytes) -> Tokens:
        """Return the ids of a text, int32 of shape (symbols,).

        At level `word` the text is split at blanks, each line end becomes `<eos>`, and unknown words are composed
        (NFC). At level `byte` text is encoded as UTF-8. At the other levels the text is composed or decomposed if all
        its characters are known only in that form.

        Raises:
            DataError: a symbol is not in the vocabulary and the vocabulary has no `<unk>`; or bytes are not UTF-8.
        """
        if self.level == "byte":
            raw = text.encode("utf-8") if isinstance(text, str) else text
            return np.frombuffer(raw, np.uint8).astype(np.int32)
        if isinstance(text, bytes):
            try:
                text = text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"text is not UTF-8: byte {error.object[error.start]:#04x} at offset {error.start}"
                ) from error
        if self.level == "word":
            composed = (word if word in self.ids else unicodedata.normalize("NFC", word) for word in _split(text))
            return self.encode_symbols(list(composed))
        return self.encode_symbols(self._in_known_form(text))

    def encode_symbols(self, symbols: Sequence[str]) -> Tokens:
        """Return the ids of separate symbols, int32 of shape (symbols,).

        Raises:
            DataError: a symbol is not in the vocabulary and the vocabulary has no `<unk>`.
        """
        missing = self.ids.get(UNKNOWN, -1)
        if isinstance(symbols, str):
            encoded = self._encode_characters(symbols, missing)
        else:
            encoded = np.fromiter(map(self.ids.get, symbols, itertools.repeat(missing)), np.int32, len(symbols))
        if missing < 0 and encoded.size and encoded.min() < 0:
            place = int(np.argmax(encoded < 0))
            raise DataError(
                f"{self.level} {symbols[place]!r} at position {place} is not among the {self.size} symbols of the "
                f"vocabulary, which has no {UNKNOWN}. Known: {' '.join(map(repr, self.symbols[:12]))} ..."
            )
        return encoded

    def _in_known_form(self, text: str) -> str:
        """Return the first of the text, its NFC and its NFD whose characters are all known, else the text."""
        forms = itertools.chain([text], (unicodedata.normalize(name, text) for name in ("NFC", "NFD")))
        return next((form for form in forms if set(form) <= self.ids.keys()), text)

    def _encode_characters(self, text: str, missing: int) -> Tokens:
        table = np.full(sys.maxunicode + 1, missing, np.int32)
        for symbol, index in self.ids.items():
            if len(symbol) == 1:
                table[ord(symbol)] = index
        return table[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")]

    def decode(self, ids: Iterable[int] | NDArray[np.integer]) -> str:
        """Return the text of ids; `<eos>` becomes a line end, bytes are read as UTF-8 with U+FFFD for the invalid."""
        if self.level == "byte":
            return bytes(int(index) for index in ids).decode("utf-8", errors="replace")
        symbols = [self.symbols[int(index)] for index in ids]
        if self.level != "word":
            return "".join(symbols)
        return (
            " ".join("\n" if symbol == END_OF_SENTENCE else symbol for symbol in symbols)
            .replace(" \n", "\n")
            .replace("\n ", "\n")
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"level": self.level, "begin": self.begin, "symbols": list(self.symbols)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Vocabulary:
        """Rebuild a vocabulary from `to_dict`.

        Raises:
            DataError: a key is missing or unknown.
        """
        if set(values) != {"level", "begin", "symbols"}:
            raise DataError(f"vocabulary: found keys {sorted(values)}, expected begin, level, symbols")
        return cls(tuple(values["symbols"]), values["level"], values["begin"])


def ranked(counts: Mapping[str, int]) -> list[str]:
    """Return symbols by descending count, then by code point."""
    return sorted(counts, key=lambda symbol: (-counts[symbol], symbol))


def _most_frequent(symbols: list[str], size: int) -> list[str]:
    reserved = {END_OF_SENTENCE, UNKNOWN} & set(symbols)
    free = size - len(reserved)
    if free < 1:
        raise DataError(
            f"a vocabulary of at most {size} has no space for a word beside {END_OF_SENTENCE} and {UNKNOWN}"
        )
    chosen = reserved | set([word for word in symbols if word not in reserved][:free])
    return [word for word in symbols if word in chosen]
