"""A square that moves over small frames, as a video: the direction of its motion is the class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from gru_bench.data.changes import normal
from gru_bench.data.random import fractions, uniform_integers, word_rows
from gru_bench.data.signals.signals import LabelledSequences, Signals, join_signals, make_signals
from gru_bench.data.source import gives
from gru_bench.validation import Natural, Range

Size = Annotated[int, Range(low=1, high=1_000_000)]

DIRECTIONS = {"right": (0, 1), "left": (0, -1), "down": (1, 0), "up": (-1, 0)}
"""Rows and columns per frame."""

SQUARE = 3  # pixels a side


@gives("labelled_sequences")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    side: Annotated[int, Range(low=4, high=64)] = 10,
    frames: Annotated[int, Range(low=2, high=1000)] = 16,
    train_size: Size = 4000,
    valid_size: Size = 1000,
    test_size: Size = 2000,
    noise: Annotated[float, Range(low=0, high=10)] = 0.3,
    seed: Natural = 0,
) -> LabelledSequences:
    """Generate videos of a bright square that moves one pixel per frame; what leaves on one side enters on the other.

    The square starts anywhere, and rests in a quarter of the frames. A frame by itself has no information on the
    direction, and summaries of each pixel over time have none of the order of the frames.

    Args:
        mirror: unused.
        cache: unused.
        side: pixels of a frame, in a row and in a column.
        frames: the most frames of a video; the fewest are half as many.
        train_size: training videos.
        valid_size: validation videos.
        test_size: test videos.
        noise: standard deviation of the noise on pixels; the square has 1, all others 0.
        seed: seed of the data, independent of the seed of the run.
    """
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    splits = {
        split: _draw((seed, place), count, side, frames, noise) for place, (split, count) in enumerate(sizes.items(), 1)
    }
    pixels = [f"pixel {row} {column}" for row in range(side) for column in range(side)]
    facts = {"data_seed": seed, "noise": noise}
    return make_signals("moving_squares", splits, list(DIRECTIONS), pixels, frame=(side, side, 1), facts=facts)


def _draw(seed: tuple[int, int], count: int, side: int, frames: int, noise: float) -> Signals:
    labels = uniform_integers(word_rows((*seed, 1), count, 1)[:, 0], len(DIRECTIONS))
    lengths = frames - uniform_integers(word_rows((*seed, 2), count, 1)[:, 0], frames // 2 + 1)
    starts = uniform_integers(word_rows((*seed, 3), count, 2), side)
    moved = np.cumsum(fractions(word_rows((*seed, 4), count, frames)) < 0.75, axis=1)
    corners = starts[:, None] + moved[..., None] * np.array(list(DIRECTIONS.values()))[labels][:, None]
    pixels = np.arange(side)
    inside = (pixels - corners[..., None]) % side < SQUARE  # (videos, frames, axis, pixels)
    videos = (inside[:, :, 0, :, None] & inside[:, :, 1, None, :]).reshape(count, frames, -1).astype(np.float32)
    videos += noise * normal((count * frames, side**2), (*seed, 5)).reshape(videos.shape).astype(np.float32)
    rows = [video[:length] for video, length in zip(videos, lengths, strict=True)]
    return join_signals(rows, labels.astype(np.int32))
