"""Free spoken digit data set: 2,500 recordings of the digits zero to nine by five speakers."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gru_bench.data.audio.features import SpectralFeatures, feature_options
from gru_bench.data.audio.wav import Recording, parse_wav
from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.signals.signals import LabelledSequences, Signals, join_signals, make_signals
from gru_bench.data.source import gives, with_settings_of
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import Fraction, Natural, PositiveFloat

HOMEPAGE = "https://github.com/Jakobovski/free-spoken-digit-dataset"
LICENSE = "CC BY-SA 4.0"
ARCHIVE = RemoteFile(
    path="spoken_digit/free-spoken-digit-dataset-1.0.9-recordings.tar.gz",
    url="",
    size=11_937_629,
    sha256=("4c03954b7183ce489250c3b1bfca64721b4700881a139d78aa99283fbab80834",),
)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = ("george", "jackson", "nicolas", "theo", "yweweler")
TAKES, HELD_OUT_TAKES = 50, 5  # of each digit and speaker; the official test split is takes 0 to 4
RATE = 8000  # samples per second


class Take(NamedTuple):
    """A recording: which digit, by whom, and which of the 50 of this digit and speaker."""

    digit: int
    speaker: str
    number: int
    recording: Recording


@gives("labelled_sequences")
@with_settings_of(feature_options)
def load(
    *,
    mirror: Path | None,
    cache: Path,
    split: Literal["speakers", "takes"] = "speakers",
    test_speakers: list[str] = ["theo"],  # noqa: B006
    valid_speakers: list[str] = ["jackson"],  # noqa: B006
    fold: Natural = 0,
    train_speeds: list[PositiveFloat] = [0.9, 1.0, 1.1],  # noqa: B006
    pre_emphasis: Fraction = 0.97,
    scale_to_peak: bool = True,
    **sound: Any,
) -> LabelledSequences:
    """Load the features of the recordings; see `gru_bench.data.audio.features.SpectralFeatures`.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        split: `speakers` holds speakers out; `takes` is the official split, test takes 0 to 4 of all speakers, with
            takes 5 to 9 for validation.
        test_speakers: of test, if speakers are held out.
        valid_speakers: of validation; without any, it is takes 0 to 4 of the training speakers.
        fold: so many places further on in the list of speakers are those held out instead, past its end from its start:
            folds 0 to 4 test on each speaker once.
        train_speeds: the training recordings are played at each of these speeds, as other voices; 1 is as recorded.
        pre_emphasis: 0 switches it off.
        scale_to_peak: whether every recording is scaled to a peak of 1.
        sound: settings of the features; see `gru_bench.data.audio.features.feature_options`.

    Raises:
        ConfigError: a speaker is unknown, or in two splits, or none is left for train.
        DataError: the archive is missing or damaged.
    """
    for key, names in (("valid_speakers", valid_speakers), ("test_speakers", test_speakers)):
        wrong = [name for name in names if name not in SPEAKERS or names.count(name) > 1]
        wrong += [name for name in names if names is test_speakers and name in valid_speakers]
        if wrong or (key == "test_speakers" and not 0 < len(names) < len(SPEAKERS) - len(valid_speakers)):
            allowed = f"speakers of one split: {', '.join(SPEAKERS)}; at least one for test and one for train"
            raise ConfigError(f"data.{key}", wrong[0] if wrong else names, allowed)
    valid_speakers, test_speakers = (_moved(names, fold) for names in (valid_speakers, test_speakers))
    extract = SpectralFeatures(
        rate=RATE, pre_emphasis=pre_emphasis, scale_to_peak=scale_to_peak, **feature_options(**sound)
    )
    takes = sorted(read_archive(fetch({"all": ARCHIVE}, mirror, cache)["all"]), key=lambda take: take[:3])
    assert len(takes) == len(DIGITS) * len(SPEAKERS) * TAKES
    parts: dict[str, list[Take]] = {"train": [], "valid": [], "test": []}
    for take in takes:
        by_speaker = _of_speaker(take, valid_speakers, test_speakers)
        parts[by_speaker if split == "speakers" else _of_number(take)].append(take)
    parts["train"] = [_at_speed(take, speed) for speed in train_speeds for take in parts["train"]]
    signals = {name: _signals(part, extract) for name, part in parts.items()}
    facts = {"source_sha256": {ARCHIVE.path: ARCHIVE.sha256[0]}}
    return make_signals("spoken_digit", signals, DIGITS, extract.names, parts=3, facts=facts)


def _moved(speakers: Sequence[str], places: int) -> list[str]:
    return [SPEAKERS[(SPEAKERS.index(name) + places) % len(SPEAKERS)] for name in speakers]


def _of_speaker(take: Take, valid: Sequence[str], test: Sequence[str]) -> str:
    if take.speaker in test:
        return "test"
    held_out = take.speaker in valid if valid else take.number < HELD_OUT_TAKES
    return "valid" if held_out else "train"


def _of_number(take: Take) -> str:
    return {0: "test", 1: "valid"}.get(take.number // HELD_OUT_TAKES, "train")


def _at_speed(take: Take, speed: float) -> Take:
    return take._replace(recording=take.recording.at_speed(speed))


def _signals(takes: Sequence[Take], extract: SpectralFeatures) -> Signals:
    names = [f"{take.digit}_{take.speaker}_{take.number}" for take in takes]
    return join_signals([extract(take.recording) for take in takes], [take.digit for take in takes], names=names)


def read_archive(content: bytes) -> Iterator[Take]:
    """Yield the recordings `DIGIT_SPEAKER_TAKE.wav`, in the archive's order.

    Raises:
        DataError: the archive or one of its files cannot be read.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if member.isfile() and name.endswith(".wav"):
                    digit, speaker, number = name.removesuffix(".wav").split("_")
                    stream = archive.extractfile(member)
                    recording = parse_wav(stream.read() if stream else b"", f"data=spoken_digit: {name}")
                    yield Take(int(digit), speaker, int(number), recording)
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
        raise DataError(f"data=spoken_digit: the archive cannot be read: {error}. Delete or replace it.") from error
