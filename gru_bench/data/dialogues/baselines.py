"""Replies without a network: a trigram language model, and the reply to the most similar context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.dialogues.dialogues import Dialogues
from gru_bench.data.dialogues.scores import choices, reply_metrics
from gru_bench.data.pairs.codec import Codec
from gru_bench.data.tokens.vocabulary import Tokens

DISCOUNT = 0.75
"""Subtracted from each count."""
FREQUENT = 0.25
"""Words in more of the contexts than this share take most of the time, and are not compared unless all are such."""
ROWS = 256
"""Contexts that are compared at once, which bounds the memory."""


class Trigram:
    """A trigram model of texts, interpolated Kneser-Ney smoothing with one discount, that does not see the context.

    References: Ney et al. 1994; Chen & Goodman 1999, section 4.1.6.
    """

    def __init__(self, texts: Sequence[Tokens], size: int):
        """Count the n-grams of texts and their ends.

        Args:
            texts: symbols of each training text, without ends.
            size: number of symbols.
        """
        self._size = size
        trigrams = Counter(gram for ids in texts for gram in _trigrams(ids))
        bigrams = Counter((second, third) for _, second, third in trigrams)  # different symbols before it
        unigrams = Counter(third for _, third in bigrams)
        self._levels = [
            (unigrams, Counter({(): sum(unigrams.values())}), Counter({(): len(unigrams)})),
            (bigrams, _totals(bigrams), Counter(gram[:1] for gram in bigrams)),
            (trigrams, _totals(trigrams), Counter(gram[:2] for gram in trigrams)),
        ]

    def probability(self, gram: tuple[int, int, int]) -> float:
        """Return the probability of the third symbol after the first two."""
        probability = 1 / self._size
        for order, (counts, totals, kinds) in enumerate(self._levels):
            history = gram[2 - order : 2]
            if total := totals[history]:
                count = counts[gram[2 - order :] if order else gram[2]]
                probability = (max(count - DISCOUNT, 0) + DISCOUNT * kinds[history] * probability) / total
        return probability

    def nll(self, texts: Sequence[Tokens]) -> float:
        """Return the nll per symbol of texts and their ends, in nats."""
        known: dict[tuple[int, int, int], float] = {}
        grams = [gram for ids in texts for gram in _trigrams(ids)]
        for gram in set(grams):
            known[gram] = float(np.log(self.probability(gram)))
        return -sum(map(known.__getitem__, grams)) / len(grams)


def _trigrams(ids: Tokens) -> list[tuple[int, int, int]]:
    symbols = [Codec.end, Codec.end, *ids.tolist(), Codec.end]
    return list(zip(symbols, symbols[1:], symbols[2:], strict=False))


def _totals(counts: Counter[tuple[int, ...]]) -> Counter[tuple[int, ...]]:
    totals: Counter[tuple[int, ...]] = Counter()
    for gram, count in counts.items():
        totals[gram[:-1]] += count
    return totals


def trigram_nll(data: Dialogues) -> float:
    """Return the nll per symbol of the test replies under a trigram model of the training replies, in nats."""
    return Trigram(data.train.reply_ids, data.form.codec.size).nll(data.test.reply_ids)


def retrieval(data: Dialogues, ranked: NDArray[np.int64]) -> dict[str, float]:
    """Return metrics of the reply to the training context with the most similar words, by TF-IDF.

    Among candidates, it chooses the reply with the words most similar to those of the context.

    Args:
        data: the dialogues.
        ranked: places of the test replies to choose among others.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    contexts = [ids.tolist() for ids in data.train.joined_contexts]
    rarest = min(Counter(number for ids in contexts for number in set(ids)).values())
    most = max(10, int(FREQUENT * len(contexts)), rarest)
    settings: dict[str, Any] = {"analyzer": lambda ids: ids, "sublinear_tf": True, "max_df": most, "dtype": np.float32}
    vectoriser: Any = TfidfVectorizer(**settings)
    known = vectoriser.fit_transform(contexts).T.tocsc()
    asked = vectoriser.transform([ids.tolist() for ids in data.test.joined_contexts])
    nearest = [asked[start : start + ROWS] @ known for start in range(0, asked.shape[0], ROWS)]
    places = np.concatenate([np.asarray(part.argmax(axis=1)).ravel() for part in nearest])
    texts = zip((data.train.replies[place] for place in places), data.test.replies, strict=True)
    metrics = reply_metrics(
        [data.train.reply_ids[place].tolist() for place in places], (one == other for one, other in texts)
    )
    candidates = choices(data.test.replies, ranked)
    if candidates.shape[1] > 1:
        replies = vectoriser.transform([ids.tolist() for ids in data.test.reply_ids])
        scores = [
            np.asarray(asked[row] @ replies[some].T.toarray()) for row, some in zip(ranked, candidates, strict=True)
        ]
        metrics["recall_at_1"] = true_first(np.concatenate(scores))
    return metrics


def true_first(scores: NDArray[np.floating]) -> float:
    """Return how often the first candidate has the highest score; of k equal highest ones each counts 1/k.

    Args:
        scores: of shape (choices, candidates), the true reply first.
    """
    best = scores == scores.max(axis=1, keepdims=True)
    return float((best[:, 0] / best.sum(axis=1)).mean())
