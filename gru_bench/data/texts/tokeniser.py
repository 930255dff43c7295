"""Tokeniser of labelled texts: lower case, separate punctuation, combining marks kept with their letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Literal

Tokeniser = Literal[1, 2]
"""Version of the rules: 1 split words at combining marks; older runs still predict with it."""

TOKENISER: Tokeniser = 2

Keep = Literal["start", "end", "ends"]

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"[^\W_{_IDEOGRAPH}]"
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)  # two of these regional indicators are one flag
_ZERO_WIDTH_JOINER = "\u200d"
_JOINERS = (0x200C, 0x200D, *range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080))  # joiners, skin tones, tags of flags
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_APOSTROPHES = str.maketrans("\u2019\u2018\u02bc`", "''''")


def tokenise(text: str, tokeniser: Tokeniser = TOKENISER) -> list[str]:
    """Split a text into lower-case words and punctuation marks.

    Contractions are split as in the Penn Treebank (`don't` is `do n't`, `it's` is `it 's`), also if the text has them
    split already; other apostrophes stay inside their word (`o'clock`). Punctuation marks are tokens, `...` is one, and
    so is each Chinese or Japanese character. HTML line breaks count as blanks.

    Characters are composed (NFC), and combining marks (Mn, Mc, Me) and zero-width joiners belong to the character
    before them, so that words of Hindi, Thai or Arabic and sequences of emoji stay whole. Turkish `İ` becomes `i`.

    Args:
        text: the text.
        tokeniser: the version of these rules; 1 neither composes characters nor keeps marks in their word.
    """
    text = _BREAK.sub(" ", text)
    if text.isascii() or tokeniser == 1:
        return _plain_words().findall(text.translate(_APOSTROPHES).lower())
    text = _lower(unicodedata.normalize("NFC", text).translate(_APOSTROPHES))
    return (_plain_words() if _joined().isdisjoint(text) else _marked_words()).findall(text)


def parts_read(size: int, limit: int | None, keep: Keep) -> tuple[slice, ...]:
    """Return the slices of a text of `size` words that the network reads.

    Args:
        size: words of the text.
        limit: maximum number of words to read, or None.
        keep: read words at the `start`, at the `end`, or half at both `ends`.
    """
    if limit is None or size <= limit:
        return (slice(size),)
    head = {"start": limit, "end": 0, "ends": limit - limit // 2}[keep]
    return (slice(head), slice(size - (limit - head), size))


def as_read(limit: int | None, keep: Keep) -> Callable[[str], str]:
    """Return a function from a text to its words as read, joined by blanks: equal for copies to the network.

    Args:
        limit: maximum number of words to read, or None.
        keep: the words of longer texts to read; see `parts_read`.
    """

    @cache
    def read(text: str) -> str:
        words = tokenise(text)
        return " ".join(word for part in parts_read(len(words), limit, keep) for word in words[part])

    return read


def _lower(text: str) -> str:
    """Return a composed text in lower case, without combining dots on `i`."""
    return unicodedata.normalize("NFC", re.sub("i\u0307+", "i", text.lower()))


@cache
def _marks() -> frozenset[str]:
    """Return the characters that belong to the one before them."""
    points = (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
    combining = (point for point in points if unicodedata.category(chr(point)) in ("Mn", "Mc", "Me"))
    return frozenset(map(chr, (*combining, *_JOINERS)))


@cache
def _joined() -> frozenset[str]:
    """Return the characters, other than letters, that join into one word or symbol."""
    return _marks() | set(map(chr, _FLAG_LETTERS))


@cache
def _plain_words() -> re.Pattern[str]:
    return _words(_LETTER, r"\w", "", r"[^\w\s]")


@cache
def _marked_words() -> re.Pattern[str]:
    low = "".join(sorted(mark for mark in _marks() if mark < "\U00010000"))  # a class of these alone is a quick look-up
    high = "".join(sorted(mark for mark in _marks() if mark >= "\U00010000"))
    mark = rf"(?:[{low}]|(?=[\U00010000-\U0010ffff])[{high}])"
    flag = rf"[{chr(_FLAG_LETTERS[0])}-{chr(_FLAG_LETTERS[-1])}]{{2}}{mark}*"
    symbol = rf"{flag}|[^\w\s]{mark}*(?:(?<={_ZERO_WIDTH_JOINER})[^\w\s]{mark}*)*"
    return _words(rf"(?:{_LETTER}{mark}*)", rf"(?:\w|{mark})", f"{mark}*", symbol)


def _words(letter: str, inner: str, marks: str, symbol: str) -> re.Pattern[str]:
    """Return the pattern of a word or a punctuation mark.

    Args:
        letter: a letter or digit with its marks.
        inner: the characters allowed within a word.
        marks: any number of marks.
        symbol: a punctuation mark or symbol.
    """
    half = "(?:s|m|d|re|ve|ll)"
    return re.compile(
        rf"n't(?!{inner})|'{half}(?!{inner})"  # the second half of a contraction
        rf"|{letter}+?(?=n't(?!{inner}))|{letter}+(?:'(?!{half}(?!{inner})){letter}+)*"
        rf"|[{_IDEOGRAPH}]{marks}|\.\.\.|_+{marks}|{symbol}"
    )
