"""Language modelling: predict the next symbol of a stream by stateful truncated backpropagation through time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.streams import EvalWindows, TrainWindows
from gru_bench.data.files.tables import place_name, read_bytes
from gru_bench.data.files.text import decode
from gru_bench.data.tokens.corpus import Corpus
from gru_bench.data.tokens.vocabulary import UNKNOWN, Tokens, Vocabulary
from gru_bench.models.network import Network, Signature
from gru_bench.sections import TrainingConfig
from gru_bench.tasks.generation import Categorical, generate
from gru_bench.tasks.task import (
    Batch,
    Carry,
    Loss,
    Prediction,
    Sample,
    Split,
    Sums,
    Task,
)
from gru_bench.validation import GeneratedLength, Natural, NonNegativeFloat, Positive, SampleLength


class LanguageModeling(Task):
    """Next-symbol prediction.

    Args:
        description: `vocabulary`, from `Vocabulary.to_dict`, and `unknown_in_train`, whether train has the symbol
            `<unk>`; runs of earlier versions lack it, but no characters are `<unk>` in train.
        state: `carry` passes the carry from window to window, in training and in evaluation; `reset` starts each
            window from zeros.
        shift_epochs: begin each epoch at another place of the stream, a pure function of (seed, epoch).
        sample_length: symbols in the sample text of the log.
        sample_temperature: its temperature; 0 takes the most probable symbol.
    """

    accepts = "tokens"
    causal = True
    pooled = False
    metric = "nll"
    direction: Literal["min", "max"] = "min"
    item = "tokens"

    def __init__(
        self,
        description: Mapping[str, Any],
        *,
        state: Literal["carry", "reset"] = "carry",
        shift_epochs: bool = False,
        sample_length: SampleLength = 200,
        sample_temperature: NonNegativeFloat = 0.8,
    ):
        self.vocabulary = Vocabulary.from_dict(description["vocabulary"])
        self.unknown_in_train = bool(description.get("unknown_in_train", self.vocabulary.level != "char"))
        self.state: Literal["carry", "reset"] = state
        self.shift_epochs = shift_epochs
        self.sample_length, self.sample_temperature = sample_length, sample_temperature

    @property
    def signature(self) -> Signature:
        """Inputs: symbols; outputs: one score per symbol."""
        return Signature(symbols=self.vocabulary.size, outputs=self.vocabulary.size)

    def describe(self) -> dict[str, Any]:
        """Return the vocabulary, and whether train has `<unk>`, as plain values."""
        return {"vocabulary": self.vocabulary.to_dict(), "unknown_in_train": self.unknown_in_train}

    def train_batches(self, data: Corpus, training: TrainingConfig, seed: int) -> Batches:
        """Return the windows of the training stream."""
        return TrainWindows(
            data.train,
            self.vocabulary.begin,
            training.batch_size,
            training.bptt_window,
            policy=self.state,
            shift=self.shift_epochs,
            seed=seed,
            read=data.read.get("train"),
        )

    def eval_batches(self, data: Corpus, split: Split, training: TrainingConfig) -> Batches:
        """Return windows of a split in which each of its symbols is a target exactly once; of train its first ones."""
        stream = {"train": data.train[: data.test.size], "valid": data.valid, "test": data.test}[split]
        return self._windows(stream, training, data.read.get(split, stream)[: stream.size])

    def file_batches(self, path: Path, training: TrainingConfig) -> Batches:
        """Return windows of a text file in which each of its symbols is a target exactly once.

        Raises:
            DataError: the file is missing or empty, cannot be decoded, or has a symbol that the vocabulary lacks.
        """
        raw = read_bytes(path, "path")
        text = raw if self.vocabulary.level == "byte" else decode(raw, "auto", place_name(path), "path")[0]
        return self._windows(self.vocabulary.encode(text), training)

    def _windows(self, stream: Tokens, training: TrainingConfig, read: Tokens | None = None) -> EvalWindows:
        return EvalWindows(
            stream, self.vocabulary.begin, training.eval_batch_size, training.bptt_window, policy=self.state, read=read
        )

    def initial_carry(self, network: Network, batch_size: int) -> Carry:
        """Return zeros for each lane."""
        return network.zero_carry(batch_size)

    def loss(self, network: Network, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the training loss of a window, in nats."""
        nll, carry = _summed_nll(network, batch, carry, key)
        return Loss(total=nll, items=batch["mask"].sum(dtype=jnp.float32), carry=carry)

    def score(self, network: Network, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the carry, and the summed nll in nats with the number of scored symbols."""
        nll, carry = _summed_nll(network, batch, carry, None)
        return carry, {"nll": nll, "items": batch["mask"].sum(dtype=jnp.int32)}

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return nll (nats per symbol), perplexity or bits per character, and the number of scored symbols."""
        items = int(sums["items"])
        return {**self._in_units(float(sums["nll"]) / items), "items": items}

    def baselines(self, data: Corpus) -> dict[str, dict[str, float]]:
        """Return metrics of the unigram model of train, and the floors of the source if it knows them, on test."""
        counts = np.bincount(data.train, minlength=self.vocabulary.size) + 1.0
        log_probability = np.log(counts / counts.sum())
        metrics = {"unigram": self._in_units(-float(log_probability[data.test].mean()))}
        if data.floor is not None:
            metrics |= {name: self._in_units(nll) for name, nll in data.floor.items()}
        return metrics

    def samples(self, network: Network, data: Corpus, seed: int) -> Sequence[Sample]:
        """Return one text, sampled from the beginning symbol."""
        if self.sample_length == 0:
            return []
        text = self._continue(network, "", self.sample_length, seed, self.sample_temperature)
        return [Sample(given="", output=text)]

    def predict(
        self,
        network: Network,
        *,
        prompt: str = "",
        length: GeneratedLength = 200,
        temperature: NonNegativeFloat = 0.8,
        top_k: Positive | None = None,
        seed: Natural = 0,
    ) -> Prediction:
        """Continue a text, symbol by symbol; `<unk>` is generated only if the training text has it.

        Args:
            network: the trained network
            prompt: the text to continue, taken literally; - reads standard input; empty starts a new text
            length: number of symbols (words, characters or bytes) to generate
            temperature: below 1 less random, above 1 more; 0 always takes the most probable symbol
            top_k: sample only from the k most probable symbols
            seed: seed of the samples

        Raises:
            DataError: the prompt has a symbol that the vocabulary lacks.
        """
        continuation = self._continue(network, prompt, length, seed, temperature, top_k)
        separator = " " if self.vocabulary.level == "word" and prompt else ""
        return Prediction(prompt + separator + continuation, [{"prompt": prompt, "continuation": continuation}])

    def _continue(
        self, network: Network, prompt: str, length: int, seed: int, temperature: float, top_k: int | None = None
    ) -> str:
        start = np.array([self.vocabulary.begin], np.int32)
        ids = np.concatenate([start, self.vocabulary.encode(prompt)])
        never = () if self.unknown_in_train or UNKNOWN not in self.vocabulary.ids else (self.vocabulary.ids[UNKNOWN],)
        draw = Categorical(temperature, top_k, never)
        sampled = generate(network, jnp.asarray(ids), length, draw, jax.random.key(seed))
        return self.vocabulary.decode(np.asarray(sampled))

    def _in_units(self, nll: float) -> dict[str, float]:
        if self.vocabulary.level == "word":
            return {"nll": nll, "perplexity": math.exp(min(nll, 700.0))}
        if self.vocabulary.level in ("char", "byte"):
            return {"nll": nll, "bits_per_character": nll / math.log(2)}
        return {"nll": nll}


def _summed_nll(network: Network, batch: Batch, carry: Carry, key: Array | None) -> tuple[Float[Array, ""], Carry]:
    return network.cross_entropy(
        batch["inputs"], batch["targets"], carry, mask=batch["mask"], reset=batch["reset"], key=key
    )
