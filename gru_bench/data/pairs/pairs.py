"""Pairs of texts in three splits, and all that a trained model needs to know of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import fraction_facts, random_subset
from gru_bench.data.data_set import SPLITS, DataSet
from gru_bench.data.pairs.codec import Codec, Level, check_sides
from gru_bench.data.pairs.scores import Tokeniser, signatures, text_scores
from gru_bench.data.tokens.vocabulary import Tokens


@dataclass(frozen=True)
class Examples:
    """The pairs of a split.

    Attributes:
        sources: the texts to read.
        targets: the texts to write.
        source_ids: their symbols.
        target_ids: their symbols, without ends.
    """

    sources: tuple[str, ...] = field(repr=False)
    targets: tuple[str, ...] = field(repr=False)
    source_ids: tuple[Tokens, ...] = field(repr=False)
    target_ids: tuple[Tokens, ...] = field(repr=False)

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.sources)

    def take(self, places: NDArray[np.int64]) -> Examples:
        """Return some of the pairs, in the order of `places`."""
        columns = (self.sources, self.targets, self.source_ids, self.target_ids)
        return Examples(*(tuple(column[place] for place in places) for column in columns))


@dataclass(frozen=True, kw_only=True)
class PairForm:
    """All that a trained model needs to know of its data.

    Attributes:
        name: name of the data set.
        source: symbols of the texts to read.
        target: symbols of the texts to write.
        tokeniser: how BLEU splits texts.
        reading: layout of a file of this form; see `gru_bench.data.pairs.own`.
    """

    name: str
    source: Codec
    target: Codec
    tokeniser: Tokeniser = "13a"
    reading: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, JSON-able."""
        sides = {"source": self.source.to_dict(), "target": self.target.to_dict()}
        return {"name": self.name, **sides, "tokeniser": self.tokeniser, "reading": dict(self.reading)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PairForm:
        """Rebuild from `to_dict`, also from JSON."""
        sides = {side: Codec.from_dict(values[side]) for side in ("source", "target")}
        return cls(**{**values, **sides})

    def encode(self, sources: Sequence[str], targets: Sequence[str]) -> Examples:
        """Encode pairs; their texts are kept as they are read."""
        read = tuple(map(self.source.normalised, sources)), tuple(map(self.target.normalised, targets))
        return Examples(*read, tuple(map(self.source.encode, read[0])), tuple(map(self.target.encode, read[1])))

    def scores(self, outputs: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """Return BLEU, chrF and the share of exact matches."""
        return text_scores(outputs, references, self.tokeniser, self.target.lowercase)

    @cached_property
    def signatures(self) -> dict[str, str]:
        """The signatures of BLEU and chrF."""
        return signatures(self.tokeniser, self.target.lowercase)


@dataclass(frozen=True)
class Pairs(DataSet):
    """Pairs of texts in three splits.

    Attributes:
        form: symbols of both sides, and how outputs are scored.
        train: training pairs.
        valid: validation pairs.
        test: test pairs.
        facts: plain values for the run record; `digest` covers texts and symbols.
    """

    kind: ClassVar[str] = "pairs"

    form: PairForm
    train: Examples
    valid: Examples
    test: Examples
    facts: dict[str, Any]

    def describe(self) -> dict[str, Any]:
        """Return all that a trained model needs to be used without the pairs, JSON-able."""
        return self.form.to_dict()

    def with_train_fraction(self, share: float, seed: int) -> Pairs:
        """Keep a random share of the pairs."""
        part = self.train.take(random_subset(len(self.train), share, seed))
        facts = fraction_facts(self.facts, share, len(part), len(self.train), draw_seed=seed)
        splits = {split: getattr(self, split) for split in SPLITS} | {"train": part}
        return replace(self, train=part, facts=facts | pair_counts(self.form, splits))


def make_pairs(
    name: str,
    texts: Mapping[str, tuple[Sequence[str], Sequence[str]]],
    *,
    level: Level = "word",
    lowercase: bool = False,
    min_count: int = 1,
    max_vocabulary: int | None = None,
    tokeniser: Tokeniser = "13a",
    reading: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Pairs:
    """Return a data set of pairs; the symbols of both sides come from the training split alone.

    Args:
        name: name of the data set.
        texts: sources and targets by split.
        level: the unit of symbols.
        lowercase: whether texts are read, written and scored in lower case.
        min_count: rarer words or characters of train become `<unk>`.
        max_vocabulary: maximum number of symbols of each side.
        tokeniser: how BLEU splits texts.
        reading: layout of a file of this form.
        facts: further facts that identify the data.

    Raises:
        DataError: a split is empty, or a text is blank.
        ConfigError: `max_vocabulary` does not suit the texts, or SentencePiece is not installed.
    """
    for split in SPLITS:
        check_sides(*texts[split], f"data={name}, {split}")
    source, target = (
        Codec.fit(side, level, lowercase=lowercase, min_count=min_count, max_vocabulary=max_vocabulary)
        for side in texts["train"]
    )
    form = PairForm(name=name, source=source, target=target, tokeniser=tokeniser, reading=dict(reading or {}))
    splits = {split: form.encode(*texts[split]) for split in SPLITS}
    known = {"digest": _digest(form, splits), **pair_counts(form, splits), "signatures": form.signatures}
    return Pairs(form, **splits, facts=known | dict(facts or {}))


def pair_counts(form: PairForm, splits: Mapping[str, Examples]) -> dict[str, Any]:
    """Return counts by split, for the facts."""
    sides = {split: (pairs.source_ids, pairs.target_ids) for split, pairs in splits.items()}
    return {
        "pairs": {split: len(pairs) for split, pairs in splits.items()},
        "symbols": {split: [sum(map(len, side)) for side in both] for split, both in sides.items()},
        "longest": {split: [max(map(len, side)) for side in both] for split, both in sides.items()},
        "unknown": {
            split: [sum(int((ids == Codec.unknown).sum()) for ids in side) for side in both]
            for split, both in sides.items()
        },
        "vocabulary": [form.source.size, form.target.size],
    }


def _digest(form: PairForm, splits: Mapping[str, Examples]) -> str:
    known = {name: value for name, value in form.to_dict().items() if name != "reading"}
    state = hashlib.sha256(json.dumps(known, sort_keys=True).encode())
    for split, pairs in splits.items():
        state.update(f"{split} {len(pairs)}\n".encode())
        for text in (*pairs.sources, *pairs.targets):
            state.update(text.encode("utf-8", "surrogatepass") + b"\x00")
    return state.hexdigest()
