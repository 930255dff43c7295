"""Random numbers as pure functions of a seed, from raw words of PCG64.

NumPy guarantees the stability of its raw streams, but not of its distributions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Seed = tuple[int, ...]


def random_words(seed: Seed, count: int) -> NDArray[np.uint64]:
    """Return `count` raw words of 64 bits."""
    return np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)


def word_rows(seed: Seed, count: int, columns: int) -> NDArray[np.uint64]:
    """Return raw words of shape (count, columns)."""
    return random_words(seed, count * columns).reshape(count, columns)


def random_bits(seed: Seed, count: int) -> NDArray[np.uint8]:
    """Return `count` fair coin flips, uint8 of 0 and 1."""
    raw = random_words(seed, -(-count // 64)).astype("<u8")
    return np.unpackbits(raw.view(np.uint8))[:count]


def uniform_integers(words: NDArray[np.uint64], limit: int) -> NDArray[np.int64]:
    """Return uniform integers from 0 to limit - 1, one per raw word; the bias is below limit / 2^64."""
    return (words % np.uint64(limit)).astype(np.int64)


def fractions(words: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Return uniform numbers within [0, 1), one per raw word, exact in float32."""
    return ((words >> np.uint64(40)).astype(np.float64) / 2**24).astype(np.float32)


def rotation(seed: int, epoch: int, length: int) -> int:
    """Return the start of an epoch in a stream: uniform over 0 .. length - 1, a pure function of (seed, epoch)."""
    return int(random_words((seed, epoch), 1)[0] % np.uint64(length))


def permutation(seed: int, epoch: int, length: int, *stream: int) -> NDArray[np.int64]:
    """Return a permutation of `length` items for an epoch, a pure function of (seed, epoch) and the stream, if any."""
    return np.argsort(random_words((seed, epoch, *stream), length), kind="stable")
