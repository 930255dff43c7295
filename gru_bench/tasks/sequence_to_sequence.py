"""The base class of tasks that read one sequence and write another with an encoder-decoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from gru_bench.data.batches.pairs import PairBuckets, pair_edges, source_batch
from gru_bench.data.pairs.codec import Codec
from gru_bench.data.tokens.vocabulary import Tokens
from gru_bench.models.decoding import Hypotheses, beam_search
from gru_bench.models.encoder_decoder import EncoderDecoder
from gru_bench.tasks.bucketed import Bucketed
from gru_bench.tasks.task import Batch, Carry, Goal, Loss, Sums

AT_ONCE = 32
"""Sources of one batch in `write`."""
STEP = 16
"""Their time steps are padded to a multiple of it, so that few shapes are compiled."""


class Written(NamedTuple):
    """An output: its symbols up to its end, its score, and its log-probability in nats."""

    ids: list[int]
    score: float
    log_probability: float


class SequenceToSequence(Bucketed):
    """Batches of pairs, loss, metrics and search of an encoder-decoder.

    Attributes:
        beam: number of hypotheses of the beam search behind the metrics.
        length_penalty: exponent of its length penalty.
        label_smoothing: share of the target distribution that is spread over all symbols in the training loss.
        scored_batches: class of the batches that are scored.
    """

    causal = False
    attends = True
    metric = "nll"
    direction: Literal["min", "max"] = "min"
    item = "symbols"

    beam: int
    length_penalty: float
    label_smoothing: float = 0.0
    scored_batches: Callable[..., PairBuckets] = PairBuckets

    def pairs(self, examples: Any) -> tuple[Sequence[NDArray[Any]], Sequence[Tokens], Sequence[str]]:
        """Return the sources of examples, the symbols of their targets, and the texts of these."""
        raise TypeError(f"{type(self).__name__} has no pairs")

    def batches(self, examples: Any, like: Any, rows: int, **order: Any) -> PairBuckets:
        """Return batches of pairs of similar length; those that are scored have the texts of their targets."""
        sources, targets, texts = self.pairs(examples)
        edges = pair_edges(*self.pairs(like)[:2], self.buckets)
        if order:
            return PairBuckets(sources, targets, edges, rows, end=Codec.end, **order)
        return self.scored_batches(sources, targets, edges, rows, end=Codec.end, references=texts)

    @property
    def goal(self) -> Goal:
        """How close outputs are to their references, which predictors without a network are scored by as well."""
        return Goal("bleu", "max", 100.0)

    def loss(self, network: EncoderDecoder, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the summed cross-entropy of a batch, in nats, with label smoothing."""
        total = _summed_nll(network, batch, key, self.label_smoothing)
        return Loss(total=total, items=batch["mask"].sum(dtype=jnp.float32), carry=carry)

    def score(self, network: EncoderDecoder, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the summed nll in nats, and the number of target symbols with the ends."""
        return carry, {"nll": _summed_nll(network, batch, None, 0.0), "items": batch["mask"].sum(dtype=jnp.int32)}

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return nll (nats per target symbol), perplexity, and the number of target symbols."""
        items = int(sums["items"])
        return {**nll_and_perplexity(float(sums["nll"]) / items), "items": items}

    def limits(self, sources: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return the most symbols of an output for sources of these lengths."""
        raise TypeError(f"{type(self).__name__} has no limits")

    def search(
        self, network: EncoderDecoder, batch: Mapping[str, Any], beam: int, length_penalty: float | None = None
    ) -> Hypotheses:
        """Return the best outputs for the sources of a batch."""
        exponent = self.length_penalty if length_penalty is None else length_penalty
        mask = batch["source_mask"]
        limits = self.limits(np.asarray(mask).sum(axis=1)).astype(np.int32)
        length = int(self.limits(np.array([mask.shape[1]]))[0])
        return _search(network, batch["source"], mask, limits, beam, length, exponent, (Codec.unknown,))

    def write(
        self,
        network: EncoderDecoder,
        sources: Sequence[NDArray[Any]],
        beam: int,
        length_penalty: float | None = None,
    ) -> list[list[Written]]:
        """Return the outputs for each source, the best first."""
        rows, longest = min(AT_ONCE, len(sources)), max(map(len, sources), default=0)
        width, outputs = -(-longest // STEP) * STEP, []
        for start in range(0, len(sources), AT_ONCE):
            batch = source_batch(sources[start : start + AT_ONCE], rows, width)
            outputs += self.written(network, batch, beam, length_penalty)
        return outputs

    def written(
        self, network: EncoderDecoder, batch: Mapping[str, Any], beam: int, length_penalty: float | None = None
    ) -> list[list[Written]]:
        """Return the outputs for each source of a batch, the best first, without rows that only fill it."""
        rows = np.asarray(batch["source_mask"]).any(axis=1)
        symbols, scores, log_probabilities = (
            np.asarray(part)[rows] for part in self.search(network, batch, beam, length_penalty)
        )
        return [
            [
                Written(until_end(ids), float(score), float(log_probability))
                for ids, score, log_probability in zip(*row, strict=True)
                if np.isfinite(score)
            ]
            for row in zip(symbols, scores, log_probabilities, strict=True)
        ]


def until_end(ids: Sequence[int] | np.ndarray) -> list[int]:
    """Return symbols up to the first end."""
    plain = [int(number) for number in ids]
    return plain[: plain.index(Codec.end)] if Codec.end in plain else plain


def nll_and_perplexity(nll: float) -> dict[str, float]:
    """Return the metrics of an nll per symbol, in nats."""
    return {"nll": nll, "perplexity": math.exp(min(nll, 700.0))}


def _summed_nll(network: EncoderDecoder, batch: Batch, key: Array | None, smoothing: float) -> Array:
    keys = (None, None) if key is None else jax.random.split(key)
    source = network.encode(batch["source"], batch["source_mask"], keys[0])
    return network.cross_entropy(source, batch["read"], batch["target"], batch["mask"], keys[1], smoothing)


@jax.jit(static_argnums=(4, 5, 6, 7))
def _search(
    network: EncoderDecoder,
    source: Array,
    mask: Array,
    limits: Array,
    beam: int,
    length: int,
    exponent: float,
    never: tuple[int, ...],
) -> Hypotheses:
    read = network.encode(source, mask).repeat(beam)

    def step(carry: Any, symbols: Array) -> tuple[Array, Any]:
        return network.step(read, carry, symbols)

    return beam_search(
        step, read.start, limits, beam=beam, length=length, end=Codec.end, exponent=exponent, never=never
    )
