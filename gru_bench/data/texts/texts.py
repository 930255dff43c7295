"""Texts with a class each: words, vocabulary, splits."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import (
    changed_facts,
    fraction_facts,
    input_seeds,
    noise_facts,
    replace_randomly,
    subset_of_each_class,
    wrong_labels,
)
from gru_bench.data.data_set import SPLITS, DataSet
from gru_bench.data.texts.tokeniser import TOKENISER, Keep, Tokeniser, parts_read, tokenise
from gru_bench.data.tokens.vocabulary import END_OF_SENTENCE, UNKNOWN, Tokens, Vocabulary
from gru_bench.errors import ConfigError, DataError


@dataclass(frozen=True)
class EncodedTexts:
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

    def __len__(self) -> int:
        """Number of texts."""
        return self.labels.size

    def __getitem__(self, index: int) -> Tokens:
        """Return the word ids of a text, int32 of shape (words,)."""
        return self.ids[self.starts[index] : self.starts[index + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Words of each text, of shape (texts,)."""
        return np.diff(self.starts)

    def take(self, places: NDArray[np.int64]) -> EncodedTexts:
        """Return some of the texts, in the order of `places`."""
        chosen = places.tolist()
        rows = [self[place] for place in chosen]
        texts = tuple(self.texts[place] for place in chosen)
        return EncodedTexts(_join(rows), _starts([row.size for row in rows]), self.labels[places], texts)


@dataclass(frozen=True, kw_only=True)
class TextForm:
    """All that a trained model needs to know of its data.

    Attributes:
        name: name of the data set.
        vocabulary: words of the training split, and `<unk>`.
        classes: names of the classes; a label is an index.
        max_length: maximum number of words of a text that the network reads, or None.
        keep: the words of longer texts to read: at the `start`, at the `end`, or half at both `ends`.
        reading: layout of a file of this form; see `gru_bench.data.texts.own.TextLayout`.
        tokeniser: version of the tokeniser's rules.
    """

    name: str
    vocabulary: Vocabulary
    classes: tuple[str, ...]
    max_length: int | None = None
    keep: Keep = "start"
    reading: Mapping[str, Any] = field(default_factory=dict)
    tokeniser: Tokeniser = 1

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, JSON-able."""
        values = {name: getattr(self, name) for name in ("name", "max_length", "keep", "tokeniser")}
        return values | {
            "vocabulary": self.vocabulary.to_dict(),
            "classes": list(self.classes),
            "reading": dict(self.reading),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TextForm:
        """Rebuild from `to_dict`, also from JSON; earlier versions did not name their tokeniser."""
        vocabulary = Vocabulary.from_dict(values["vocabulary"])
        return cls(**{**values, "vocabulary": vocabulary, "classes": tuple(values["classes"])})

    def encode(self, texts: Sequence[str], labels: Sequence[int] | NDArray[np.int32]) -> EncodedTexts:
        """Encode texts; a text without words is one `<unk>`."""
        unknown = self.vocabulary.ids[UNKNOWN]
        rows = [self.vocabulary.encode_symbols(tokenise(text, self.tokeniser)) for text in texts]
        rows = [row if row.size else np.array([unknown], np.int32) for row in rows]
        return EncodedTexts(
            _join(rows), _starts([row.size for row in rows]), np.asarray(labels, np.int32), tuple(texts)
        )

    def cut(self, ids: Tokens) -> Tokens:
        """Return the words of a text that the network reads."""
        return np.concatenate([ids[part] for part in parts_read(ids.size, self.max_length, self.keep)])


@dataclass(frozen=True)
class LabelledTexts(DataSet):
    """Data of a text classifier: labelled texts in three splits.

    Attributes:
        form: vocabulary, classes, length limit.
        train: training texts.
        valid: validation texts.
        test: test texts.
        facts: plain values for the run record; `digest` covers texts, labels and form.
    """

    kind: ClassVar[str] = "texts"
    reads_symbols: ClassVar[bool] = True

    form: TextForm
    train: EncodedTexts
    valid: EncodedTexts
    test: EncodedTexts
    facts: dict[str, Any]

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

    def describe(self) -> dict[str, Any]:
        """Return all that a trained model needs to be used without the texts, JSON-able."""
        return self.form.to_dict()

    def with_train_fraction(self, share: float, seed: int) -> LabelledTexts:
        """Keep a random share of each class, at least one text."""
        part = self._with(train=self.train.take(subset_of_each_class(self.train.labels, share, seed)))
        facts = fraction_facts(part.facts, share, len(part.train), len(self.train), draw_seed=seed)
        return replace(part, facts=facts)

    def with_label_noise(self, share: float, seed: int) -> LabelledTexts:
        """Replace a share of the training labels by other classes."""
        labels, change = wrong_labels(self.train.labels, share, len(self.classes), seed)
        noisy = self._with(train=replace(self.train, labels=labels))
        return replace(noisy, facts=changed_facts(noisy.facts, "label_noise", change))

    def with_input_noise(self, level: float, seed: int) -> LabelledTexts:
        """Replace a share of the input words by others of the vocabulary."""
        splits: dict[str, EncodedTexts] = {split: getattr(self, split) for split in SPLITS}
        ids = {
            split: replace_randomly(splits[split].ids, level, self.vocabulary.size, stream)
            for split, stream in input_seeds(seed).items()
        }
        noisy = self._with(**{split: replace(splits[split], ids=ids[split]) for split in SPLITS})
        return replace(noisy, facts=noise_facts(noisy.facts, level, seed))

    def _with(self, **splits: EncodedTexts) -> LabelledTexts:
        """Return the data with some splits replaced and its counts updated."""
        changed = replace(self, **splits)
        counts = text_counts(self.form, {split: getattr(changed, split) for split in SPLITS})
        return replace(changed, facts=self.facts | counts)


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
    known = {"digest": _digest(form, splits), **text_counts(form, splits)}
    return LabelledTexts(form, **splits, facts=known | dict(facts or {}))


def text_counts(form: TextForm, splits: Mapping[str, EncodedTexts]) -> dict[str, Any]:
    """Return counts by split, for the facts."""
    unknown = form.vocabulary.ids[UNKNOWN]
    return {
        "texts": {split: len(examples) for split, examples in splits.items()},
        "classes": {split: _class_counts(form, examples) for split, examples in splits.items()},
        "words": {split: int(examples.ids.size) for split, examples in splits.items()},
        "longest": {split: int(examples.lengths.max()) for split, examples in splits.items()},
        "vocabulary": form.vocabulary.size,
        "unknown": {split: int((examples.ids == unknown).sum()) for split, examples in splits.items()},
    }


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
        ids[split], starts[split] = _join(rows), _starts([row.size for row in rows])
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


def _starts(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _class_counts(form: TextForm, examples: EncodedTexts) -> dict[str, int]:
    counts = np.bincount(examples.labels, minlength=len(form.classes))
    return {name: int(count) for name, count in zip(form.classes, counts, strict=True)}


def _digest(form: TextForm, splits: Mapping[str, EncodedTexts]) -> str:
    known = {name: value for name, value in form.to_dict().items() if name not in ("reading", "tokeniser")}
    state = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for split, examples in splits.items():
        state.update(f"{split} {len(examples)}\n".encode())
        for array, kind in ((examples.ids, "<i4"), (examples.starts, "<i8"), (examples.labels, "<i4")):
            state.update(np.ascontiguousarray(array, kind).data)
        for text in examples.texts:
            state.update(text.encode("utf-8", "surrogatepass") + b"\x00")
    return state.hexdigest()
