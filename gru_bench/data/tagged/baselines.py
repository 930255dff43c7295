"""Baselines of tagging that cost nothing: the best tag of each word alone, a bigram of tags, a bag of words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.tagged.tagged import TaggedSentences, TaggedTexts

SMOOTHING = 0.1  # added to each count of the bigram


def most_frequent_tags(data: TaggedTexts) -> NDArray[np.int32]:
    """Return the most frequent tag in train of each test word, of shape (words,); of an unseen word, of all words."""
    counts = _word_counts(data)
    best = np.where(counts.any(axis=1), counts.argmax(axis=1), counts.sum(axis=0).argmax())
    return best[data.test.ids].astype(np.int32)


def tag_bigram(data: TaggedTexts) -> NDArray[np.int32]:
    """Return the most probable tags of each test sentence under a hidden Markov model, of shape (words,).

    Transitions between neighbouring tags, and words given their tag, are counted in train and smoothed; the best
    path is that of Viterbi's algorithm.
    """
    train, tags = data.train, len(data.form.tags)
    begin = tags  # the tag before the first word
    before = np.concatenate([[begin], train.tags[:-1]])
    before[train.starts[:-1]] = begin
    transitions = np.full((tags + 1, tags), SMOOTHING)
    np.add.at(transitions, (before, train.tags), 1)
    transitions = np.log(transitions / transitions.sum(axis=1, keepdims=True))
    emissions = _word_counts(data) + SMOOTHING
    emissions = np.log(emissions / emissions.sum(axis=0))
    paths = [_best_path(emissions[ids], transitions, begin) for ids in data.test.rows(data.test.ids)]
    return np.concatenate(paths)


def _best_path(emissions: NDArray[np.float64], transitions: NDArray[np.float64], begin: int) -> NDArray[np.int32]:
    scores, origins = transitions[begin] + emissions[0], []
    for row in emissions[1:]:
        options = scores[:, None] + transitions[:-1]
        origins.append(options.argmax(axis=0))
        scores = options.max(axis=0) + row
    path = [int(scores.argmax())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1], np.int32)


def _word_counts(data: TaggedTexts) -> NDArray[np.float64]:
    """Return how often each word has each tag in train, of shape (words, tags)."""
    counts = np.zeros((data.form.vocabulary.size, len(data.form.tags)))
    np.add.at(counts, (data.train.ids, data.train.tags), 1)
    return counts


def bag_of_words(data: TaggedTexts) -> NDArray[np.int32]:
    """Return the class of each test sentence by logistic regression on its words, of shape (sentences,).

    The strength of its regularisation is that with the highest accuracy on validation.
    """
    from sklearn.linear_model import LogisticRegression

    train, valid, test = (_bag(part, data.form.vocabulary.size) for part in (data.train, data.valid, data.test))
    models = [LogisticRegression(C=strength, max_iter=300).fit(train, data.train.labels) for strength in (0.1, 1, 10)]
    best = max(models, key=lambda model: model.score(valid, data.valid.labels))
    return np.asarray(best.predict(test), np.int32)


def _bag(sentences: TaggedSentences, size: int) -> object:
    from scipy.sparse import csr_matrix

    rows = np.repeat(np.arange(len(sentences)), sentences.lengths)
    return csr_matrix((np.ones(rows.size), (rows, sentences.ids)), shape=(len(sentences), size))
