"""Polyphonic music as piano rolls: which of a piano's 88 keys sound at each time step of each piece."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.changes import fraction_facts, random_subset
from gru_bench.data.data_set import SPLITS, DataSet

KEYS = 88
LOWEST = 21
"""MIDI pitch of the lowest key, A0; the highest one is 108, C8."""

Roll = NDArray[np.uint8]
"""A piece: 1 where a key sounds, of shape (steps, 88)."""

_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SILENCE = "-"


@dataclass(frozen=True)
class Pieces(DataSet):
    """Data of polyphonic music: pieces in three splits.

    Attributes:
        name: name of the data set.
        train: training pieces.
        valid: validation pieces.
        test: test pieces.
        facts: plain values for the run record; `digest` covers all frames of all pieces.
        floor: metrics of the best possible model with independent keys on these test pieces; None if unknown.
    """

    kind: ClassVar[str] = "pieces"

    name: str
    train: Sequence[Roll] = field(repr=False)
    valid: Sequence[Roll] = field(repr=False)
    test: Sequence[Roll] = field(repr=False)
    facts: dict[str, Any]
    floor: Mapping[str, float] | None = None

    def describe(self) -> dict[str, Any]:
        """Return an empty description: all rolls have the same keys."""
        return {}

    def with_train_fraction(self, share: float, seed: int) -> Pieces:
        """Keep a random subset of the pieces."""
        total = len(self.train)
        train = [self.train[place] for place in random_subset(total, share, seed).tolist()]
        counts = {"pieces": len(train), "steps": sum(map(len, train))}
        facts = self.facts | {name: {**self.facts[name], "train": count} for name, count in counts.items()}
        return replace(self, train=train, facts=fraction_facts(facts, share, len(train), total, draw_seed=seed))


def make_pieces(
    name: str,
    splits: Mapping[str, Sequence[Roll]],
    facts: Mapping[str, Any],
    floor: Mapping[str, float] | None = None,
) -> Pieces:
    """Return a data set of pieces, with digest and counts among its facts."""
    digest = hashlib.sha256()
    for split in SPLITS:
        for roll in splits[split]:
            digest.update(f"{split} {len(roll)} ".encode())
            digest.update(np.packbits(roll).tobytes())
    known: dict[str, Any] = {
        "digest": digest.hexdigest(),
        "pieces": {split: len(splits[split]) for split in SPLITS},
        "steps": {split: sum(map(len, splits[split])) for split in SPLITS},
    }
    return Pieces(name, splits["train"], splits["valid"], splits["test"], known | dict(facts), floor)


def to_roll(chords: Sequence[Sequence[int]]) -> Roll:
    """Return the roll of the MIDI pitches that sound at each time step, all within 21 .. 108."""
    roll = np.zeros((len(chords), KEYS), np.uint8)
    for step, pitches in enumerate(chords):
        roll[step, [pitch - LOWEST for pitch in pitches]] = 1
    return roll


def pitches_of(frame: NDArray[Any]) -> list[int]:
    """Return the MIDI pitches of a frame of shape (88,), ascending."""
    return [LOWEST + int(key) for key in np.flatnonzero(frame)]


def note_name(pitch: int) -> str:
    """Return the name of a MIDI pitch; 60 is C4."""
    octave, place = divmod(pitch, 12)
    return f"{_NAMES[place]}{octave - 1}"


def notes_of(frame: NDArray[Any]) -> str:
    """Return the names of the notes of a frame of shape (88,), ascending; `-` for silence."""
    return " ".join(map(note_name, pitches_of(frame))) or SILENCE
