"""Translations without a network: copy, nearest neighbour, word-by-word dictionary."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.pairs.codec import Codec
from gru_bench.data.pairs.pairs import Examples, Pairs
from gru_bench.data.tokens.vocabulary import Tokens

ROUNDS = 5
"""Rounds of expectation maximisation for the dictionary."""


def translations_without_network(data: Pairs) -> dict[str, list[str]]:
    """Return translations of the test sources by the name of the baseline."""
    words = Dictionary(data.train, data.form.source.size, data.form.target.size)
    return {
        "copy": list(data.test.sources),
        "nearest neighbour": nearest_neighbours(data),
        "dictionary": [data.form.target.decode(words.translate(ids)) for ids in data.test.source_ids],
    }


def nearest_neighbours(data: Pairs) -> list[str]:
    """Return for each test source the target of the most similar training source, by TF-IDF of its symbols."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    of_symbols: Any = list  # the stubs know only names of analysers
    vectoriser = TfidfVectorizer(analyzer=of_symbols, sublinear_tf=True)
    known = vectoriser.fit_transform([ids.tolist() for ids in data.train.source_ids])
    asked = vectoriser.transform([ids.tolist() for ids in data.test.source_ids])
    return [data.train.targets[place] for place in np.asarray((asked @ known.T).argmax(axis=1)).ravel()]


class Dictionary:
    """The most probable target symbol of each source symbol, by model 1 of Brown et al. 1993.

    Each source text has one more, empty symbol, which explains the target symbols that no other does.
    """

    def __init__(self, train: Examples, source_size: int, target_size: int):
        """Estimate t(target | source) on the training pairs.

        Args:
            train: the training pairs.
            source_size: number of source symbols.
            target_size: number of target symbols.
        """
        self._empty = source_size
        sources = [np.append(ids, self._empty) for ids in train.source_ids]
        pairs = zip(sources, train.target_ids, strict=True)
        codes = np.concatenate([(one[:, None].astype(np.int64) * target_size + two).T.ravel() for one, two in pairs])
        links, link = np.unique(codes, return_inverse=True)  # pairs of symbols that stand in one pair of texts
        counts = [np.full(two.size, one.size) for one, two in zip(sources, train.target_ids, strict=True)]
        starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))[:-1]])
        word, target = np.divmod(links, target_size)
        probability = np.full(links.size, 1.0)
        for _ in range(ROUNDS):
            share = probability[link]
            share /= np.repeat(np.add.reduceat(share, starts), np.concatenate(counts))
            expected = np.bincount(link, share, links.size)
            probability = expected / np.bincount(word, expected, source_size + 1)[word]
        self._best = _best(word, target, probability, source_size + 1)

    def translate(self, ids: Tokens) -> Tokens:
        """Return the best target symbol of each source symbol, in the order of the source."""
        best = self._best[ids]
        return best[best > Codec.unknown].astype(np.int32)


def _best(
    word: NDArray[np.int64], target: NDArray[np.int64], probability: NDArray[np.float64], size: int
) -> NDArray[np.int64]:
    """Return the most probable target symbol of each source symbol, the end for one that train lacks."""
    best = np.full(size, Codec.end, np.int64)
    order = np.argsort(probability, kind="stable")  # the last assignment to a place stays
    best[word[order]] = target[order]
    return best
