"""Digits of MNIST that move in one direction and then in another, with a caption that says which and where to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from gru_bench.data.captions.captions import Captions, Video, make_captions
from gru_bench.data.captions.motion import Frames, check_space, draw_motions, film
from gru_bench.data.public.mnist import FILES, SIDE, TEST, TRAINING, pictures_by_split
from gru_bench.data.source import gives
from gru_bench.validation import Natural, Range

DIGIT = SIDE // 2
"""Pixels of a digit, in a row and in a column: means over squares of four pixels."""


@gives("captioned_videos")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    side: Annotated[int, Range(low=20, high=64)] = 26,
    frames: Frames = 12,
    train_size: Annotated[int, Range(low=100, high=TRAINING)] = 20_000,
    valid_size: Annotated[int, Range(low=1, high=TRAINING)] = 1_000,
    test_size: Annotated[int, Range(low=1, high=TEST)] = 2_000,
    seed: Natural = 0,
) -> Captions:
    """Film each digit once: train and validation are of MNIST's training split, test of its test split.

    There are 120 captions. The protocol is that of moving digits with captions in Mittal et al. 2017
    (arXiv:1611.10314), with one digit and two directions.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        side: pixels of a frame, in a row and in a column; a digit has 14.
        frames: the most frames of a video; the fewest are about half as many.
        train_size: training videos.
        valid_size: validation videos.
        test_size: test videos.
        seed: seed of the choice of digits and of their motions, independent of the seed of the run.

    Raises:
        ConfigError: there are more frames than a digit can move, or more videos than digits.
        DataError: a file is missing or damaged.
    """
    check_space(frames, side, DIGIT)
    sizes = {"train_size": train_size, "valid_size": valid_size, "test_size": test_size}
    clips: dict[str, tuple[list[Video], list[str]]] = {}
    for place, (split, (pictures, labels)) in enumerate(
        pictures_by_split(mirror, cache, **sizes, seed=seed).items(), 1
    ):
        squares = pictures.reshape(-1, DIGIT, 2, DIGIT, 2).mean(axis=(2, 4))
        motions = draw_motions((seed, place, 1), len(labels), frames)
        videos = film((seed, place, 2), list(np.rint(squares).astype(np.uint8)), motions, side)
        captions = [f"the digit {label} {motion.words}" for label, motion in zip(labels, motions, strict=True)]
        clips[split] = videos, captions
    sources = {file.path: file.sha256[0] for file in FILES.values()}
    return make_captions("moving_digits", clips, facts={"data_seed": seed, "source_sha256": sources})
