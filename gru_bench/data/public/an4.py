"""AN4: people spell names and say numbers and commands; mel cepstra of CMU Sphinx, test speakers of their own."""

from __future__ import annotations

import io
import lzma
import re
import tarfile
from pathlib import Path

import numpy as np

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.random import permutation
from gru_bench.data.source import gives
from gru_bench.data.speech.utterances import Frames, Speech, Unit, Utterances, make_speech, with_slopes
from gru_bench.errors import DataError
from gru_bench.validation import HeldOutFraction, Natural

ARCHIVE = RemoteFile(
    path="an4/an4_mfcc.tar.xz",
    url="",
    size=13_841_344,
    sha256=("687900c7432fad4ccf059e78e53b8bab74c19cefa17cfa3c99b825f30dd38654",),
)
COUNTS = {"train": 948, "test": 130}
COEFFICIENTS, FRAMES_PER_SECOND = 13, 100.0
_LINE = re.compile(r"(?:<s>)?\s*(.*?)\s*(?:</s>)?\s*\((.+)\)")


@gives("speech")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    unit: Unit = "char",
    deltas: bool = True,
    valid_fraction: HeldOutFraction = 0.1,
    split_seed: Natural = 0,
) -> Speech:
    """Load the recordings, 948 of 74 speakers and 130 of ten others for test; validation has speakers of its own.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        unit: whether the network writes characters or words.
        deltas: whether the slopes of the 13 cepstral coefficients follow them.
        valid_fraction: share of the training speakers for validation.
        split_seed: seed of their choice.

    Raises:
        DataError: the archive is missing or damaged.

    References: Acero 1993, Acoustical and environmental robustness in automatic speech recognition.
    """
    recordings = read_archive(fetch({"all": ARCHIVE}, mirror, cache)["all"])
    assert {split: len(part) for split, part in recordings.items()} == COUNTS
    people = [_person(name) for name in recordings["train"].names]
    order = sorted(set(people))
    held = {order[place] for place in permutation(split_seed, 0, len(order))[: round(valid_fraction * len(order))]}
    places = {
        part: np.flatnonzero([(person in held) == (part == "valid") for person in people])
        for part in ("train", "valid")
    }
    splits = {split: recordings["train"].take(chosen) for split, chosen in places.items()} | {
        "test": recordings["test"]
    }
    names = tuple(f"mfcc {number}" for number in range(COEFFICIENTS))
    if deltas:
        splits = {
            split: Utterances(tuple(map(with_slopes, part.frames)), part.transcripts, part.names)
            for split, part in splits.items()
        }
        names = (*names, *(f"delta {name}" for name in names))
    facts = {"source_sha256": {ARCHIVE.path: ARCHIVE.sha256[0]}, "valid_speakers": sorted(held)}
    return make_speech("an4", splits, names, FRAMES_PER_SECOND, unit=unit, with_deltas=deltas, facts=facts)


def _person(name: str) -> str:
    """Return the speaker of a recording; a number after the name is a second session of the same one."""
    return name.split("-")[1].rstrip("0123456789")


def read_archive(content: bytes) -> dict[str, Utterances]:
    """Return the recordings of train and test, in lower case.

    Raises:
        DataError: the archive cannot be read.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:xz") as archive:
            streams = {member.name: archive.extractfile(member) for member in archive.getmembers()}
            files = {name: stream.read() for name, stream in streams.items() if stream}
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError) as error:
        raise DataError(f"data=an4: the archive cannot be read: {error}. Delete or replace it.") from error
    recordings = {}
    for split in COUNTS:
        places = files[f"an4/etc/an4_{split}.fileids"].decode().split()
        lines = [_LINE.fullmatch(line) for line in files[f"an4/etc/an4_{split}.transcription"].decode().splitlines()]
        texts = {match[2]: match[1].lower() for match in lines if match}
        names = [place.rpartition("/")[2] for place in places]
        frames = tuple(parse_mfc(files[f"an4/feat/{place}.mfc"]) for place in places)
        recordings[split] = Utterances(frames, tuple(texts[name] for name in names), tuple(names))
    return recordings


def parse_mfc(content: bytes) -> Frames:
    """Return the frames of a file of CMU Sphinx: the number of values as big-endian int32, then big-endian float32."""
    return np.frombuffer(content, ">f4", offset=4).astype(np.float32).reshape(-1, COEFFICIENTS)
