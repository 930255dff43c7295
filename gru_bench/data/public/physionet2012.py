"""PhysioNet 2012: the first 48 hours of stays in intensive care, 37 variables at irregular times, and who dies."""

from __future__ import annotations

import functools
import io
import lzma
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.signals.signals import LabelledSequences, Signals, join_signals, make_signals
from gru_bench.data.signals.splits import draw_signal_splits
from gru_bench.data.source import gives
from gru_bench.errors import DataError
from gru_bench.validation import HeldOutFraction, Natural

HOMEPAGE = "https://physionet.org/content/challenge-2012/1.0.0/"
LICENSE = "ODC-By 1.0"
STAYS = 4000  # in each of the two sets
CLASSES = ("survived", "died")
VARIABLES = tuple(
    "ALP ALT AST Albumin BUN Bilirubin Cholesterol Creatinine DiasABP FiO2 GCS Glucose HCO3 HCT HR K Lactate MAP "
    "MechVent Mg NIDiasABP NIMAP NISysABP Na PaCO2 PaO2 Platelets RespRate SaO2 SysABP Temp TroponinI TroponinT Urine "
    "WBC Weight pH".split()
)
DESCRIPTORS = ("Age", "Gender", "Height", "ICUType")  # at time 0 alone
CHANNELS = (*VARIABLES, *DESCRIPTORS)


def _file(name: str, size: int, sha256: str, url: str = "") -> RemoteFile:
    return RemoteFile(path=f"physionet2012/{name}", url=url, size=size, sha256=(sha256,))


_FILES = "https://physionet.org/files/challenge-2012/1.0.0"
FILES: Mapping[str, RemoteFile] = {
    "stays a": _file("set-a.tar.xz", 4_589_092, "cd0cc36811cfe087488b3a8a56c84af9918aa4aad09659ea074bfe680afb1190"),
    "stays b": _file("set-b.tar.xz", 4_584_560, "840692de9ed436b6554f75336c07969f1d0363782ff7ccea4d88e3d24aa1bd07"),
    "outcomes a": _file(
        "Outcomes-a.txt",
        79_219,
        "2613ea60ccda29f87571a7d6b09ad130858a8ccd66325bd073365925026883c2",
        f"{_FILES}/Outcomes-a.txt",
    ),
    "outcomes b": _file(
        "Outcomes-b.txt",
        79_149,
        "1305f29734da374a809483229a99f33a9230aa8d4fa74b1a2d6ad788136423d5",
        f"{_FILES}/Outcomes-b.txt",
    ),
}


@gives("labelled_sequences")
def load(
    *, mirror: Path | None, cache: Path, valid_fraction: HeldOutFraction = 0.2, split_seed: Natural = 0
) -> LabelledSequences:
    """Load the stays: training and validation from set a, test is set b; the label is death in hospital.

    A time step is a time at which something was measured; the last value counts where a variable was measured twice.
    Age, gender, height and kind of ward are channels with a value at time 0. A value of -1 is missing; a stay without
    measurements has one time step.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        valid_fraction: share of set a for validation, each class alike.
        split_seed: seed of that draw.

    Raises:
        DataError: a file is missing or damaged.

    References: Silva et al. 2012, Predicting in-hospital mortality of ICU patients; as irregular series: Che et al.
    2018, arXiv:1606.01865.
    """
    contents = fetch(FILES, mirror, cache)
    sets = {name: _read(contents[f"stays {name}"], contents[f"outcomes {name}"]) for name in "ab"}
    assert [len(part) for part in sets.values()] == [STAYS, STAYS]
    splits = draw_signal_splits(sets["a"], {"valid": valid_fraction}, split_seed) | {"test": sets["b"]}
    sources = {file.path: file.sha256[0] for file in FILES.values()}
    return make_signals("physionet2012", splits, CLASSES, CHANNELS, facts={"source_sha256": sources})


@functools.lru_cache(maxsize=2)  # both sets, for runs of one process that draw other splits
def _read(archive: bytes, outcomes: bytes) -> Signals:
    died = {line.split(",")[0]: int(line.split(",")[5]) for line in outcomes.decode().splitlines()[1:]}
    stays = read_archive(archive)
    names = sorted(stays)
    series = [read_stay(stays[name]) for name in names]
    labels = [died[name] for name in names]
    return join_signals([values for _, values in series], labels, [times for times, _ in series], names)


def read_archive(content: bytes) -> dict[str, str]:
    """Return the text of each stay by its number.

    Raises:
        DataError: the archive cannot be read.
    """
    stays = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|xz") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.name.endswith(".txt") else None
                if stream is not None:
                    stays[member.name.rpartition("/")[2].removesuffix(".txt")] = stream.read().decode()
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError) as error:
        raise DataError(f"data=physionet2012: an archive cannot be read: {error}. Delete or replace it.") from error
    return stays


def read_stay(text: str) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return times, in hours, and values of shape (time steps, channels), NaN where nothing was measured."""
    place = {name: number for number, name in enumerate(CHANNELS)}
    rows: dict[str, NDArray[np.float32]] = {}
    for line in text.splitlines()[1:]:
        time, name, value = line.split(",")
        if name in place and float(value) >= 0:
            row = rows.setdefault(time, np.full(len(CHANNELS), np.nan, np.float32))
            row[place[name]] = float(value)
    if not rows:
        return np.zeros(1), np.full((1, len(CHANNELS)), np.nan, np.float32)
    hours = [int(time[:2]) + int(time[3:]) / 60 for time in rows]
    return np.array(hours), np.stack(list(rows.values()))
