"""Translation: an encoder-decoder with attention reads one text and writes another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gru_bench.data.batches.pairs import references
from gru_bench.data.pairs.baselines import translations_without_network
from gru_bench.data.pairs.codec import Codec
from gru_bench.data.pairs.own import read_pairs, read_sources
from gru_bench.data.pairs.pairs import Examples, PairForm, Pairs
from gru_bench.data.random import permutation
from gru_bench.data.tokens.vocabulary import Tokens
from gru_bench.errors import ConfigError
from gru_bench.models.builder import Cells
from gru_bench.models.encoder_decoder import EncoderDecoder
from gru_bench.tasks.sequence_to_sequence import SequenceToSequence, Written
from gru_bench.tasks.task import Batch, Prediction, Sample
from gru_bench.tasks.translation_pictures import Alignment, alignments, score_by_length
from gru_bench.validation import Beam, Natural, NonNegativeFloat, Positive, Range, Rate

PICTURED = 6
"""The first texts of a prediction, for its figure."""
MORE_SYMBOLS = 10
"""An output has at most this many symbols more than `task.longest` times those of its source."""


class Decoded(NamedTuple):
    """The outputs of a batch by the beam of the search, the references, and the symbols that each source has."""

    outputs: dict[int, list[str]]
    references: list[str]
    lengths: list[int]


class Translation(SequenceToSequence):
    """Translation of texts.

    Args:
        description: the description of the data, from its `describe`.
        buckets: maximum number of shapes of batches; pairs are sorted into this many buckets by their longer side.
        beam: number of hypotheses of the beam search behind the metrics; 1 is greedy search.
        length_penalty: exponent of the length penalty; 0 compares hypotheses by their log-probability alone.
        longest: the most symbols of an output per symbol of its source, plus ten.
        label_smoothing: share of the target distribution that is spread over all symbols in the training loss.
        samples: number of test texts to show at the end of a run.
    """

    accepts = "pairs"

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        buckets: Positive = 4,
        beam: Beam = 5,
        length_penalty: NonNegativeFloat = 0.6,
        longest: Annotated[float, Range(above=0, high=100)] = 2.0,
        label_smoothing: Rate = 0.0,
        samples: Natural = 4,
    ):
        self.form = PairForm.from_dict(description)
        self.buckets, self.shown, self.label_smoothing = buckets, samples, label_smoothing
        self.beam, self.length_penalty, self.longest = beam, length_penalty, longest

    def build(self, cells: Cells, key: Array) -> EncoderDecoder:
        """Build an encoder-decoder that reads an embedding of the source."""
        reader_key, key = jax.random.split(key)
        return EncoderDecoder(cells, key, cells.embedding(reader_key, self.form.source.size), self.form.target.size)

    def pairs(self, examples: Examples) -> tuple[Sequence[Tokens], Sequence[Tokens], Sequence[str]]:
        """Return the symbols of both sides, and the targets."""
        return examples.source_ids, examples.target_ids, examples.targets

    def read(self, path: Path) -> Examples:
        """Return the pairs of a table.

        Raises:
            ConfigError: the table lacks a column.
            DataError: the file is missing or broken, or a text is blank.
        """
        return self.form.encode(*read_pairs(path, self.form, "path"))

    def limits(self, sources: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the most symbols of an output for sources of these lengths."""
        return (np.float32(self.longest) * sources.astype(np.float32)).astype(np.int32) + MORE_SYMBOLS

    def decode(self, network: EncoderDecoder, batch: Batch) -> Decoded:
        """Return the outputs of beam search and of greedy search for the sources of a batch."""
        outputs = {
            beam: [self.form.target.decode(best[0].ids) for best in self.written(network, batch, beam)]
            for beam in {self.beam, 1}
        }
        lengths = np.asarray(batch["source_mask"])[np.asarray(batch["mask"]).any(axis=1)].sum(axis=1)
        return Decoded(outputs, references(batch), lengths.tolist())  # pyright: ignore[reportArgumentType]

    def decoded_metrics(self, decoded: Sequence[Decoded]) -> dict[str, float]:
        """Return BLEU, chrF and exact match of the beam search, and BLEU of its long third and of the greedy one."""
        texts = [text for batch in decoded for text in batch.references]
        outputs = {beam: [text for batch in decoded for text in batch.outputs[beam]] for beam in {self.beam, 1}}
        lengths = np.array([length for batch in decoded for length in batch.lengths])
        long = np.flatnonzero(lengths >= np.quantile(lengths, 2 / 3, method="higher"))
        of_long = ([column[place] for place in long] for column in (outputs[self.beam], texts))
        scores = {beam: self.form.scores(written, texts) for beam, written in outputs.items()}
        long_bleu, greedy_bleu = self.form.scores(*of_long)["bleu"], scores[1]["bleu"]
        return {**scores[self.beam], "long_bleu": long_bleu, "greedy_bleu": greedy_bleu}

    def baselines(self, data: Pairs) -> dict[str, dict[str, float]]:
        """Return scores on the test split of a copy, the nearest training pair, and a word-by-word dictionary."""
        outputs = translations_without_network(data)
        return {name: self.form.scores(texts, data.test.targets) for name, texts in outputs.items()}

    def samples(self, network: EncoderDecoder, data: Pairs, seed: int) -> Sequence[Sample]:
        """Return a few test sources with their reference and output."""
        chosen = data.test.take(permutation(seed, 0, len(data.test))[: self.shown])
        outputs = self.translate(network, chosen.sources)
        return [
            Sample(given=source, output=f"output:    {output}\nreference: {reference}")
            for source, reference, output in zip(chosen.sources, chosen.targets, outputs, strict=True)
        ]

    def figures(
        self, network: EncoderDecoder, data: Pairs, sums: Mapping[str, Any]
    ) -> Mapping[str, Callable[[], Figure]]:
        """Return BLEU by source length and, with attention, the attention weights of some test sources."""

        def by_length() -> Figure:
            outputs = self.translate(network, data.test.sources)
            lengths = np.array([ids.size for ids in data.test.source_ids])
            return score_by_length(lengths, outputs, data.test.targets, self.form)

        pictures: dict[str, Callable[[], Figure]] = {"bleu_by_length": by_length}
        if network.attention is not None and self.shown:
            chosen = [data.test.sources[place] for place in permutation(0, 0, len(data.test))[: self.shown]]
            pictures["attention"] = lambda: alignments(self.align(network, chosen, self._best(network, chosen)))
        return pictures

    def predict(
        self,
        network: EncoderDecoder,
        *texts: str,
        file: Path | None = None,
        beam: Beam | None = None,
        nbest: Positive = 1,
        length_penalty: NonNegativeFloat | None = None,
    ) -> Prediction:
        """Translate texts: the best outputs of each with their scores.

        Args:
            network: the trained network
            texts: one text per argument; start a text that looks like key=value with a blank
            file: one text per line; - reads standard input
            beam: number of hypotheses of the beam search; 1 is greedy search; by default that of the run
            nbest: number of outputs per text, at most the beam
            length_penalty: exponent of the length penalty; by default that of the run

        Raises:
            ConfigError: there is no text, or more outputs than hypotheses are wanted.
            DataError: the file is missing or broken.
        """
        if not texts and file is None:
            raise ConfigError("texts", None, "texts as arguments, or file=FILE with one per line; file=- reads them")
        inputs = [*texts, *([] if file is None else read_sources(file, "file"))]
        beam = self.beam if beam is None else beam
        if nbest > beam:
            raise ConfigError("nbest", nbest, f"at most the beam, {beam}", "Raise beam= or lower nbest=.")
        rows, lines = [], []
        written = self._written(network, inputs, beam, length_penalty)
        for text, outputs in zip(inputs, written, strict=True):
            for rank, (ids, score, log_probability) in enumerate(outputs[:nbest], 1):
                output = self.form.target.decode(ids)
                scores = {"score": score, "log_probability": log_probability}
                rows.append({"text": text, "rank": rank, "output": output, **scores})
                lines.append(output if nbest == 1 else f"{score:.3f}\t{output}")
        pictured = [place for place, text in enumerate(inputs) if text.strip()][:PICTURED]

        def draw() -> Figure:
            best = [written[place][0].ids for place in pictured]
            return alignments(self.align(network, [inputs[place] for place in pictured], best))

        return Prediction("\n".join(lines), rows, draw if pictured and network.attention is not None else None)

    def translate(self, network: EncoderDecoder, texts: Sequence[str]) -> list[str]:
        """Return the best output for each text."""
        return [self.form.target.decode(ids) for ids in self._best(network, texts)]

    def _best(self, network: EncoderDecoder, texts: Sequence[str]) -> list[list[int]]:
        """Return the symbols of the best output for each text."""
        return [outputs[0].ids for outputs in self._written(network, texts, self.beam)]

    def _written(
        self, network: EncoderDecoder, texts: Sequence[str], beam: int, length_penalty: float | None = None
    ) -> list[list[Written]]:
        """Return the outputs for each text, the best first; a blank gives a blank."""
        sources = {place: ids for place, ids in enumerate(map(self.form.source.encode, texts)) if ids.size}
        outputs = dict(zip(sources, self.write(network, list(sources.values()), beam, length_penalty), strict=True))
        return [outputs.get(place, [Written([], 0.0, 0.0)]) for place in range(len(texts))]

    def align(self, network: EncoderDecoder, texts: Sequence[str], outputs: Sequence[Sequence[int]]) -> list[Alignment]:
        """Return for each text the attention weights behind the symbols of an output."""
        aligned = []
        for text, output in zip(texts, outputs, strict=True):
            source = self.form.source.encode(text)
            read = np.concatenate([[Codec.end], output]).astype(np.int32)
            weights = _attention(network, jnp.asarray(source)[None], jnp.asarray(read)[None])
            written = [*self.form.target.names(output), "end"]
            aligned.append(Alignment(self.form.source.names(source), written, np.asarray(weights)[0]))
        return aligned


@jax.jit
def _attention(network: EncoderDecoder, source: Array, read: Array) -> Array | None:
    return network.attention_weights(network.encode(source, jnp.ones(source.shape, bool)), read)
