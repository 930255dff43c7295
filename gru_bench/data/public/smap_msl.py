"""SMAP and MSL: telemetry of two spacecraft of NASA with labelled anomalies, a series per channel."""

from __future__ import annotations

import ast
import csv
import io
import tarfile
from pathlib import Path
from typing import Literal

import numpy as np

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.labelled_series.labelled_series import LabelledSeries, make_labelled_series
from gru_bench.data.series.readings import Readings
from gru_bench.data.series.series import make_series
from gru_bench.data.source import gives
from gru_bench.errors import DataError
from gru_bench.validation import HeldOutFraction, Positive

Spacecraft = Literal["smap", "msl"]

CHANNELS = {"smap": 54, "msl": 27}
FOLDER = "SMAP_MSL"
ARCHIVE = RemoteFile(  # packed from github.com/imperial-qore/TranAD, data/SMAP_MSL
    path="smap_msl/SMAP_MSL.tar.xz",
    url="",
    size=1_372_176,
    sha256=("a1bb14443467310bd14d9f407d2db3e2cb14ded28625240bc74efd199caeaf97",),
)


@gives("labelled_series")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    spacecraft: Spacecraft = "smap",
    valid_fraction: HeldOutFraction = 0.2,
    context: Positive = 64,
    horizon: Positive = 1,
) -> LabelledSeries:
    """Load the channels of a spacecraft: telemetry is forecast, commands are known in advance.

    The folder `train` of the archive gives train and, its last rows, valid; `test` gives test, whose first rows, as
    many as the network reads before a forecast, have no score. None of them is anomalous. A channel listed twice is one
    series with the windows of both.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        spacecraft: which one.
        valid_fraction: share of the rows of `train` for validation.
        context: rows that are read before a forecast, at least.
        horizon: rows that are forecast.

    Raises:
        DataError: the archive is missing, or its channels are not the published ones.

    References: Hundman et al. 2018, Detecting spacecraft anomalies using LSTMs and nonparametric dynamic thresholding.
    """
    content = fetch({"all": ARCHIVE}, mirror, cache)["all"]
    members, anomalous = {}, {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        arrays = {info.name: _array(archive, info) for info in archive if info.name.endswith(".npy")}
        windows = _windows(_read(archive, f"{FOLDER}/labeled_anomalies.csv").decode(), spacecraft)
    for channel, ranges in windows.items():
        train, test = (arrays[f"{FOLDER}/{part}/{channel}.npy"] for part in ("train", "test"))
        rows = np.concatenate([train, test])
        valid = len(train) - int(len(train) * valid_fraction)
        first = len(train) + context + horizon - 1
        members[channel] = make_series(
            "smap_msl",
            Readings(None, rows[:, :1], rows[:, 1:]),
            {"train": (0, valid), "valid": (valid, len(train)), "test": (first, len(rows))},
            targets=("telemetry",),
            covariates=[f"command {number}" for number in range(1, rows.shape[1])],
            step=None,
            context=context,
            horizon=horizon,
        )
        anomalous[channel] = np.zeros(len(rows), bool)
        for start, last in ranges:
            anomalous[channel][len(train) + start : len(train) + last + 1] = True
    if len(members) != CHANNELS[spacecraft]:
        raise DataError(f"{ARCHIVE.path}: found {len(members)} channels, expected {CHANNELS[spacecraft]}.")
    return make_labelled_series(members, anomalous, label_column="anomaly", facts={"file_sha256": ARCHIVE.sha256[0]})


def _windows(table: str, spacecraft: str) -> dict[str, list[tuple[int, int]]]:
    """Return the anomalous windows of each channel in rows of `test`, both ends included."""
    windows: dict[str, list[tuple[int, int]]] = {}
    for row in csv.DictReader(io.StringIO(table)):
        if row["spacecraft"].lower() == spacecraft:
            windows.setdefault(row["chan_id"], []).extend(map(tuple, ast.literal_eval(row["anomaly_sequences"])))
    return windows


def _array(archive: tarfile.TarFile, info: tarfile.TarInfo) -> np.ndarray:
    return np.load(io.BytesIO(_read(archive, info.name)), allow_pickle=False)


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    assert member is not None
    return member.read()
