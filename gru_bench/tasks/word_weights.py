"""The weight of each word in the classification of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from numpy.typing import NDArray

from gru_bench.data.tokens.vocabulary import Tokens
from gru_bench.models.network import Network

ROWS = 64  # maximum number of texts per batch
AREA = 2**18  # maximum number of words per batch, padding included, which bounds memory
STEP = 32  # texts are padded to a multiple of this, so that few shapes are compiled

MEANINGS = {
    "attention": "attention weight of each word",
    "left out": "log odds of {label}, in nats, minus the same without the word",
}


@dataclass(frozen=True)
class WordWeights:
    """The classification of a text, and the weight of each of its words.

    Attributes:
        words: as the network reads them.
        label: the predicted class.
        probability: of that class.
        weights: of shape (words,); see `MEANINGS`.
        kind: weights of attention pooling, or changes of the log odds of the class by each word.
    """

    words: Sequence[str]
    label: str
    probability: float
    weights: NDArray[np.float64]
    kind: Literal["attention", "left out"]

    @property
    def meaning(self) -> str:
        """The meaning of the weights."""
        return MEANINGS[self.kind].format(label=self.label)

    def strongest(self, count: int = 8) -> str:
        """Return the words of the largest weights, as in `dull +1.20, not -0.80`."""
        order = np.argsort(-np.abs(self.weights), kind="stable")[:count]
        sign = "" if self.kind == "attention" else "+"
        return ", ".join(f"{self.words[place]} {self.weights[place]:{sign}.2f}" for place in sorted(order))


def rows_at_once(longest: int) -> int:
    """Return the number of texts per batch, for texts of up to `longest` words."""
    return max(1, min(ROWS, AREA // longest))


@jax.jit
def log_probabilities(
    network: Network, inputs: Int[Array, "texts words"], padding: Bool[Array, "texts words"]
) -> Float[Array, "texts classes"]:
    """Return the log-probability of each class, in nats."""
    scores, _ = network(inputs, network.zero_carry(inputs.shape[0]), padding=padding)
    return jax.nn.log_softmax(scores, axis=1)


@jax.jit
def _attention(
    network: Network, inputs: Int[Array, "texts words"], padding: Bool[Array, "texts words"]
) -> Float[Array, "texts words"] | None:
    return network.attention(inputs, padding)


def weigh_words(network: Network, ids: Tokens, words: Sequence[str], classes: Sequence[str]) -> WordWeights:
    """Return the weight of each word of a text: its attention weight, else the effect of leaving it out.

    Args:
        network: a text classifier.
        ids: of the words, of shape (words,).
        words: the words as text.
        classes: names of the classes.
    """
    size = ids.size
    width = -(-size // STEP) * STEP
    inputs = np.zeros((1, width), np.int32)
    inputs[0, :size] = ids
    padding = np.arange(width)[None] < size
    whole = np.asarray(log_probabilities(network, jnp.asarray(inputs), jnp.asarray(padding)))[0]
    label = int(whole.argmax())
    attention = _attention(network, jnp.asarray(inputs), jnp.asarray(padding))
    if attention is not None:
        weights = np.asarray(attention, np.float64)[0, :size]
    else:
        weights = _log_odds(whole[None], label) - _log_odds(_without_each_word(network, inputs, padding, size), label)
    return WordWeights(
        words=list(words),
        label=classes[label],
        probability=float(np.exp(whole[label])),
        weights=np.asarray(weights, np.float64),
        kind="left out" if attention is None else "attention",
    )


def _log_odds(log_probabilities: NDArray, label: int) -> NDArray[np.float64]:
    """Return log p(label) - log p(any other class), which does not saturate if p is close to 1, unlike log p."""
    known = np.asarray(log_probabilities, np.float64)
    return known[:, label] - np.logaddexp.reduce(np.delete(known, label, axis=1), axis=1)


def _without_each_word(network: Network, inputs: NDArray, padding: NDArray[np.bool_], size: int) -> NDArray:
    scores = []
    rows = rows_at_once(inputs.shape[1])
    repeated = np.repeat(inputs, rows, axis=0)
    for start in range(0, size, rows):
        left_out = np.arange(start, start + rows)
        kept = padding & (np.arange(inputs.shape[1]) != left_out[:, None])
        scores.append(np.asarray(log_probabilities(network, jnp.asarray(repeated), jnp.asarray(kept))))
    return np.concatenate(scores)[:size]
