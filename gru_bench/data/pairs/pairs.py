"""Pairs of texts in three splits, and all that a trained model needs to know of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar

from gru_bench.data.containers import ExampleData, Form, Tuples
from gru_bench.data.data_set import SPLITS
from gru_bench.data.pairs.codec import Codec, Level, check_sides, count_unknown
from gru_bench.data.pairs.scores import Tokeniser, signatures, text_scores
from gru_bench.data.tokens.vocabulary import Tokens


@dataclass(frozen=True)
class Examples(Tuples):
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

    @property
    def sides(self) -> tuple[tuple[Tokens, ...], tuple[Tokens, ...]]:
        """The symbols of sources and of targets."""
        return self.source_ids, self.target_ids


@dataclass(frozen=True, kw_only=True)
class PairForm(Form):
    """All that a trained model needs to know of its data.

    Attributes:
        source: symbols of the texts to read.
        target: symbols of the texts to write.
        tokeniser: how BLEU splits texts.
    """

    nested = MappingProxyType({"source": Codec, "target": Codec})

    source: Codec
    target: Codec
    tokeniser: Tokeniser = "13a"

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
class Pairs(ExampleData[PairForm, Examples]):
    """Pairs of texts in three splits; `form` has the symbols of both sides, and how outputs are scored."""

    kind: ClassVar[str] = "pairs"

    def counts(self) -> dict[str, Any]:
        """Return the facts that change with the pairs."""
        return {
            "pairs": self.each(len),
            "symbols": self.each(lambda part: [sum(map(len, side)) for side in part.sides]),
            "longest": self.each(lambda part: [max(map(len, side)) for side in part.sides]),
            "unknown": self.each(lambda part: [count_unknown(side) for side in part.sides]),
            "vocabulary": [self.form.source.size, self.form.target.size],
        }

    def content(self, part: Examples) -> Iterator[bytes]:
        """Yield all sources, then all targets."""
        return (text.encode("utf-8", "surrogatepass") + b"\x00" for text in (*part.sources, *part.targets))


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
    return Pairs.of(form, splits, {"signatures": form.signatures, **(facts or {})})
