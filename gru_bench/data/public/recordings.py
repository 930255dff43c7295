"""Small public sets of recordings in their official splits: motions of the UEA archive, an ECG of the UCR archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.signals.files import Records, parse_ts
from gru_bench.data.signals.signals import LabelledSequences, join_signals, make_signals
from gru_bench.data.signals.splits import draw_signal_splits
from gru_bench.data.source import gives
from gru_bench.validation import HeldOutFraction, Natural

UEA = "Bagnall et al. 2018, The UEA multivariate time series classification archive, arXiv:1811.00075"
UCR = "Dau et al. 2018, The UCR time series archive, arXiv:1810.07758"


@dataclass(frozen=True, kw_only=True)
class RecordingCard:
    """A set of recordings.

    Attributes:
        name: name of the data set.
        files: of the official training and test splits.
        read: parses a file.
        channels: names of the values of a time step.
        classes: names of the classes in the files, and in gru_bench.
        sequences: sequences of the training and test files, asserted.
        description: a short description.
        citation: its source.
        license: terms of use.
    """

    name: str
    files: tuple[RemoteFile, RemoteFile]
    read: Callable[[str, str], Records]
    channels: tuple[str, ...]
    classes: Mapping[str, str]
    sequences: tuple[int, int]
    description: str
    citation: str
    license: str = "unstated"


def read_tsv(text: str, place: str) -> Records:
    """Parse the text of a file of the UCR archive: a sequence a line, the label before its values, one channel."""
    rows = [line.split("\t") for line in text.splitlines() if line]
    values = [np.array(row[1:], np.float32)[:, None] for row in rows]
    return Records(("1",), values, [row[0] for row in rows])


def _file(path: str, size: int, sha256: str, folder: str) -> RemoteFile:
    return RemoteFile(path=path, url=f"{folder}/{path.rpartition('/')[2]}", size=size, sha256=(sha256,))


_SKTIME = "https://raw.githubusercontent.com/sktime/sktime/main/sktime/datasets/data/BasicMotions"
_MAT = "https://raw.githubusercontent.com/mat-analysis/datasets/main/mts/Epilepsy"
_TDA = "https://raw.githubusercontent.com/13029991519-MM/TDA-for-Time-Series-Classification-UCR-ECG5000-GunPoint-/main/data/ECG200"

CARDS: Mapping[str, RecordingCard] = {
    card.name: card
    for card in (
        RecordingCard(
            name="uea_basic_motions",
            files=(
                _file(
                    "uea/BasicMotions_TRAIN.ts",
                    227_790,
                    "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
                    _SKTIME,
                ),
                _file(
                    "uea/BasicMotions_TEST.ts",
                    227_713,
                    "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
                    _SKTIME,
                ),
            ),
            read=parse_ts,
            channels=tuple(f"{sensor} {axis}" for sensor in ("accelerometer", "gyroscope") for axis in "xyz"),
            classes={name: name.lower() for name in ("Badminton", "Running", "Standing", "Walking")},
            sequences=(40, 40),
            description="A smart watch on people who stand, walk, run or play badminton: 10 s at 10 Hz.",
            citation=UEA,
        ),
        RecordingCard(
            name="uea_epilepsy",
            files=(
                _file(
                    "uea/Epilepsy_TRAIN.ts",
                    463_710,
                    "e2555afb91b2484831bcc66b3b5db3a362ba0697e855cfbb041eac165e371022",
                    _MAT,
                ),
                _file(
                    "uea/Epilepsy_TEST.ts",
                    471_837,
                    "e68e220e31a9235fd7da23bbae2e59bd8315a3cc4c2b12f803885235b61b52ac",
                    _MAT,
                ),
            ),
            read=parse_ts,
            channels=("accelerometer x", "accelerometer y", "accelerometer z"),
            classes={name: name.lower() for name in ("EPILEPSY", "RUNNING", "SAWING", "WALKING")},
            sequences=(137, 138),
            description="A wrist accelerometer on people who walk, run, saw or mimic a seizure: 13 s at 16 Hz.",
            citation=UEA,
        ),
        RecordingCard(
            name="ecg200",
            files=(
                _file(
                    "ucr_ecg/ECG200_TRAIN.tsv",
                    106_739,
                    "bd08b37147ebf205231ad43e02c42dd5c14bc348f4ccc7614f85634c8916bf21",
                    _TDA,
                ),
                _file(
                    "ucr_ecg/ECG200_TEST.tsv",
                    106_740,
                    "c8ac02caf98be23c47c044fde026219301ceaf0b2f97bc107bd0cd96330b867c",
                    _TDA,
                ),
            ),
            read=read_tsv,
            channels=("voltage",),
            classes={"1": "normal", "-1": "ischaemia"},
            sequences=(100, 100),
            description="Single heart beats, normal or ischaemic, 96 values each, scaled beat by beat.",
            citation=UCR,
        ),
    )
}


def loader(name: str) -> Callable[..., LabelledSequences]:
    """Return the loader of one of the sets."""

    @gives("labelled_sequences")
    def load(
        *, mirror: Path | None, cache: Path, valid_fraction: HeldOutFraction = 0.2, split_seed: Natural = 0
    ) -> LabelledSequences:
        card = CARDS[name]
        contents = fetch(dict(zip(("train", "test"), card.files, strict=True)), mirror, cache)
        records = {split: card.read(content.decode(), name) for split, content in contents.items()}
        assert tuple(len(part.values) for part in records.values()) == card.sequences
        numbers = {label: number for number, label in enumerate(card.classes)}
        official = {
            split: join_signals(part.values, [numbers[label] for label in part.labels or ()])
            for split, part in records.items()
        }
        drawn = draw_signal_splits(official["train"], {"valid": valid_fraction}, split_seed)
        facts = {"source_sha256": {file.path: file.sha256[0] for file in card.files}}
        splits = drawn | {"test": official["test"]}
        return make_signals(name, splits, list(card.classes.values()), card.channels, facts=facts)

    card = CARDS[name]
    load.__doc__ = f"""Load the official splits; validation is drawn from train, each class alike. {card.description}

    Reference: {card.citation}
    """
    return load


load_basic_motions, load_epilepsy, load_ecg200 = map(loader, ("uea_basic_motions", "uea_epilepsy", "ecg200"))
