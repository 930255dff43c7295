"""Speech to text: connectionist temporal classification over characters or words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.buckets import bucket_edges
from gru_bench.data.batches.utterances import UtteranceBuckets
from gru_bench.data.random import permutation
from gru_bench.data.speech.baselines import most_frequent_words
from gru_bench.data.speech.language_model import NGrams
from gru_bench.data.speech.own import read_frames, read_transcribed
from gru_bench.data.speech.utterances import Frames, Speech, SpeechForm, Utterances
from gru_bench.errors import ConfigError
from gru_bench.models.network import Network, Signature
from gru_bench.sections import TrainingConfig
from gru_bench.tasks.bucketed import Bucketed
from gru_bench.tasks.ctc import BLANK, Hypothesis, LogProbabilities, best_path, ctc_nll, prefix_beam
from gru_bench.tasks.speech_pictures import Heard, heard
from gru_bench.tasks.task import Batch, Carry, Loss, Prediction, Sample, Sums
from gru_bench.validation import Beam, Natural, NonNegativeFloat, Positive

log = logging.getLogger(__name__)

PICTURED = 3  # recordings in a figure


class SpeechToText(Bucketed):
    """Recognition of recordings.

    Args:
        description: the description of the data, from its `describe`.
        stack: successive frames that are joined to one time step.
        centre: whether the mean of each recording is taken out of its features; not for a stream.
        input_noise: standard deviation of the normal noise on the features in training, in deviations of train.
        beam: prefixes of the beam search; 1 reads the most probable alignment.
        lm_weight: weight of the language model of the training transcripts in the beam search.
        lm_bonus: added for each symbol in the beam search.
        lm_order: the greatest n of its n-grams.
        buckets: maximum number of shapes of batches; recordings are sorted into this many buckets by length.
        samples: number of test recordings to show at the end of a run.
    """

    accepts = "speech"
    causal = False
    metric = "cer"
    direction: Literal["min", "max"] = "min"
    item = "symbols"
    decode_validation = True

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        stack: Positive = 3,
        centre: bool = False,
        input_noise: NonNegativeFloat = 0.3,
        beam: Beam = 1,
        lm_weight: NonNegativeFloat = 0.0,
        lm_bonus: NonNegativeFloat = 0.0,
        lm_order: Positive = 5,
        buckets: Positive = 4,
        samples: Natural = 4,
    ):
        self.form = SpeechForm.from_dict(description)
        self.stack, self.centre, self.input_noise = stack, centre, input_noise
        self.beam, self.lm_weight, self.lm_bonus, self.lm_order = beam, lm_weight, lm_bonus, lm_order
        self.buckets, self.shown = buckets, samples
        if lm_weight and beam == 1:
            raise ConfigError("task.lm_weight", lm_weight, "0 for task.beam=1, which searches nothing")

    @property
    def signature(self) -> Signature:
        """Inputs: stacked features; outputs: a score for the blank and for each symbol."""
        return Signature(channels=len(self.form.features) * self.stack, outputs=self.form.outputs)

    def batches(self, examples: Utterances, like: Utterances, rows: int, **order: Any) -> Batches:
        """Return batches of recordings of similar length."""
        edges = bucket_edges(np.array([self._steps(frames) for frames in like.frames], np.int64), self.buckets)
        targets = [self.form.encode(text) for text in examples.transcripts]
        return UtteranceBuckets(self._rows(examples.frames), targets, edges, rows, **order)

    def train_batches(self, data: Speech, training: TrainingConfig, seed: int) -> Batches:
        """Return batches of recordings of similar length; warn of those that cannot be aligned."""
        pairs = zip(data.train.frames, data.train.transcripts, strict=True)
        if short := sum(self._too_short(frames, text) for frames, text in pairs):
            log.warning(
                "%s of the %s training recordings are shorter than their transcripts: they do not train",
                short,
                len(data.train),
            )
        return super().train_batches(data, training, seed)

    def read(self, path: Path) -> Utterances:
        """Return the recordings of a table of transcripts.

        Raises:
            ConfigError: the table lacks a column.
            DataError: the table or a recording is missing or broken.
        """
        return read_transcribed(path, self.form, "path")

    def loss(self, network: Network, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the summed nll of the transcripts, in nats; its items are symbols."""
        inputs = batch["inputs"]
        if key is not None and self.input_noise:
            key, noise = jax.random.split(key)
            inputs = inputs + self.input_noise * jax.random.normal(noise, inputs.shape)
        nll, possible = ctc_nll(_scores(network, {**batch, "inputs": inputs}, key), batch["padding"], batch["targets"])
        items = jnp.where(possible, (batch["targets"] != BLANK).sum(axis=1), 0).sum().astype(jnp.float32)
        return Loss(nll.sum(), items, carry)

    def score(self, network: Network, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return nll and symbols of the transcripts that can be aligned, and the number of all others."""
        nll, possible = ctc_nll(_scores(network, batch, None), batch["padding"], batch["targets"])
        symbols = (batch["targets"] != BLANK).sum(axis=1)
        return carry, {
            "nll": nll.sum(),
            "symbols": jnp.where(possible, symbols, 0).sum(),
            "items": symbols.sum(),
            "impossible": (batch["mask"] & ~possible).sum(dtype=jnp.int32),
        }

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return nll per symbol and, where there are any, the number of transcripts without a possible alignment."""
        impossible = int(sums["impossible"])
        counted = {"impossible": impossible} if impossible else {}
        return {"nll": float(sums["nll"]) / max(1, int(sums["symbols"])), **counted, "items": int(sums["items"])}

    def decode(self, network: Network, batch: Batch) -> list[tuple[str, str]]:
        """Return the transcript and the recognised text of each recording."""
        pairs = []
        for row, (frames, target) in enumerate(
            zip(self._log_probabilities(network, batch), batch["targets"], strict=True)
        ):
            if batch["mask"][row]:
                pairs.append((self.form.decode(target[target != BLANK].tolist()), self._text(frames)))
        return pairs

    def decoded_metrics(self, decoded: Sequence[list[tuple[str, str]]]) -> dict[str, float]:
        """Return the character and word error rates: insertions, deletions and substitutions per true one."""
        return error_rates([pair for pairs in decoded for pair in pairs])

    def baselines(self, data: Speech) -> dict[str, dict[str, float]]:
        """Return the error rates of silence and of the most frequent words, on the test split."""
        texts = {"silence": "", "most frequent words": most_frequent_words(data.train.transcripts)}
        return {name: error_rates([(true, text) for true in data.test.transcripts]) for name, text in texts.items()}

    def samples(self, network: Network, data: Speech, seed: int) -> Sequence[Sample]:
        """Return a few test recordings with their transcript and the recognised text."""
        if not self.shown:
            return ()
        chosen = data.test.take(permutation(seed, 0, len(data.test))[: self.shown])
        texts = [self._text(frames) for frames in self.listen(network, chosen.frames)]
        return [
            Sample(f"{name}: {true}", text)
            for name, true, text in zip(chosen.names, chosen.transcripts, texts, strict=True)
        ]

    def figures(self, network: Network, data: Speech, sums: Mapping[str, Any]) -> Mapping[str, Callable[[], Figure]]:
        """Return a picture of some test recordings: features, outputs over time, recognised and true text."""
        chosen = data.test.take(permutation(0, 0, len(data.test))[:PICTURED])
        return {"alignment": lambda: self._draw(network, chosen.frames, chosen.names, chosen.transcripts)}

    def _draw(
        self, network: Network, frames: Sequence[Frames], names: Sequence[str], truths: Sequence[str] | None = None
    ) -> Figure:
        recordings = []
        for place, rows in enumerate(self.listen(network, frames)):
            outputs, steps = best_path(rows)
            recordings.append(
                Heard(
                    name=names[place],
                    features=self.form.scale(frames[place]),
                    probabilities=np.exp(rows),
                    symbols=[self.form.symbols[output - 1] for output in outputs],
                    steps=steps,
                    text=self._text(rows),
                    truth=truths[place] if truths else None,
                    seconds=len(frames[place]) / self.form.frames_per_second,
                )
            )
        return heard(recordings, ("blank", *self.form.symbols))

    def predict(
        self,
        network: Network,
        *files: str,
        file: Path | None = None,
        beam: Beam | None = None,
        lm_weight: NonNegativeFloat | None = None,
    ) -> Prediction:
        """Recognise recordings.

        Args:
            network: the trained network
            files: WAV files; or features in .npy or .mfc files, as of the training data
            file: one more of them; - reads a WAV file from standard input
            beam: prefixes of the beam search; 1 reads the most probable alignment
            lm_weight: weight of the language model of the training transcripts in the beam search

        Raises:
            ConfigError: there is no file.
            DataError: a file is missing, broken or of the wrong kind.
        """
        paths = [*map(Path, files), *([] if file is None else [file])]
        if not paths:
            raise ConfigError("file", None, "a recording: file=clip.wav, or several files as arguments")
        frames = [read_frames(path, self.form, "file") for path in paths]
        width = self.beam if beam is None else beam
        weight = self.lm_weight if lm_weight is None else lm_weight
        if weight and width == 1:
            raise ConfigError("lm_weight", weight, "0 without a beam search: add beam=8")
        rows = [
            {"file": str(path), "seconds": round(len(part) / self.form.frames_per_second, 3), "text": text}
            for path, part, text in zip(
                paths, frames, (self._text(each, width, weight) for each in self.listen(network, frames)), strict=True
            )
        ]
        lines = [row["text"] if len(rows) == 1 else f"{row['file']}\t{row['text']}" for row in rows]
        shown = [str(path.name) for path in paths[:PICTURED]]
        return Prediction("\n".join(lines), rows, lambda: self._draw(network, frames[:PICTURED], shown))

    def listen(self, network: Network, frames: Sequence[Frames]) -> list[LogProbabilities]:
        """Return the log probability of each output at each time step of each recording."""
        found = []
        for row in self._rows(frames):
            batch = {"inputs": row[None], "padding": np.ones((1, len(row)), bool)}
            found += self._log_probabilities(network, batch)
        return found

    def _log_probabilities(self, network: Network, batch: Batch) -> list[LogProbabilities]:
        scores = np.asarray(_compiled(network, {name: batch[name] for name in ("inputs", "padding")}))
        lengths = np.asarray(batch["padding"]).sum(axis=1)
        return [row[:length] for row, length in zip(scores, lengths, strict=True)]

    def _text(self, rows: LogProbabilities, beam: int | None = None, weight: float | None = None) -> str:
        beam, weight = self.beam if beam is None else beam, self.lm_weight if weight is None else weight
        if beam == 1:
            return self.form.decode(best_path(rows)[0])
        return self.form.decode(self.search(rows, beam, weight)[0].outputs)

    def search(self, rows: LogProbabilities, beam: int, weight: float) -> list[Hypothesis]:
        """Return the best texts of a beam search, with the language model of the training transcripts."""
        model = self._language_model if weight else None
        return prefix_beam(rows, beam, language_model=model, weight=weight, bonus=self.lm_bonus)

    @cached_property
    def _language_model(self) -> NGrams:
        counts = {tuple(self.form.encode(text).tolist()): times for text, times in self.form.transcripts.items()}
        return NGrams(counts, self.form.outputs, self.lm_order)

    def _steps(self, frames: Frames) -> int:
        return -(-len(frames) // self.stack)

    def _too_short(self, frames: Frames, transcript: str) -> bool:
        units = self.form.encode(transcript)
        return self._steps(frames) < units.size + int((np.diff(units) == 0).sum())

    def _rows(self, recordings: Sequence[Frames]) -> list[NDArray[np.float32]]:
        """Return the inputs of each recording: scaled, perhaps centred, stacked; zeros, the mean, fill up the last."""
        rows = []
        for frames in recordings:
            values = self.form.scale(frames)
            values = values - values.mean(axis=0) if self.centre else values
            filled = np.pad(values, ((0, -len(values) % self.stack), (0, 0)))
            rows.append(filled.reshape(len(filled) // self.stack, -1))
        return rows


def error_rates(pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Return character and word error rates of pairs of a true and a recognised text, over all of them together."""
    import jiwer

    true, recognised = ([pair[place] for pair in pairs if pair[0]] for place in (0, 1))
    return {"cer": float(jiwer.cer(true, recognised)), "wer": float(jiwer.wer(true, recognised))}


def _scores(network: Network, batch: Batch, key: Array | None) -> Float[Array, "recordings frames outputs"]:
    carry = network.zero_carry(batch["inputs"].shape[0])
    scores, _ = network(batch["inputs"], carry, padding=batch["padding"], key=key)
    return scores


@jax.jit
def _compiled(network: Network, batch: Batch) -> Float[Array, "recordings frames outputs"]:
    return jax.nn.log_softmax(_scores(network, batch, None))
