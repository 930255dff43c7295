"""Texts with a class each: words, vocabulary, splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.containers import Form, Joined, LabelledData, starts_of
from gru_bench.data.data_set import SPLITS
from gru_bench.data.texts.tokeniser import TOKENISER, Keep, Tokeniser, parts_read, tokenise
from gru_bench.data.tokens.vocabulary import END_OF_SENTENCE, UNKNOWN, Tokens, Vocabulary
from gru_bench.errors import ConfigError, DataError


@dataclass(frozen=True)
class EncodedTexts(Joined):
    """Texts of a split.

    Attributes:
        ids: word ids of all texts one after the other, int32 of shape (words,).
        starts: where each text begins in `ids`, and the end of the last one, int64 of shape (texts + 1,).
        labels: class numbers, int32 of shape (texts,).
        texts: the original texts.
    """

    ids: Tokens
    starts: NDArray[np.int64]
    labels: NDArray[np.int32]
    texts: tuple[str, ...] = field(repr=False)

    def __getitem__(self, index: int) -> Tokens:
        """Return the word ids of a text, int32 of shape (words,)."""
        return self.ids[self.starts[index] : self.starts[index + 1]]

    def take(self, places: NDArray[np.int64]) -> EncodedTexts:
        """Return some of the texts, in the order of `places`."""
        chosen = places.tolist()
        rows = [self[place] for place in chosen]
        texts = tuple(self.texts[place] for place in chosen)
        return EncodedTexts(_join(rows), starts_of(rows), self.labels[places], texts)


@dataclass(frozen=True, kw_only=True)
class TextForm(Form):
    """All that a trained model needs to know of its data.

    Attributes:
        vocabulary: words of the training split, and `<unk>`.
        classes: names of the classes; a label is an index.
        max_length: maximum number of words of a text that the network reads, or None.
        keep: the words of longer texts to read: at the `start`, at the `end`, or half at both `ends`.
        tokeniser: version of the tokeniser's rules; earlier versions of gru_bench did not name it.
    """

    nested = MappingProxyType({"vocabulary": Vocabulary})
    not_in_digest = frozenset({"reading", "tokeniser"})

    vocabulary: Vocabulary
    classes: tuple[str, ...]
    max_length: int | None = None
    keep: Keep = "start"
    tokeniser: Tokeniser = 1

    def encode(self, texts: Sequence[str], labels: Sequence[int] | NDArray[np.int32]) -> EncodedTexts:
        """Encode texts; a text without words is one `<unk>`."""
        unknown = self.vocabulary.ids[UNKNOWN]
        rows = [self.vocabulary.encode_symbols(tokenise(text, self.tokeniser)) for text in texts]
        rows = [row if row.size else np.array([unknown], np.int32) for row in rows]
        return EncodedTexts(_join(rows), starts_of(rows), np.asarray(labels, np.int32), tuple(texts))

    def cut(self, ids: Tokens) -> Tokens:
        """Return the words of a text that the network reads."""
        return np.concatenate([ids[part] for part in parts_read(ids.size, self.max_length, self.keep)])


@dataclass(frozen=True)
class LabelledTexts(LabelledData[TextForm, EncodedTexts]):
    """Labelled texts in three splits; `form` has vocabulary, classes and the limit of length."""

    kind: ClassVar[str] = "texts"
    reads_symbols: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Name of the data set."""
        return self.form.name

    @property
    def vocabulary(self) -> Vocabulary:
        """Words of the training split, and `<unk>`."""
        return self.form.vocabulary

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.form.classes

    def counts(self) -> dict[str, Any]:
        """Return the facts that change with the texts."""
        unknown = self.vocabulary.ids[UNKNOWN]
        return {
            "texts": self.each(len),
            "classes": self.class_counts(),
            "words": self.each(lambda part: int(part.ids.size)),
            "longest": self.each(lambda part: int(part.lengths.max())),
            "vocabulary": self.vocabulary.size,
            "unknown": self.each(lambda part: int((part.ids == unknown).sum())),
        }

    def content(self, part: EncodedTexts) -> Iterator[Any]:
        """Yield words and classes as numbers, then the texts."""
        for array, kind in ((part.ids, "<i4"), (part.starts, "<i8"), (part.labels, "<i4")):
            yield np.ascontiguousarray(array, kind).data
        yield from (text.encode("utf-8", "surrogatepass") + b"\x00" for text in part.texts)


