"""A small or large shape that moves in one direction and then in another, with a caption that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.captions.captions import Captions, Video, make_captions
from gru_bench.data.captions.motion import Frames, check_space, draw_motions, film
from gru_bench.data.changes import normal
from gru_bench.data.random import Seed, uniform_integers, word_rows
from gru_bench.data.source import gives
from gru_bench.validation import Natural, Range

Size = Annotated[int, Range(low=1, high=1_000_000)]
SIDES = {"small": 3, "large": 5}
SHAPES = ("square", "frame", "cross", "diagonal")


@gives("captioned_videos")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    side: Annotated[int, Range(low=8, high=64)] = 16,
    frames: Frames = 12,
    train_size: Size = 4000,
    valid_size: Size = 500,
    test_size: Size = 1000,
    noise: Annotated[float, Range(low=0, high=1)] = 0.1,
    seed: Natural = 0,
) -> Captions:
    """Generate videos of a bright shape; the caption says its size, its kind and its two directions in their order.

    There are 96 captions, each as frequent as the others. A video decides its caption but for the noise, which at its
    default leaves no doubt: the optimum is an exact match of 1. A single frame says nothing of the directions, and the
    mean of all frames little of their order.

    Args:
        mirror: unused.
        cache: unused.
        side: pixels of a frame, in a row and in a column.
        frames: the most frames of a video; the fewest are about half as many.
        train_size: training videos.
        valid_size: validation videos.
        test_size: test videos.
        noise: standard deviation of the noise on pixels; the shape has 1, all others 0; cut to 0 and 1.
        seed: seed of the data, independent of the seed of the run.

    Raises:
        ConfigError: there are more frames than the shape can move.
    """
    check_space(frames, side, max(SIDES.values()))
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    clips = {split: _draw((seed, place), sizes[split], side, frames, noise) for place, split in enumerate(sizes, 1)}
    return make_captions("moving_shapes", clips, facts={"data_seed": seed, "noise": noise})


def shape(kind: str, size: str) -> NDArray[np.uint8]:
    """Return the picture of a shape."""
    side = SIDES[size]
    row, column = np.indices((side, side))
    inside = {
        "square": row >= 0,
        "frame": (row % (side - 1) == 0) | (column % (side - 1) == 0),
        "cross": (row == side // 2) | (column == side // 2),
        "diagonal": (row == column) | (row + column == side - 1),
    }
    return np.where(inside[kind], np.uint8(255), np.uint8(0))


def _draw(seed: Seed, count: int, side: int, frames: int, noise: float) -> tuple[list[Video], list[str]]:
    motions = draw_motions((*seed, 1), count, frames)
    kinds = uniform_integers(word_rows((*seed, 2), count, 1)[:, 0], len(SHAPES) * len(SIDES))
    names = [(SHAPES[kind // 2], list(SIDES)[kind % 2]) for kind in kinds]
    videos = film((*seed, 3), [shape(*name) for name in names], motions, side)
    ends = np.cumsum([video.size for video in videos])
    grain = np.split(255 * noise * normal((int(ends[-1]), 1), (*seed, 4)).ravel(), ends[:-1])
    noisy = [
        np.clip(np.rint(video + part.reshape(video.shape)), 0, 255).astype(np.uint8)
        for video, part in zip(videos, grain, strict=True)
    ]
    captions = [f"a {size} {kind} {motion.words}" for (kind, size), motion in zip(names, motions, strict=True)]
    return noisy, captions
