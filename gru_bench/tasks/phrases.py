"""Phrases in sequences of tags, by the rules of the CoNLL evaluation: precision, recall and F1 from sums over batches.

A tag is `O`, or a prefix and a type: `B-artist` begins a phrase, `I-artist` is inside of one; `E` ends one and `S` is a
whole one. A phrase also begins where `I` or `E` follows `O`, another type, or the end of a phrase. A predicted phrase
is right if first word, last word and type are those of a true one.

References: Tjong Kim Sang & Buchholz 2000, Introduction to the CoNLL-2000 shared task: chunking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Int

_PREFIXED = re.compile(r"([BIES])-(.+)")
_OUTSIDE = -1  # the type of tag O
Tags = Int[Array, "sentences time"]
Flags = Bool[Array, "sentences time"]


class Scheme:
    """The meaning of tags as phrases.

    Attributes:
        types: names of the types of phrases.
        of_phrases: whether all tags are O or have a prefix; otherwise there are no phrases, as of parts of speech.
    """

    def __init__(self, tags: Sequence[str]):
        parts = [_PREFIXED.fullmatch(tag) for tag in tags]
        self.types = tuple(sorted({part[2] for part in parts if part}))
        self.of_phrases = bool(self.types) and all(part or tag == "O" for part, tag in zip(parts, tags, strict=True))
        numbers = {name: number for number, name in enumerate(self.types)}
        self._type = np.array([numbers[part[2]] if part else _OUTSIDE for part in parts], np.int32)
        self._opens = np.array([bool(part) and part[1] in "BS" for part in parts])
        self._closes = np.array([not part or part[1] in "ES" for part in parts])

    def bounds(self, tags: Tags, padding: Flags) -> tuple[Tags, Flags, Flags]:
        """Return the type at each word (-1 outside of phrases), and whether a phrase begins or ends there."""
        kind = jnp.where(padding, jnp.asarray(self._type)[tags], _OUTSIDE)
        opens, closes = jnp.asarray(self._opens)[tags], jnp.asarray(self._closes)[tags]
        before = jnp.pad(kind, ((0, 0), (1, 0)), constant_values=_OUTSIDE)[:, :-1]
        closed = jnp.pad(closes, ((0, 0), (1, 0)), constant_values=True)[:, :-1]
        begins = (kind != _OUTSIDE) & (opens | closed | (before != kind))
        following = jnp.pad(kind, ((0, 0), (0, 1)), constant_values=_OUTSIDE)[:, 1:]
        reopened = jnp.pad(begins, ((0, 0), (0, 1)), constant_values=True)[:, 1:]
        return kind, begins, (kind != _OUTSIDE) & (reopened | (following != kind))

    def sums(self, true: Tags, predicted: Tags, padding: Flags) -> Int[Array, "types 3"]:
        """Return by type the numbers of right, predicted and true phrases.

        Args:
            true: the true tags.
            predicted: the predicted tags.
            padding: True for words, False for padding.
        """
        kind, begins, ends = self.bounds(true, padding)
        of_prediction, starts, stops = self.bounds(predicted, padding)
        right = begins & starts & (kind == of_prediction) & (_last_word(ends) == _last_word(stops))
        counts = [(right, kind), (starts, of_prediction), (begins, kind)]
        empty = jnp.zeros(len(self.types), jnp.int32)
        return jnp.stack([empty.at[where].add(flags.astype(jnp.int32)) for flags, where in counts], axis=1)


def _last_word(ends: Flags) -> Tags:
    """Return, at each word, the place of the next end of a phrase, at or after it."""
    places = jnp.where(ends, jnp.arange(ends.shape[1]), ends.shape[1])
    return lax.cummin(places, axis=1, reverse=True)


def phrase_metrics(sums: Any) -> dict[str, float]:
    """Return precision, recall and F1 over all types, from the result of `Scheme.sums` summed over batches."""
    right, predicted, true = np.asarray(sums, np.int64).sum(axis=0).tolist()
    return {
        "phrase_f1": 2 * right / (predicted + true) if predicted + true else 0.0,
        "precision": right / predicted if predicted else 0.0,
        "recall": right / true if true else 0.0,
    }


def f1_by_type(sums: Any, types: Sequence[str]) -> Mapping[str, float]:
    """Return the F1 of each type that occurs, by name."""
    counts = np.asarray(sums, np.int64)
    return {
        name: 2 * right / (predicted + true)
        for name, (right, predicted, true) in zip(types, counts.tolist(), strict=True)
        if predicted + true
    }
