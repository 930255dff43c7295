"""Canons: a second voice repeats the first one later and lower, so that half of the notes are predictable."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import numpy as np

from gru_bench.data.data_set import SPLITS
from gru_bench.data.pieces.pieces import Pieces, Roll, make_pieces, to_roll
from gru_bench.data.random import random_bits, random_words, uniform_integers
from gru_bench.data.source import gives
from gru_bench.validation import Natural, Range

Size = Annotated[int, Range(low=1, high=100_000)]
Delay = Annotated[int, Range(low=1, high=15)]

SCALE = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16)  # semitones above the tonic: major, an octave and a third
TONICS = (60, 65, 67)  # C, F, G
LOWER = 24  # semitones between the voices: more than the scale spans, so that they share no key
HOLD = 2  # time steps of a note
SHORTEST, LONGEST = 16, 48  # notes of a piece


@gives("pieces")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    delay: Delay = 2,
    train_size: Size = 400,
    valid_size: Size = 60,
    test_size: Size = 120,
    seed: Natural = 0,
) -> Pieces:
    """Generate canons for two voices, each note held for two time steps.

    The first voice begins on one of three tonics and walks along the major scale, one degree up or down, both equally
    likely except at the ends of the scale. The second voice follows `delay` notes later, two octaves lower: a network
    that remembers `delay` notes predicts it exactly. With independent keys each free move costs two fair coins, 2 ln 2
    nats, and the tonic ln 3 + 2 ln(3/2); everything else is certain, which gives the floor.

    Args:
        mirror: unused.
        cache: unused.
        delay: notes between the voices.
        train_size: training pieces.
        valid_size: validation pieces.
        test_size: test pieces.
        seed: seed of the data, independent of the seed of the run.
    """
    sizes = dict(zip(SPLITS, (train_size, valid_size, test_size), strict=True))
    walks = {
        split: [walk((seed, index, piece)) for piece in range(size)]
        for index, (split, size) in enumerate(sizes.items())
    }
    rolls = {split: [canon(tonic, degrees, delay) for tonic, degrees in walks[split]] for split in SPLITS}
    return make_pieces("canon", rolls, {"data_seed": seed}, floor([degrees for _, degrees in walks["test"]]))


def walk(seed: tuple[int, ...]) -> tuple[int, list[int]]:
    """Draw a tonic, and the scale degrees of the first voice."""
    words = random_words((*seed, 0), 2)
    tonic = TONICS[uniform_integers(words[:1], len(TONICS))[0]]
    notes = SHORTEST + int(uniform_integers(words[1:], LONGEST - SHORTEST + 1)[0])
    degrees = [0]
    for up in random_bits((*seed, 1), notes - 1).tolist():
        degrees.append(degrees[-1] + (_forced(degrees[-1]) or (1 if up else -1)))
    return tonic, degrees


def canon(tonic: int, degrees: list[int], delay: int) -> Roll:
    """Return the piano roll of both voices."""
    leader = [tonic + SCALE[degree] for degree in degrees]
    notes = [
        [pitch, leader[place - delay] - LOWER] if place >= delay else [pitch] for place, pitch in enumerate(leader)
    ]
    return np.repeat(to_roll(notes), HOLD, axis=0)


def floor(walks: list[list[int]]) -> dict[str, float]:
    """Return the loss of the best model with independent keys on these walks, nats per time step."""
    steps = sum(HOLD * len(degrees) for degrees in walks)
    free = sum(not _forced(degree) for degrees in walks for degree in degrees[:-1])
    moves = 2 * math.log(2) * free
    choices = len(TONICS)
    first = len(walks) * (math.log(choices) + (choices - 1) * math.log(choices / (choices - 1)))
    return {"nll": (first + moves) / steps, "nll_after_first": moves / (steps - len(walks))}


def _forced(degree: int) -> int:
    """Return the only move at an end of the scale; 0 elsewhere."""
    return 1 if degree == 0 else -1 if degree == len(SCALE) - 1 else 0
