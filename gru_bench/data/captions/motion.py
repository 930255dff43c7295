"""Pictures that move over a dark ground in one direction and then in another, with a caption that says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.captions.captions import Video
from gru_bench.data.random import Seed, uniform_integers, word_rows
from gru_bench.errors import ConfigError
from gru_bench.validation import Range

Frames = Annotated[int, Range(low=6, high=200)]
DIRECTIONS = {"right": (0, 1), "left": (0, -1), "down": (1, 0), "up": (-1, 0)}
"""Rows and columns per frame."""
SHORTEST = 2
"""Moves in a direction, at least."""


class Motion(NamedTuple):
    """Where a picture is in each frame, of shape (frames, 2): its offset from the first frame; and the words for it."""

    offsets: NDArray[np.int64]
    words: str


def draw_motions(seed: Seed, count: int, frames: int) -> list[Motion]:
    """Return motions of one pixel per frame in two different directions, of half of `frames` up to all."""
    names = list(DIRECTIONS)
    motions = []
    for words in word_rows(seed, count, 4):
        length, turn, first, second = (int(word) for word in words)
        moves = frames - 1 - length % (frames // 2)
        before = SHORTEST + turn % (moves - 2 * SHORTEST + 1)
        one = first % 4
        other = (one + 1 + second % 3) % 4
        steps = [DIRECTIONS[names[one]]] * before + [DIRECTIONS[names[other]]] * (moves - before)
        offsets = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(steps, axis=0)])
        motions.append(Motion(offsets, f"moves {names[one]} and then {names[other]}"))
    return motions


def film(seed: Seed, pictures: Sequence[NDArray[np.uint8]], motions: Sequence[Motion], side: int) -> list[Video]:
    """Return videos of pictures that move and never leave the frame, from anywhere in it.

    Args:
        seed: of the places in the first frame.
        pictures: square, smaller than a frame.
        motions: one per picture.
        side: pixels of a frame, in a row and in a column.
    """
    videos = []
    for picture, motion, words in zip(pictures, motions, word_rows(seed, len(motions), 2), strict=True):
        size = len(picture)
        low, high = motion.offsets.min(axis=0), motion.offsets.max(axis=0)
        free = side - size - (high - low)
        start = [int(uniform_integers(word[None], int(most) + 1)[0]) for word, most in zip(words, free, strict=True)]
        video = np.zeros((len(motion.offsets), side, side, 1), np.uint8)
        for frame, (row, column) in zip(video, motion.offsets - low + start, strict=True):
            frame[row : row + size, column : column + size, 0] = picture
        videos.append(video)
    return videos


def check_space(frames: int, side: int, size: int) -> None:
    """Check that a picture can move in one direction for all frames.

    Raises:
        ConfigError: it would leave the frame.
    """
    if frames - 1 > side - size:
        raise ConfigError("data.frames", frames, f"at most {side - size + 1} frames of {side} x {side} pixels", _WIDEN)


_WIDEN = "Lower data.frames or raise data.side."
