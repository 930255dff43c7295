"""What a batch of a stream is, and randomness that depends on nothing but its seed."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray


class Batch(TypedDict):
    """One window of every lane.

    Keys:
        inputs: ids that are read, int32 of shape (lanes, window).
        targets: ids that are predicted, int32 of shape (lanes, window).
        mask: True where a target counts, bool of shape (lanes, window).
        reset: True where the input starts a sequence, applied before that time step, bool of shape (lanes, window).
    """

    inputs: NDArray[np.int32]
    targets: NDArray[np.int32]
    mask: NDArray[np.bool_]
    reset: NDArray[np.bool_]


def random_words(seed: tuple[int, ...], count: int) -> NDArray[np.uint64]:
    """Return `count` raw 64 bit words of PCG64; NumPy keeps raw streams, but not its distributions, for ever."""
    return np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)


def random_bits(seed: tuple[int, ...], count: int) -> NDArray[np.uint8]:
    """Return `count` fair coin flips, uint8 of 0 and 1."""
    raw = random_words(seed, -(-count // 64)).astype("<u8")
    return np.unpackbits(raw.view(np.uint8))[:count]


def rotation(seed: int, epoch: int, length: int) -> int:
    """Return where an epoch begins in a stream: uniform over 0 .. length - 1, a pure function of (seed, epoch)."""
    return int(random_words((seed, epoch), 1)[0] % np.uint64(length))


def permutation(seed: int, epoch: int, length: int, *stream: int) -> NDArray[np.int64]:
    """Return the order of `length` items in an epoch, a pure function of (seed, epoch) and the stream, if any."""
    return np.argsort(random_words((seed, epoch, *stream), length), kind="stable")


def pad_window(values: NDArray, window: int) -> NDArray:
    """Fill (lanes, n) up to (lanes, window) with zeros (False); a full window is passed on as it is."""
    missing = window - values.shape[1]
    return values if missing == 0 else np.pad(values, ((0, 0), (0, missing)))
