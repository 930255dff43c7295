"""Sentences with a tag per word, and a class per sentence if the data has it: words, tags, splits."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

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
from gru_bench.data.tokens.vocabulary import UNKNOWN, Tokens, Vocabulary
from gru_bench.errors import DataError

_PUNCTUATED = re.compile(r"\w+(?:[^\w\s]\w+)*|[^\w\s]")


class Sentence(NamedTuple):
    """A sentence: its words, a tag for each, and the name of its class; empty: the data has no classes."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    label: str = ""


@dataclass(frozen=True)
class TaggedSentences:
    """Sentences of a split.

    Attributes:
        ids: word ids of all sentences one after the other, int32 of shape (words,).
        tags: their tag numbers, int32 of shape (words,).
        starts: where each sentence begins in `ids`, and the end of the last one, int64 of shape (sentences + 1,).
        labels: class numbers, int32 of shape (sentences,); zeros without classes.
        words: the original words of each sentence.
    """

    ids: Tokens
    tags: NDArray[np.int32]
    starts: NDArray[np.int64]
    labels: NDArray[np.int32]
    words: tuple[tuple[str, ...], ...] = field(repr=False)

    def __len__(self) -> int:
        """Number of sentences."""
        return self.labels.size

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Words of each sentence, of shape (sentences,)."""
        return np.diff(self.starts)

    def rows(self, values: NDArray[np.int32]) -> list[NDArray[np.int32]]:
        """Return `ids` or `tags` by sentence."""
        return np.split(values, self.starts[1:-1])

    def take(self, places: NDArray[np.int64]) -> TaggedSentences:
        """Return some of the sentences, in the order of `places`."""
        ids, tags, chosen = self.rows(self.ids), self.rows(self.tags), places.tolist()
        return TaggedSentences(
            np.concatenate([ids[place] for place in chosen]),
            np.concatenate([tags[place] for place in chosen]),
            _starts([ids[place].size for place in chosen]),
            self.labels[places],
            tuple(self.words[place] for place in chosen),
        )


@dataclass(frozen=True, kw_only=True)
class TagForm:
    """All that a trained model needs to know of its data.

    Attributes:
        name: name of the data set.
        vocabulary: words of the training split, and `<unk>`.
        tags: names of the tags; a tag number is an index.
        classes: names of the classes of sentences; empty: there are none.
        lowercase: whether words are read in lower case.
        reading: columns of a file of this form; see `gru_bench.data.tagged.conll.Columns`.
    """

    name: str
    vocabulary: Vocabulary
    tags: tuple[str, ...]
    classes: tuple[str, ...] = ()
    lowercase: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, JSON-able."""
        return {
            "name": self.name,
            "vocabulary": self.vocabulary.to_dict(),
            "tags": list(self.tags),
            "classes": list(self.classes),
            "lowercase": self.lowercase,
            "reading": dict(self.reading),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TagForm:
        """Rebuild from `to_dict`, also from JSON."""
        known = {name: tuple(values[name]) for name in ("tags", "classes")}
        return cls(**{**values, **known, "vocabulary": Vocabulary.from_dict(values["vocabulary"])})

    def split(self, text: str) -> tuple[str, ...]:
        """Split a text at blanks, and unknown words at punctuation; marks that train never has are left out."""
        return tuple(part for word in text.split() for part in self._parts(word))

    def _parts(self, word: str) -> list[str]:
        if self._known(word):
            return [word]
        return [part for part in _PUNCTUATED.findall(word) if any(map(str.isalnum, part)) or self._known(part)]

    def _known(self, word: str) -> bool:
        return self._read(word) in self.vocabulary.ids

    def _read(self, word: str) -> str:
        return word.lower() if self.lowercase else word

    def encode(self, sentences: Sequence[Sentence]) -> TaggedSentences:
        """Encode sentences; without tags all are number 0.

        Raises:
            DataError: a tag or a class is none of the training data.
        """
        words = [self._read(word) for sentence in sentences for word in sentence.words]
        return TaggedSentences(
            self.vocabulary.encode_symbols(words),
            _numbers(
                [tag for one in sentences for tag in one.tags or [self.tags[0]] * len(one.words)], self.tags, "tag"
            ),
            _starts([len(sentence.words) for sentence in sentences]),
            _numbers([one.label or self.classes[0] for one in sentences], self.classes, "class")
            if self.classes
            else np.zeros(len(sentences), np.int32),
            tuple(sentence.words for sentence in sentences),
        )


@dataclass(frozen=True)
class TaggedTexts(DataSet):
    """Data of a tagger: sentences in three splits.

    Attributes:
        form: vocabulary, tags, classes.
        train: training sentences.
        valid: validation sentences.
        test: test sentences.
        facts: plain values for the run record; `digest` covers sentences and form.
    """

    kind: ClassVar[str] = "tagged_texts"
    reads_symbols: ClassVar[bool] = True

    form: TagForm
    train: TaggedSentences
    valid: TaggedSentences
    test: TaggedSentences
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return all that a trained model needs to be used without the sentences, JSON-able."""
        return self.form.to_dict()

    def with_train_fraction(self, share: float, seed: int) -> TaggedTexts:
        """Keep a random share of the sentences of each class, at least one."""
        part = self._with(train=self.train.take(subset_of_each_class(self.train.labels, share, seed)))
        facts = fraction_facts(part.facts, share, len(part.train), len(self.train), draw_seed=seed)
        return replace(part, facts=facts)

    def with_label_noise(self, share: float, seed: int) -> TaggedTexts:
        """Replace a share of the training tags by others; classes stay."""
        tags, change = wrong_labels(self.train.tags, share, len(self.form.tags), seed)
        noisy = self._with(train=replace(self.train, tags=tags))
        return replace(noisy, facts=changed_facts(noisy.facts, "label_noise", change))

    def with_input_noise(self, level: float, seed: int) -> TaggedTexts:
        """Replace a share of the words by others of the vocabulary."""
        noisy = {}
        for split, stream in input_seeds(seed).items():
            part: TaggedSentences = getattr(self, split)
            noisy[split] = replace(part, ids=replace_randomly(part.ids, level, self.form.vocabulary.size, stream))
        changed = self._with(**noisy)
        return replace(changed, facts=noise_facts(changed.facts, level, seed))

    def _with(self, **splits: TaggedSentences) -> TaggedTexts:
        """Return the data with some splits replaced and its counts updated."""
        changed = replace(self, **splits)
        counts = _counts(self.form, {split: getattr(changed, split) for split in SPLITS})
        return replace(changed, facts=self.facts | counts)


def make_tagged(
    name: str,
    sentences: Mapping[str, Sequence[Sentence]],
    *,
    min_count: int = 1,
    lowercase: bool = False,
    reading: Mapping[str, Any] = MappingProxyType({}),
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> TaggedTexts:
    """Return a data set of tagged sentences; words, tags and classes are those of the training split.

    Args:
        name: name of the data set.
        sentences: by split, none of them empty.
        min_count: rarer words of train become `<unk>`.
        lowercase: whether words are read in lower case.
        reading: columns of a file of this form.
        facts: further facts that identify the data.

    Raises:
        DataError: a split is empty, train has fewer than two tags, or a held-out split has a tag or class of its own.
    """
    for split in SPLITS:
        if not sentences[split]:
            raise DataError(f"data={name}: the {split} split has 0 sentences, expected at least 1. Give more of them.")
    train = sentences["train"]
    tags = sorted({tag for sentence in train for tag in sentence.tags})
    if len(tags) < 2:
        raise DataError(f"data={name}: found the tag {tags[0]!r} alone in train, expected at least two tags.")
    counts = Counter(word.lower() if lowercase else word for sentence in train for word in sentence.words)
    kept = [word for word in counts if counts[word] >= min_count and word != UNKNOWN]
    words = sorted(kept, key=lambda word: (-counts[word], word))
    form = TagForm(
        name=name,
        vocabulary=Vocabulary((*words, UNKNOWN), "word"),
        tags=tuple(tags),
        classes=tuple(sorted({sentence.label for sentence in train} - {""})),
        lowercase=lowercase,
        reading=dict(reading),
    )
    splits = {}
    for split in SPLITS:
        try:
            splits[split] = form.encode(sentences[split])
        except DataError as error:
            raise DataError(f"data={name}: the {split} split has {error}") from error
    known = {"digest": _digest(form, splits), **_counts(form, splits)}
    return TaggedTexts(form, **splits, facts=known | dict(facts))


def _counts(form: TagForm, splits: Mapping[str, TaggedSentences]) -> dict[str, Any]:
    """Return the facts that are counted by split."""
    unknown = form.vocabulary.ids[UNKNOWN]
    return {
        "sentences": {split: len(part) for split, part in splits.items()},
        "words": {split: int(part.ids.size) for split, part in splits.items()},
        "longest": {split: int(part.lengths.max()) for split, part in splits.items()},
        "unknown": {split: int((part.ids == unknown).sum()) for split, part in splits.items()},
        "vocabulary": form.vocabulary.size,
        "tags": len(form.tags),
        "classes": {
            split: dict(zip(form.classes, np.bincount(part.labels, minlength=len(form.classes)).tolist(), strict=False))
            for split, part in splits.items()
        },
    }


def _digest(form: TagForm, splits: Mapping[str, TaggedSentences]) -> str:
    known = {name: value for name, value in form.to_dict().items() if name != "reading"}
    state = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for split, part in splits.items():
        state.update(f"{split} {len(part)}\n".encode())
        for array in (part.ids, part.tags, part.starts, part.labels):
            state.update(np.ascontiguousarray(array).data)
        state.update(json.dumps(part.words).encode())
    return state.hexdigest()


def _starts(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _numbers(names: Sequence[str], known: Sequence[str], what: str) -> NDArray[np.int32]:
    places = {name: place for place, name in enumerate(known)}
    unknown = Counter(name for name in names if name not in places)
    if unknown:
        name, count = unknown.most_common(1)[0]
        shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        raise DataError(f"the {what} {name!r}, {count:,} times, which no training sentence has; known: {shown}.")
    return np.array([places[name] for name in names], np.int32)
