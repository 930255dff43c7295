"""The baseline of text classification: logistic regression over words and pairs of neighbouring words.

It sees the whole texts, with the network's vocabulary. Counts c become 1 + ln c, times the inverse document frequency
in train, and each text's vector has length 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.texts.texts import EncodedTexts, LabelledTexts

MINIMUM_TEXTS = 2  # pairs in fewer training texts are ignored
STRENGTHS = (0.1, 1.0, 8.0, 64.0)  # inverse regularisation, selected by the validation split

_KNOWN: dict[str, NDArray[np.float64]] = {}


def bag_of_words(data: LabelledTexts) -> NDArray[np.float64]:
    """Return the probability of each class for each test text, of shape (texts, classes).

    The fit is cached by the digest of the data, so that the runs of a sweep share it.
    """
    digest = str(data.facts["digest"])
    if digest not in _KNOWN:
        _KNOWN[digest] = _fit(data)
    return _KNOWN[digest]


def majority(data: LabelledTexts) -> NDArray[np.float64]:
    """Return each class's share of train, for each test text, of shape (texts, classes)."""
    counts = np.bincount(data.train.labels, minlength=len(data.classes))
    return np.tile(counts / counts.sum(), (len(data.test), 1))


def _fit(data: LabelledTexts) -> NDArray[np.float64]:
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    size = data.vocabulary.size
    pairs = _frequent_pairs(data.train, size)
    weights = TfidfTransformer(sublinear_tf=True)
    train = weights.fit_transform(_counts(data.train, size, pairs))
    valid, test = (weights.transform(_counts(examples, size, pairs)) for examples in (data.valid, data.test))
    best, best_loss = np.zeros((0, 0)), np.inf
    classes = np.unique(data.train.labels)
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=300).fit(train, data.train.labels)
        known = np.isin(data.valid.labels, classes)
        loss = log_loss(data.valid.labels[known], model.predict_proba(valid)[known], labels=classes)
        if loss < best_loss:
            best, best_loss = model.predict_proba(test), loss
    probabilities = np.zeros((len(data.test), len(data.classes)))
    probabilities[:, classes] = best
    return probabilities


def _pairs(examples: EncodedTexts, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each pair of neighbouring words within a text, and the number of its text."""
    texts = np.repeat(np.arange(len(examples)), examples.lengths)
    numbers = examples.ids[:-1].astype(np.int64) * size + examples.ids[1:]
    inside = texts[:-1] == texts[1:]
    return numbers[inside], texts[:-1][inside]


def _frequent_pairs(examples: EncodedTexts, size: int) -> NDArray[np.int64]:
    """Return the numbers of the pairs that occur in enough texts, ascending."""
    numbers, texts = _pairs(examples, size)
    once = np.unique(np.stack([numbers, texts]), axis=1)[0] if numbers.size else numbers
    pairs, counts = np.unique(once, return_counts=True)
    return pairs[counts >= MINIMUM_TEXTS]


def _counts(examples: EncodedTexts, size: int, pairs: NDArray[np.int64]) -> Any:
    """Count words and pairs in a sparse matrix of shape (texts, words + pairs)."""
    from scipy.sparse import csr_matrix

    numbers, of_pair = _pairs(examples, size)
    place = np.searchsorted(pairs, numbers)
    known = place < pairs.size
    known[known] = pairs[place[known]] == numbers[known]
    columns = np.concatenate([examples.ids.astype(np.int64), size + place[known]])
    of_word = np.repeat(np.arange(len(examples)), examples.lengths)
    rows = np.concatenate([of_word, of_pair[known]])
    shape = (len(examples), size + pairs.size)
    matrix = csr_matrix((np.ones(columns.size), (rows, columns)), shape=shape)
    matrix.sum_duplicates()
    return matrix
