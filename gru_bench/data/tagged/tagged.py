"""Sentences with a tag per word, and a class per sentence if the data has it: words, tags, splits."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.containers import Form, Joined, LabelledData, starts_of
from gru_bench.data.data_set import SPLITS
from gru_bench.data.tokens.vocabulary import UNKNOWN, Tokens, Vocabulary, ranked
from gru_bench.errors import DataError

_PUNCTUATED = re.compile(r"\w+(?:[^\w\s]\w+)*|[^\w\s]")


class Sentence(NamedTuple):
    """A sentence: its words, a tag for each, and the name of its class; empty: the data has no classes."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    label: str = ""


@dataclass(frozen=True)
class TaggedSentences(Joined):
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

    def rows(self, values: NDArray[np.int32]) -> list[NDArray[np.int32]]:
        """Return `ids` or `tags` by sentence."""
        return np.split(values, self.starts[1:-1])

    def take(self, places: NDArray[np.int64]) -> TaggedSentences:
        """Return some of the sentences, in the order of `places`."""
        ids, tags, chosen = self.rows(self.ids), self.rows(self.tags), places.tolist()
        return TaggedSentences(
            np.concatenate([ids[place] for place in chosen]),
            np.concatenate([tags[place] for place in chosen]),
            starts_of([ids[place] for place in chosen]),
            self.labels[places],
            tuple(self.words[place] for place in chosen),
        )


@dataclass(frozen=True, kw_only=True)
class TagForm(Form):
    """All that a trained model needs to know of its data.

    Attributes:
        vocabulary: words of the training split, and `<unk>`.
        tags: names of the tags; a tag number is an index.
        classes: names of the classes of sentences; empty: there are none.
        lowercase: whether words are read in lower case.
    """

    nested = MappingProxyType({"vocabulary": Vocabulary})

    vocabulary: Vocabulary
    tags: tuple[str, ...]
    classes: tuple[str, ...] = ()
    lowercase: bool = False

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
            starts_of([sentence.words for sentence in sentences]),
            _numbers([one.label or self.classes[0] for one in sentences], self.classes, "class")
            if self.classes
            else np.zeros(len(sentences), np.int32),
            tuple(sentence.words for sentence in sentences),
        )


@dataclass(frozen=True)
class TaggedTexts(LabelledData[TagForm, TaggedSentences]):
    """Tagged sentences in three splits; `form` has vocabulary, tags and classes."""

    kind: ClassVar[str] = "tagged_texts"
    reads_symbols: ClassVar[bool] = True

    def with_label_noise(self, share: float, seed: int) -> TaggedTexts:
        """Replace a share of the training tags by others; classes stay."""
        return self._with_noisy_train("tags", self.form.tags, share, seed)

    def counts(self) -> dict[str, Any]:
        """Return the facts that change with the sentences."""
        unknown = self.form.vocabulary.ids[UNKNOWN]
        return {
            "sentences": self.each(len),
            "words": self.each(lambda part: int(part.ids.size)),
            "longest": self.each(lambda part: int(part.lengths.max())),
            "unknown": self.each(lambda part: int((part.ids == unknown).sum())),
            "vocabulary": self.form.vocabulary.size,
            "tags": len(self.form.tags),
            "classes": self.class_counts(),
        }

    def content(self, part: TaggedSentences) -> Iterator[Any]:
        """Yield words, tags and classes as numbers, then the words as they are written."""
        yield from (np.ascontiguousarray(array).data for array in (part.ids, part.tags, part.starts, part.labels))
        yield json.dumps(part.words).encode()


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
    words = [word for word in ranked(counts) if counts[word] >= min_count and word != UNKNOWN]
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
    return TaggedTexts.of(form, splits, facts)


def _numbers(names: Sequence[str], known: Sequence[str], what: str) -> NDArray[np.int32]:
    places = {name: place for place, name in enumerate(known)}
    unknown = Counter(name for name in names if name not in places)
    if unknown:
        name, count = unknown.most_common(1)[0]
        shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        raise DataError(f"the {what} {name!r}, {count:,} times, which no training sentence has; known: {shown}.")
    return np.array([places[name] for name in names], np.int32)
