"""Connectionist temporal classification: the loss, and decoding by the best path or by a beam of prefixes.

Output 0 is the blank. An alignment of T frames becomes a text by joining equal neighbours, then removing blanks.

References: Graves et al. 2006, Connectionist temporal classification; Hannun et al. 2014, First-pass large vocabulary
continuous speech recognition using bi-directional recurrent DNNs, arXiv:1408.2873 (beam of prefixes).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import NDArray

BLANK = 0
NEGLIGIBLE = -14.0  # symbols of a lower log probability do not extend prefixes
NEVER = -math.inf

LogProbabilities = NDArray[np.floating]
"""Of each output at each frame of one recording, of shape (frames, outputs), in nats."""

LanguageModel = Callable[[Sequence[int]], NDArray[np.float64]]
"""Returns the log probability of each output after others; see `gru_bench.data.speech.language_model`."""


class CTC(NamedTuple):
    """The loss of each recording, 0 where no alignment is possible, and whether one is."""

    nll: Float[Array, " recordings"]
    possible: Bool[Array, " recordings"]


def ctc_nll(
    scores: Float[Array, "recordings frames outputs"],
    padding: Bool[Array, "recordings frames"],
    targets: Int[Array, "recordings symbols"],
) -> CTC:
    """Return the negative log-likelihood of each transcript, in nats, summed over its alignments.

    A transcript needs a frame for each symbol, and one for the blank between equal neighbours; without them the loss of
    optax is 1e5, which is no likelihood. In float32 it can come out just below zero.

    Args:
        scores: unnormalised.
        padding: True for frames, False for padding.
        targets: outputs of the transcripts, filled up with blanks; one beyond the outputs is a symbol that the network
            cannot write.
    """
    symbols = targets != BLANK
    repeated = (targets[:, 1:] == targets[:, :-1]) & symbols[:, 1:]
    needed = symbols.sum(axis=1) + repeated.sum(axis=1)
    possible = (needed <= padding.sum(axis=1)) & (targets < scores.shape[2]).all(axis=1)
    without = (~padding).astype(scores.dtype), (~symbols).astype(scores.dtype)
    nll = optax.ctc_loss(scores, without[0], targets, without[1], blank_id=BLANK)
    return CTC(jnp.where(possible, jnp.maximum(nll, 0.0), 0.0), possible)


def best_path(log_probabilities: LogProbabilities) -> tuple[list[int], list[int]]:
    """Return the outputs of the most probable alignment without blanks and repetitions, and the frame of each."""
    path = log_probabilities.argmax(axis=1)
    begins = np.flatnonzero((path != BLANK) & (np.diff(path, prepend=BLANK) != 0))
    return path[begins].tolist(), begins.tolist()


class Hypothesis(NamedTuple):
    """A text as outputs, and its score: log probability over all alignments kept, and that of the language model."""

    outputs: tuple[int, ...]
    score: float


def prefix_beam(
    log_probabilities: LogProbabilities,
    beam: int,
    *,
    language_model: LanguageModel | None = None,
    weight: float = 0.0,
    bonus: float = 0.0,
) -> list[Hypothesis]:
    """Return the most probable texts, best first, from a beam of prefixes over all their alignments.

    Args:
        log_probabilities: of one recording.
        beam: number of prefixes to keep after each frame.
        language_model: of the next symbol after a prefix.
        weight: of its log probability.
        bonus: added for each symbol, against the preference of language models for short texts.
    """
    kept: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, NEVER)}  # log probability ending in a blank, or not
    for frame in log_probabilities.astype(np.float64):
        symbols = np.flatnonzero(frame > NEGLIGIBLE)
        symbols = symbols[symbols != BLANK].tolist()
        values = frame.tolist()
        extended: dict[tuple[int, ...], list[float]] = {}
        for prefix, (blank, symbol) in kept.items():
            total, last = _log_add(blank, symbol), prefix[-1] if prefix else BLANK
            same = extended.setdefault(prefix, [NEVER, NEVER])
            same[0] = _log_add(same[0], total + values[BLANK])
            same[1] = _log_add(same[1], symbol + values[last]) if prefix else NEVER
            prior = language_model(prefix) if language_model is not None and weight else None
            for output in symbols:
                score = (blank if output == last else total) + values[output] + bonus
                score += 0.0 if prior is None else weight * float(prior[output])
                if score > NEVER:
                    longer = extended.setdefault((*prefix, output), [NEVER, NEVER])
                    longer[1] = _log_add(longer[1], score)
        ranked = sorted(extended.items(), key=lambda item: -_log_add(*item[1]))
        kept = {prefix: (blank, symbol) for prefix, (blank, symbol) in ranked[:beam]}
    return [Hypothesis(prefix, _log_add(*scores)) for prefix, scores in kept.items()]


def _log_add(first: float, second: float) -> float:
    low, high = (first, second) if first < second else (second, first)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))
