"""Baselines of recognition that hear nothing: silence, and the most frequent words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np


def most_frequent_words(transcripts: Sequence[str]) -> str:
    """Return a text of the most frequent words, as many as the median transcript has."""
    counts = Counter(word for text in transcripts for word in text.split())
    size = max(1, int(np.median([len(text.split()) for text in transcripts])))
    return " ".join(sorted(counts, key=lambda word: (-counts[word], word))[:size])
