"""Strokes of a pen: the same strokes in every sequence, and their order is the class."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import normal
from gru_bench.data.random import fractions, uniform_integers, word_rows
from gru_bench.data.signals.signals import LabelledSequences, Signals, join_signals, make_signals
from gru_bench.data.source import gives
from gru_bench.validation import Natural, Range

Size = Annotated[int, Range(low=1, high=1_000_000)]

STROKES = {"right": (1.0, 0.0), "up": (0.0, 1.0), "back": (-1.0, -1.0)}
"""Velocity of the pen in each stroke; together they lead back to the start."""

CHANNELS = ("x velocity", "y velocity")
STROKE_STEPS, PAUSE_STEPS = (5, 10), (2, 12)  # shortest and longest
ORDERS = tuple(itertools.permutations(range(len(STROKES))))


@gives("labelled_sequences")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    train_size: Size = 4000,
    valid_size: Size = 1000,
    test_size: Size = 2000,
    noise: Annotated[float, Range(low=0, high=10)] = 0.3,
    seed: Natural = 0,
) -> LabelledSequences:
    """Generate movements of a pen: velocities over time, three strokes with pauses around them.

    Every sequence has each of the strokes right, up and back once, and the class is their order, one of six. Durations,
    speeds and pauses are independent of the class, and the pen rests at the end, so that no summary of a channel, such
    as its mean, maximum or last value, has any information on the class.

    Args:
        mirror: unused.
        cache: unused.
        train_size: training sequences.
        valid_size: validation sequences.
        test_size: test sequences.
        noise: standard deviation of the noise on velocities; the strokes have about 1.
        seed: seed of the data, independent of the seed of the run.
    """
    sizes = {"train": train_size, "valid": valid_size, "test": test_size}
    splits = {split: _draw((seed, place), count, noise) for place, (split, count) in enumerate(sizes.items(), 1)}
    names = list(STROKES)
    classes = ["-".join(names[stroke] for stroke in order) for order in ORDERS]
    return make_signals("strokes", splits, classes, CHANNELS, facts={"data_seed": seed, "noise": noise})


def _draw(seed: tuple[int, int], count: int, noise: float) -> Signals:
    parts = 2 * len(STROKES) + 1  # strokes, and pauses before, between and after them
    labels = uniform_integers(word_rows((*seed, 1), count, 1)[:, 0], len(ORDERS))
    steps = _between(word_rows((*seed, 2), count, parts), *PAUSE_STEPS)
    steps[:, 1::2] = _between(word_rows((*seed, 3), count, len(STROKES)), *STROKE_STEPS)
    velocities = np.array(list(STROKES.values()))
    speeds = np.zeros((count, parts, len(CHANNELS)))
    speeds[:, 1::2] = velocities[np.array(ORDERS)[labels]]
    speeds *= 0.7 + 0.6 * fractions(word_rows((*seed, 4), count, parts)).astype(np.float64)[..., None]
    clean = np.repeat(speeds.reshape(-1, len(CHANNELS)), steps.ravel(), axis=0)
    values = (clean + noise * normal(clean.shape, (*seed, 5))).astype(np.float32)
    return join_signals(np.split(values, np.cumsum(steps.sum(axis=1))[:-1]), labels.astype(np.int32))


def _between(words: NDArray[np.uint64], shortest: int, longest: int) -> NDArray[np.int64]:
    return shortest + uniform_integers(words, longest - shortest + 1)
