"""A corpus: three streams of symbol ids, their vocabulary and the facts that identify them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from gru_bench.data.changes import fraction_facts, input_seeds, noise_facts, replace_randomly, rounded_share
from gru_bench.data.data_set import SPLITS, DataSet
from gru_bench.data.tokens.vocabulary import UNKNOWN, Tokens, Vocabulary
from gru_bench.errors import DataError

MINIMUM_SYMBOLS = 10
_SPREAD = (5**0.5 - 1) / 2  # its multiples modulo 1 are evenly spread over 0 to 1


@dataclass(frozen=True)
class Corpus(DataSet):
    """Data of a language model: three streams of symbol ids.

    Attributes:
        name: name of the data set.
        level: `word`, `char`, `byte` or `symbol`.
        vocabulary: symbols of the training split.
        train: ids, int32 of shape (symbols,).
        valid: ids, int32 of shape (symbols,).
        test: ids, int32 of shape (symbols,).
        facts: plain values for the run record; `digest` covers tokens and vocabulary.
        floor: nll of the best possible model on test, nats per symbol, by method of computation (`floor`: exact
            for these symbols); None if unknown.
        read: noisy inputs by split; empty if inputs are clean. Targets are clean in any case.
    """

    kind: ClassVar[str] = "tokens"
    reads_symbols: ClassVar[bool] = True

    name: str
    level: str
    vocabulary: Vocabulary
    train: Tokens
    valid: Tokens
    test: Tokens
    facts: dict[str, Any]
    floor: Mapping[str, float] | None = None
    read: Mapping[str, Tokens] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """Return all that a trained model needs to be used without the corpus, JSON-able."""
        unknown = self.vocabulary.ids.get(UNKNOWN, -1)
        return {"vocabulary": self.vocabulary.to_dict(), "unknown_in_train": bool((self.train == unknown).any())}

    def with_train_fraction(self, share: float, seed: int) -> Corpus:
        """Keep a contiguous block of symbols: the first ones with seed 0, a block from elsewhere with other seeds."""
        total = self.train.size
        used = rounded_share(total, share)
        if used < MINIMUM_SYMBOLS:
            raise DataError(
                f"data.train_fraction={share:g} leaves {used} of {total:,} symbols, expected at least "
                f"{MINIMUM_SYMBOLS}."
            )
        start = int(seed * _SPREAD % 1 * (total - used))  # the block of a larger share contains this one
        facts = self.facts | {"symbols": {**self.facts["symbols"], "train": used}}
        facts = fraction_facts(facts, share, used, total, **({"start": start} if start else {}))
        return replace(self, train=self.train[start : start + used], facts=facts)

    def with_input_noise(self, level: float, seed: int) -> Corpus:
        """Replace a share of the input symbols by others of the vocabulary; a floor holds only for clean inputs."""
        read = {
            split: replace_randomly(getattr(self, split), level, self.vocabulary.size, stream)
            for split, stream in input_seeds(seed).items()
        }
        return replace(self, read=read, floor=None, facts=noise_facts(self.facts, level, seed))


def make_corpus(
    name: str,
    vocabulary: Vocabulary,
    splits: Mapping[str, Tokens],
    facts: Mapping[str, Any],
    floor: Mapping[str, float] | None = None,
) -> Corpus:
    """Return a corpus, with digest and counts among its facts.

    Raises:
        DataError: a split has fewer than 10 symbols.
    """
    for split in SPLITS:
        if splits[split].size < MINIMUM_SYMBOLS:
            raise DataError(
                f"data={name}: the {split} split has {splits[split].size} symbols, expected at least "
                f"{MINIMUM_SYMBOLS}. Give more data or larger fractions."
            )
    counted = {split: int(splits[split].size) for split in SPLITS}
    known: dict[str, Any] = {"digest": digest(vocabulary, splits), "symbols": counted, "vocabulary": vocabulary.size}
    return Corpus(
        name=name,
        level=vocabulary.level,
        vocabulary=vocabulary,
        train=splits["train"],
        valid=splits["valid"],
        test=splits["test"],
        facts=known | dict(facts),
        floor=floor,
    )


def encode_splits(
    vocabulary: Vocabulary, splits: Mapping[str, Sequence[str]]
) -> tuple[Vocabulary, dict[str, Tokens], dict[str, Any]]:
    """Encode the symbols of each split; `<unk>` is added to the vocabulary only if valid or test need it.

    Returns:
        The vocabulary used, ids by split, and facts: the number of `<unk>` by split, if the vocabulary has it.
    """
    known = set(vocabulary.symbols)
    if any(symbol not in known for split in SPLITS for symbol in set(splits[split])):
        vocabulary = vocabulary.with_unknown()
    encoded = {split: vocabulary.encode_symbols(splits[split]) for split in SPLITS}
    unknown = vocabulary.ids.get(UNKNOWN)
    if unknown is None:
        return vocabulary, encoded, {}
    return vocabulary, encoded, {"unknown": {split: int((encoded[split] == unknown).sum()) for split in SPLITS}}


def digest(vocabulary: Vocabulary, splits: Mapping[str, Tokens]) -> str:
    """Return the sha256 of the vocabulary and of all tokens."""
    state = hashlib.sha256(json.dumps(vocabulary.to_dict(), sort_keys=True).encode())
    for split in SPLITS:
        state.update(f"{split} {splits[split].size}\n".encode())
        state.update(np.ascontiguousarray(splits[split], dtype="<i4").data)
    return state.hexdigest()
