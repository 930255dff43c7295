"""Conversation: an encoder-decoder reads the last turns of a dialogue and writes the next one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from gru_bench.data.batches.pairs import references
from gru_bench.data.batches.replies import ReplyBuckets
from gru_bench.data.changes import evenly_spread
from gru_bench.data.dialogues.baselines import retrieval, trigram_nll, true_first
from gru_bench.data.dialogues.dialogues import DialogueForm, Dialogues, Exchanges, Turns
from gru_bench.data.dialogues.own import read_exchanges
from gru_bench.data.dialogues.scores import reply_metrics
from gru_bench.data.pairs.codec import Codec
from gru_bench.data.random import permutation
from gru_bench.data.tokens.vocabulary import Tokens
from gru_bench.models.builder import Cells
from gru_bench.models.encoder_decoder import EncoderDecoder
from gru_bench.models.turns import TurnReader, until_end
from gru_bench.tasks.sequence_to_sequence import SequenceToSequence, Written, nll_and_perplexity
from gru_bench.tasks.task import Batch, Goal, Prediction, Sample
from gru_bench.terminal import read_lines
from gru_bench.validation import Beam, Natural, NonNegativeFloat, Positive, Range, Rate

RANKED_AT_ONCE = 8
"""Replies that are chosen among their candidates at once."""
PROMPT = "> "


class Decoded(NamedTuple):
    """The best output for each row of a batch, the references, and the scores of candidates, the true reply first."""

    outputs: list[list[int]]
    references: list[str]
    scores: NDArray[np.floating]


class Conversation(SequenceToSequence):
    """The next turn of a dialogue.

    Args:
        description: the description of the data, from its `describe`.
        context_network: whether recurrent layers read each turn by itself, and the encoder reads one vector per turn
            (HRED); otherwise the encoder reads the turns as one sequence, with the end symbol after each.
        buckets: maximum number of shapes of batches; replies are sorted into this many buckets by length.
        beam: number of hypotheses of the beam search behind the metrics; 1 is greedy search.
        length_penalty: exponent of the length penalty; 0 compares hypotheses by their log-probability alone.
        longest: the most words of an output.
        ranked: replies of a split to choose among ten candidates.
        label_smoothing: share of the target distribution that is spread over all words in the training loss.
        samples: number of test replies to show at the end of a run.
    """

    accepts = "dialogues"

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        context_network: bool = False,
        buckets: Positive = 4,
        beam: Beam = 1,
        length_penalty: NonNegativeFloat = 0.6,
        longest: Annotated[int, Range(low=1, high=1000)] = 40,
        ranked: Positive = 1000,
        label_smoothing: Rate = 0.0,
        samples: Natural = 4,
    ):
        self.form = DialogueForm.from_dict(description)
        self.context_network, self.buckets, self.ranked, self.shown = context_network, buckets, ranked, samples
        self.beam, self.length_penalty, self.longest = beam, length_penalty, longest
        self.label_smoothing = label_smoothing
        self.scored_batches = partial(ReplyBuckets, ranked=ranked)

    @property
    def goal(self) -> Goal:
        """The nll, as most turns have many right answers."""
        return Goal(self.metric, self.direction, 0.0)

    def build(self, cells: Cells, key: Array) -> EncoderDecoder:
        """Build an encoder-decoder that reads words, or vectors of turns."""
        reader_key, key = jax.random.split(key)
        size = self.form.codec.size
        turns = TurnReader(cells, reader_key, size, Codec.end) if self.context_network else None
        return EncoderDecoder(cells, key, turns or cells.embedding(reader_key, size), size)

    def pairs(self, examples: Exchanges) -> tuple[Sequence[NDArray[Any]], Sequence[Tokens], Sequence[str]]:
        """Return contexts, the symbols of the replies, and these."""
        return self._sources(examples), examples.reply_ids, examples.replies

    def read(self, path: Path) -> Exchanges:
        """Return the replies of a file.

        Raises:
            ConfigError: a table lacks a column.
            DataError: the file is missing or broken, or a turn is blank.
        """
        return self.form.encode(*read_exchanges(path, self.form, "path"))

    def _sources(self, part: Exchanges) -> list[NDArray[np.int32]]:
        if self.context_network:
            longest = max(ids.size for turns in part.context_ids for ids in turns)
            return part.stacked_contexts(-(-longest // 8) * 8)  # few shapes, so that a chat compiles few programs
        return part.joined_contexts

    def limits(self, sources: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the most symbols of an output, the same for all sources."""
        return np.full(sources.shape, self.longest)

    def decode(self, network: EncoderDecoder, batch: Batch) -> Decoded:
        """Return the outputs for the contexts of a batch, and the scores of candidates."""
        outputs = [best[0].ids for best in self.written(network, batch, self.beam)]
        return Decoded(outputs, references(batch), self._ranking(network, batch))  # pyright: ignore[reportArgumentType]

    def _ranking(self, network: EncoderDecoder, batch: Batch) -> NDArray[np.floating]:
        """Return the mean log-probability of the symbols of each candidate of the ranked rows."""
        rows = np.flatnonzero(batch["ranked"])
        scores = [np.zeros((0, batch["candidates"].shape[1]))]
        for start in range(0, rows.size, RANKED_AT_ONCE):
            some = rows[start : start + RANKED_AT_ONCE]
            filled = np.resize(some, RANKED_AT_ONCE)  # one shape for all
            inputs = (batch[name][filled] for name in ("source", "source_mask", "candidates"))
            scores.append(np.asarray(_mean_log_probabilities(network, *inputs))[: some.size])
        return np.concatenate(scores)

    def decoded_metrics(self, decoded: Sequence[Decoded]) -> dict[str, float]:
        """Return exact match, R@1 of 10, and the variety of the outputs."""
        outputs = [ids for batch in decoded for ids in batch.outputs]
        texts = [text for batch in decoded for text in batch.references]
        right = (self.form.codec.decode(ids) == text for ids, text in zip(outputs, texts, strict=True))
        metrics = reply_metrics(outputs, right)
        scores = np.concatenate([batch.scores for batch in decoded])
        return {**metrics, "recall_at_1": true_first(scores)} if scores.shape[1] > 1 else metrics

    def baselines(self, data: Dialogues) -> dict[str, dict[str, float]]:
        """Return metrics on test of a trigram model, of the most similar context's reply, and what the source knows."""
        ranked = evenly_spread(len(data.test), self.ranked)
        free = {"trigram": nll_and_perplexity(trigram_nll(data)), "retrieval": retrieval(data, ranked)}
        return {**free, **data.bounds}

    def samples(self, network: EncoderDecoder, data: Dialogues, seed: int) -> Sequence[Sample]:
        """Return a few test contexts with their reference and output."""
        chosen = data.test.take(permutation(seed, 0, len(data.test))[: self.shown])
        outputs = self.reply(network, chosen.contexts, self.beam)
        return [
            Sample(given="\n".join(context), output=f"output:    {text}\nreference: {reference}")
            for context, reference, (text, _) in zip(chosen.contexts, chosen.replies, outputs, strict=True)
        ]

    def predict(
        self,
        network: EncoderDecoder,
        *turns: str,
        beam: Beam | None = None,
        length_penalty: NonNegativeFloat | None = None,
    ) -> Prediction:
        """Answer the turns of a conversation, one after the other; without any, a chat.

        A chat reads one turn per line from the terminal or a pipe, and answers each at once; an empty line starts a new
        conversation.

        Args:
            network: the trained network
            turns: what you say, one turn per argument; start a text that looks like key=value with a blank
            beam: number of hypotheses of the beam search; 1 is greedy search; by default that of the run
            length_penalty: exponent of the length penalty; by default that of the run
        """
        rows: list[dict[str, Any]] = []

        def answers(said: Iterator[str]) -> Iterator[str]:
            history: Turns = ()
            for turn in said:
                if not turn.strip():
                    history = ()
                    continue
                history = (*history, turn)
                text, written = self.reply(network, [history], beam or self.beam, length_penalty)[0]
                history = (*history, text)
                scores = {"score": written.score, "log_probability": written.log_probability}
                rows.append({"turn": turn, "reply": text, **scores})
                yield text

        if turns:
            return Prediction("\n".join(answers(iter(turns))), rows)
        return Prediction(answers(read_lines(PROMPT)), rows)

    def reply(
        self, network: EncoderDecoder, contexts: Sequence[Turns], beam: int, length_penalty: float | None = None
    ) -> list[tuple[str, Written]]:
        """Return the best reply to each context."""
        sources = self._sources(self.form.encode(contexts, [""] * len(contexts)))
        best = [outputs[0] for outputs in self.write(network, sources, beam, length_penalty)]
        return [(self.form.codec.decode(output.ids), output) for output in best]


@jax.jit
def _mean_log_probabilities(network: EncoderDecoder, source: Array, mask: Array, candidates: Array) -> Array:
    """Return the mean log-probability per symbol of each candidate, of shape (rows, candidates)."""
    rows, count, width = candidates.shape
    target = candidates.reshape(-1, width)
    read = jnp.roll(target, 1, axis=1).at[:, 0].set(Codec.end)
    scored = until_end(target, Codec.end)
    totals = network.log_probabilities(network.encode(source, mask).repeat(count), read, target, scored)
    return (totals / scored.sum(axis=1)).reshape(rows, count)
