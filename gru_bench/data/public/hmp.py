"""HMP: fourteen activities of daily life, recorded by an accelerometer on the wrist of 16 volunteers."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.signals.signals import LabelledSequences, join_signals, make_signals
from gru_bench.data.source import gives
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import Positive

ARCHIVE = RemoteFile(
    path="hmp/HMP_Dataset.tar.gz",
    url="",
    size=943_240,
    sha256=("0d0f1821eff888c0c9f79342b4a0596632f2e89374c7170f7c1b8a7f20284713",),
)
RECORDINGS, SAMPLES = 839, 446_529
VOLUNTEERS = ("f1", "f2", "f3", "f4", "f5", *(f"m{number}" for number in range(1, 12)))
VALID, TEST = ("f3", "m2", "m5", "m9"), ("f2", "m1", "m4", "m6", "m8")


@gives("labelled_sequences")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    window: Positive = 128,
    stride: Positive = 64,
    valid_volunteers: list[str] = list(VALID),  # noqa: B006
    test_volunteers: list[str] = list(TEST),  # noqa: B006
) -> LabelledSequences:
    """Load windows of the recordings, with the volunteers of validation and test held out.

    A window is 4 s at 32 Hz by default; the label is the activity. One volunteer, f1, has almost half of the recordings
    and alone eats meat and soup. Windows of one person in two splits would flatter every model.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        window: time steps of a window; a shorter recording is one shorter window.
        stride: time steps from one window of a recording to the next.
        valid_volunteers: of validation, such as f3 (woman 3) or m2 (man 2).
        test_volunteers: of test; all others are of train.

    Raises:
        ConfigError: a volunteer is unknown, or in two splits.
        DataError: the archive is missing or damaged.

    References: Bruno et al. 2013, Analysis of human behavior recognition algorithms based on acceleration data.
    """
    for key, names in (("valid_volunteers", valid_volunteers), ("test_volunteers", test_volunteers)):
        unknown = [name for name in names if name not in VOLUNTEERS]
        twice = [name for name in names if names is test_volunteers and name in valid_volunteers]
        if unknown or twice:
            raise ConfigError(f"data.{key}", [*unknown, *twice][0], f"volunteers of one split: {', '.join(VOLUNTEERS)}")
    content = fetch({"all": ARCHIVE}, mirror, cache)["all"]
    recordings = sorted(read_archive(content), key=lambda recording: recording[:2])
    assert (len(recordings), sum(len(values) for *_, values in recordings)) == (RECORDINGS, SAMPLES)
    split_of = dict.fromkeys(VOLUNTEERS, "train") | dict.fromkeys(valid_volunteers, "valid")
    split_of |= dict.fromkeys(test_volunteers, "test")
    classes = sorted({activity for activity, *_ in recordings})
    windows: dict[str, list[NDArray[np.float32]]] = {split: [] for split in ("train", "valid", "test")}
    labels: dict[str, list[int]] = {split: [] for split in windows}
    for activity, name, values in recordings:
        split = split_of[name.removesuffix(".txt").rpartition("-")[2]]
        for start in range(0, max(1, len(values) - window + 1), stride):
            windows[split].append(values[start : start + window])
            labels[split].append(classes.index(activity))
    signals = {split: join_signals(windows[split], labels[split]) for split in windows}
    names = [activity.replace("_", " ").lower() for activity in classes]
    facts = {"source_sha256": {ARCHIVE.path: ARCHIVE.sha256[0]}}
    return make_signals("hmp", signals, names, ("x", "y", "z"), facts=facts)


def read_archive(content: bytes) -> Iterator[tuple[str, str, NDArray[np.float32]]]:
    """Yield activity, file name and values of each recording, in the archive's order.

    Values are from 0 to 63, for -1.5 g to 1.5 g.

    Raises:
        DataError: the archive cannot be read.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as archive:
            for member in archive:
                _, *folders, name = member.name.removeprefix("./").split("/")
                if member.isfile() and name.endswith(".txt") and len(folders) == 1:
                    stream = archive.extractfile(member)
                    lines = stream.read().split() if stream else []
                    yield folders[0], name, np.array(lines, np.float32).reshape(-1, 3)
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError) as error:
        raise DataError(f"data=hmp: the archive cannot be read: {error}. Delete or replace it.") from error
