"""Replies with the turns before them in three splits, and all that a trained model needs to know of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import numpy as np

from gru_bench.data.containers import ExampleData, Form, Tuples
from gru_bench.data.data_set import SPLITS
from gru_bench.data.pairs.codec import Codec, count_unknown
from gru_bench.data.tokens.vocabulary import Tokens
from gru_bench.errors import DataError
from gru_bench.validation import Range

Turns = tuple[str, ...]
Dialogue = Sequence[str]
WindowSize = Annotated[int, Range(low=1, high=1000)]


@dataclass(frozen=True)
class Exchanges(Tuples):
    """The replies of a split.

    Attributes:
        contexts: the last turns before each reply, the latest one last.
        replies: the turns to write.
        context_ids: symbols of each turn of the contexts, with its end.
        reply_ids: symbols of the replies, without ends.
    """

    contexts: tuple[Turns, ...] = field(repr=False)
    replies: tuple[str, ...] = field(repr=False)
    context_ids: tuple[tuple[Tokens, ...], ...] = field(repr=False)
    reply_ids: tuple[Tokens, ...] = field(repr=False)

    @property
    def joined_contexts(self) -> list[Tokens]:
        """The turns of each context as one sequence, in which each turn ends with the end symbol."""
        return [np.concatenate(turns) for turns in self.context_ids]

    def stacked_contexts(self, width: int) -> list[Tokens]:
        """Return the turns of each context as rows of `width` symbols, filled up with ends."""
        contexts = [np.full((len(turns), width), Codec.end, np.int32) for turns in self.context_ids]
        for rows, turns in zip(contexts, self.context_ids, strict=True):
            for row, ids in zip(rows, turns, strict=True):
                row[: ids.size] = ids
        return contexts


@dataclass(frozen=True, kw_only=True)
class DialogueForm(Form):
    """All that a trained model needs to know of its data.

    Attributes:
        codec: symbols of all turns.
        turns: number of turns before a reply that are read.
        turn_length: most symbols of a turn that are read, its first ones; replies are never cut.
    """

    nested = MappingProxyType({"codec": Codec})

    codec: Codec
    turns: int
    turn_length: int

    def encode(self, contexts: Sequence[Turns], replies: Sequence[str]) -> Exchanges:
        """Encode replies and the last turns before them; texts are kept as they are read."""
        known = {turn: self.codec.normalised(turn) for turns in contexts for turn in turns}
        known |= {turn: self.codec.normalised(turn) for turn in replies}
        symbols = {text: self.codec.encode(text) for text in set(known.values())}
        read = {text: np.append(ids[: self.turn_length], np.int32(Codec.end)) for text, ids in symbols.items()}
        windows = tuple(tuple(known[turn] for turn in turns[-self.turns :]) for turns in contexts)
        texts = tuple(known[reply] for reply in replies)
        ids = tuple(tuple(read[turn] for turn in turns) for turns in windows)
        return Exchanges(windows, texts, ids, tuple(symbols[text] for text in texts))


@dataclass(frozen=True)
class Dialogues(ExampleData[DialogueForm, Exchanges]):
    """Replies with the turns before them, in three splits.

    Attributes:
        form: symbols, and how many turns are read.
        bounds: metrics on test of predictors that the source knows, such as the optimum.
    """

    kind: ClassVar[str] = "dialogues"

    bounds: Mapping[str, dict[str, float]] = field(default_factory=dict)

    def counts(self) -> dict[str, Any]:
        """Return the facts that change with the replies."""
        return {
            "replies": self.each(len),
            "symbols": self.each(lambda part: sum(map(len, part.reply_ids)) + len(part)),
            "unknown": self.each(lambda part: count_unknown(part.reply_ids)),
            "vocabulary": self.form.codec.size,
        }

    def content(self, part: Exchanges) -> Iterator[bytes]:
        """Yield each reply after its context."""
        for context, reply in zip(part.contexts, part.replies, strict=True):
            yield "\x00".join([*context, reply, ""]).encode("utf-8", "surrogatepass") + b"\x01"


def all_exchanges(dialogues: Sequence[Dialogue], turns: int) -> tuple[list[Turns], list[str]]:
    """Return every turn of dialogues but the first of each as a reply, and the `turns` turns before it."""
    places = [(dialogue, place) for dialogue in dialogues for place in range(1, len(dialogue))]
    contexts = [tuple(dialogue[max(0, place - turns) : place]) for dialogue, place in places]
    return contexts, [dialogue[place] for dialogue, place in places]


def make_dialogues(
    name: str,
    exchanges: Mapping[str, tuple[Sequence[Turns], Sequence[str]]],
    *,
    turns: int,
    turn_length: int,
    lowercase: bool = False,
    min_count: int = 1,
    max_vocabulary: int | None = None,
    reading: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    bounds: Mapping[str, dict[str, float]] | None = None,
) -> Dialogues:
    """Return a data set of dialogues; its words are those of the training replies and contexts alone.

    Args:
        name: name of the data set.
        exchanges: contexts and replies by split.
        turns: number of turns before a reply that are read.
        turn_length: most words of a turn that are read.
        lowercase: whether texts are read, written and scored in lower case.
        min_count: rarer words of train become `<unk>`.
        max_vocabulary: maximum number of words, `<eos>` and `<unk>` included.
        reading: layout of a file of this form.
        facts: further facts that identify the data.
        bounds: metrics on test of known predictors.

    Raises:
        DataError: a split has no reply.
    """
    for split in SPLITS:
        if not exchanges[split][1]:
            raise DataError(f"data={name}: found no reply in {split}, expected dialogues of at least two turns.")
    contexts, replies = exchanges["train"]
    openings = [context[0] for context in contexts if len(context) == 1]  # all other turns are replies as well
    codec = Codec.fit(
        [*openings, *replies], "word", lowercase=lowercase, min_count=min_count, max_vocabulary=max_vocabulary
    )
    form = DialogueForm(name=name, codec=codec, turns=turns, turn_length=turn_length, reading=dict(reading or {}))
    splits = {split: form.encode(*exchanges[split]) for split in SPLITS}
    return Dialogues.of(form, splits, facts, bounds=dict(bounds or {}))
