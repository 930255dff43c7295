"""Recordings with a transcript each: frames of features, symbols, splits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.audio.features import SpectralFeatures, deltas
from gru_bench.data.changes import input_seeds, noise_facts, normal
from gru_bench.data.containers import ExampleData, Form, Tuples
from gru_bench.data.data_set import SPLITS
from gru_bench.errors import DataError

Frames = NDArray[np.float32]
"""Features of successive frames, of shape (frames, features)."""

Unit = Literal["char", "word"]


@dataclass(frozen=True)
class Utterances(Tuples):
    """Recordings of a split.

    Attributes:
        frames: the features of each recording.
        transcripts: their texts, words separated by single blanks.
        names: of the recordings.
    """

    frames: tuple[Frames, ...] = field(repr=False)
    transcripts: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SpeechForm(Form):
    """All that a trained model needs to know of its data.

    Attributes:
        unit: whether the network writes characters or words.
        symbols: the units of the training transcripts; the network's output 0 is the blank, symbol k is output k + 1.
        features: names of the features of a frame.
        mean: mean of each feature in train.
        deviation: standard deviation of each feature in train; 1 where it is 0.
        frames_per_second: rate of the frames.
        extraction: how features are computed from a recording; see `gru_bench.data.audio.features.SpectralFeatures`;
            empty: the data has features and no sound.
        deltas: whether deltas are appended to the features of a file.
        transcripts: number of each different training transcript, for language models.
    """

    unit: Unit
    symbols: tuple[str, ...]
    features: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    frames_per_second: float
    extraction: Mapping[str, Any] = field(default_factory=dict)
    deltas: bool = False
    transcripts: Mapping[str, int] = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        """Outputs of the network: the blank and all symbols."""
        return len(self.symbols) + 1

    def units(self, transcript: str) -> list[str]:
        """Return the units of a transcript."""
        return list(transcript) if self.unit == "char" else transcript.split()

    def encode(self, transcript: str) -> NDArray[np.int32]:
        """Return the outputs of a transcript, int32; units that train lacks are number `outputs`."""
        places = {symbol: place for place, symbol in enumerate(self.symbols, 1)}
        return np.array([places.get(unit, self.outputs) for unit in self.units(transcript)], np.int32)

    def decode(self, outputs: Sequence[int]) -> str:
        """Return the text of outputs without blanks, words separated by single blanks."""
        symbols = (*self.symbols, "\ufffd")
        text = ("" if self.unit == "char" else " ").join(symbols[output - 1] for output in outputs)
        return " ".join(text.split())

    def scale(self, frames: Frames) -> Frames:
        """Return features in standard deviations of train."""
        return (frames - np.array(self.mean, np.float32)) / np.array(self.deviation, np.float32)

    @property
    def extract(self) -> SpectralFeatures | None:
        """How features are computed from a recording; None: the data has features and no sound."""
        return SpectralFeatures(**self.extraction) if self.extraction else None


@dataclass(frozen=True)
class Speech(ExampleData[SpeechForm, Utterances]):
    """Recordings with transcripts in three splits; `form` has features, symbols and scaling."""

    kind: ClassVar[str] = "speech"

    def counts(self) -> dict[str, Any]:
        """Return the facts that change with the recordings."""
        frames = self.each(lambda part: sum(map(len, part.frames)))
        return {
            "recordings": self.each(len),
            "frames": frames,
            "longest": self.each(lambda part: max(map(len, part.frames))),
            "minutes": {split: count / self.form.frames_per_second / 60 for split, count in frames.items()},
            "words": self.each(lambda part: sum(len(text.split()) for text in part.transcripts)),
            "symbols": len(self.form.symbols),
        }

    def header(self, split: str) -> str:
        """Return the name of a split, its transcripts, and the lengths of its recordings."""
        part = self.by_split[split]
        return json.dumps([split, part.transcripts, [len(frames) for frames in part.frames]])

    def content(self, part: Utterances) -> Iterator[Any]:
        """Yield the frames of each recording."""
        return (np.ascontiguousarray(frames, "<f4").data for frames in part.frames)

    def with_input_noise(self, level: float, seed: int) -> Speech:
        """Add normal noise to all features, in standard deviations of train."""
        noisy = {}
        deviation = np.float32(level) * np.array(self.form.deviation, np.float32)
        for split, stream in input_seeds(seed).items():
            part: Utterances = getattr(self, split)
            frames = tuple(
                values + deviation * normal(values.shape, (*stream, place + 1)).astype(np.float32)
                for place, values in enumerate(part.frames)
            )
            noisy[split] = replace(part, frames=frames)
        return replace(self, **noisy, facts=noise_facts(self.facts, level, seed))


def make_speech(
    name: str,
    splits: Mapping[str, Utterances],
    features: Sequence[str],
    frames_per_second: float,
    *,
    unit: Unit = "char",
    extraction: SpectralFeatures | None = None,
    with_deltas: bool = False,
    reading: Mapping[str, Any] = MappingProxyType({}),
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> Speech:
    """Put recordings together; symbols and scaling are those of the training split.

    Args:
        name: name of the data set.
        splits: train, valid and test.
        features: names of the features.
        frames_per_second: rate of the frames.
        unit: whether the network writes characters or words.
        extraction: how features were computed from the recordings, if they were.
        with_deltas: whether deltas were appended to features that were read, not computed.
        reading: layout of a table of this form.
        facts: further facts that identify the data.

    Raises:
        DataError: a split has no recording, or train has no transcript with a word.
    """
    for split in SPLITS:
        if not len(splits[split]):
            raise DataError(f"data={name}: the {split} split has 0 recordings, expected at least 1. Give more of them.")
    train = splits["train"]
    counts = Counter(part for text in train.transcripts for part in (text if unit == "char" else text.split()))
    if not counts:
        raise DataError(f"data={name}: all transcripts of train are empty, expected words.")
    frames = np.concatenate(train.frames).astype(np.float64)
    deviation = frames.std(axis=0)
    form = SpeechForm(
        name=name,
        unit=unit,
        symbols=tuple(sorted(counts)),
        features=tuple(features),
        mean=tuple(frames.mean(axis=0).tolist()),
        deviation=tuple(np.where(deviation > 0, deviation, 1.0).tolist()),
        frames_per_second=frames_per_second,
        extraction=extraction.to_dict() if extraction else {},
        deltas=with_deltas,
        transcripts=dict(Counter(train.transcripts)),
        reading=dict(reading),
    )
    return Speech.of(form, splits, facts)


def with_slopes(frames: Frames) -> Frames:
    """Return features followed by their deltas."""
    return np.hstack([frames, deltas(frames.astype(np.float64)).astype(np.float32)])