def make_texts(
    name: str,
    texts: Mapping[str, Sequence[str]],
    labels: Mapping[str, Sequence[int]],
    classes: Sequence[str],
    *,
    min_count: int = 1,
    max_vocabulary: int | None = None,
    max_length: int | None = None,
    keep: Keep = "start",
    reading: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> LabelledTexts:
    """Return a data set of labelled texts; the vocabulary comes from the training split alone.

    Args:
        name: name of the data set.
        texts: texts by split.
        labels: class numbers by split.
        classes: names of the classes.
        min_count: rarer words of train become `<unk>`.
        max_vocabulary: maximum number of words, `<eos>` and `<unk>` included.
        max_length: maximum number of words of a text that the network reads.
        keep: the words of longer texts to read.
        reading: layout of a file of this form.
        facts: further facts that identify the data.

    Raises:
        ConfigError: `max_vocabulary` is too small for any word.
        DataError: a split is empty, or train has texts of fewer than two classes.
    """
    for split in SPLITS:
        if not len(texts[split]):
            raise DataError(f"data={name}: the {split} split has 0 texts, expected at least 1. Give more texts.")
    present = sorted(set(labels["train"]))
    if len(present) < 2:
        only = classes[present[0]]
        raise DataError(f"data={name}: found the class {only!r} alone in train, expected at least two classes.")
    if max_vocabulary is not None and max_vocabulary < 3:
        raise ConfigError("data.max_vocabulary", max_vocabulary, "an integer >= 3 or null")
    raw = _number_words(texts)
    vocabulary, table = _choose_words(raw, min_count, max_vocabulary)
    form = TextForm(
        name=name,
        vocabulary=vocabulary,
        classes=tuple(classes),
        max_length=max_length,
        keep=keep,
        reading=dict(reading or {}),
        tokeniser=TOKENISER,
    )
    splits = {
        split: EncodedTexts(
            table[raw.ids[split]], raw.starts[split], np.asarray(labels[split], np.int32), tuple(texts[split])
        )
        for split in SPLITS
    }
    return LabelledTexts.of(form, splits, facts)


@dataclass(frozen=True)
class _Raw:
    """Words numbered in the order of their first appearance; number 0 is `<unk>`, the content of empty texts."""

    words: list[str]
    ids: dict[str, NDArray[np.int32]]
    starts: dict[str, NDArray[np.int64]]


def _number_words(texts: Mapping[str, Sequence[str]]) -> _Raw:
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    empty = np.array([numbers[UNKNOWN]], np.int32)
    ids, starts = {}, {}
    for split in SPLITS:
        rows = []
        for text in texts[split]:
            words = tokenise(text)
            rows.append(np.fromiter(map(numbers.__getitem__, words), np.int32, len(words)) if words else empty)
        ids[split], starts[split] = _join(rows), starts_of(rows)
    return _Raw(list(numbers), ids, starts)


def _choose_words(raw: _Raw, min_count: int, max_vocabulary: int | None) -> tuple[Vocabulary, NDArray[np.int32]]:
    """Return the vocabulary of the training split and the id of each word number."""
    counts = np.bincount(raw.ids["train"], minlength=len(raw.words))
    limit = None if max_vocabulary is None else max_vocabulary - 2
    seen = [(int(-counts[number]), raw.words[number]) for number in np.flatnonzero(counts >= min_count)]
    kept = [word for _, word in sorted(seen) if word not in (UNKNOWN, END_OF_SENTENCE)][:limit]
    vocabulary = Vocabulary((*kept, END_OF_SENTENCE, UNKNOWN), "word", len(kept))
    unknown = vocabulary.ids[UNKNOWN]
    return vocabulary, np.array([vocabulary.ids.get(word, unknown) for word in raw.words], np.int32)


def _join(rows: Sequence[Tokens]) -> Tokens:
    return np.concatenate(rows) if rows else np.zeros(0, np.int32)
