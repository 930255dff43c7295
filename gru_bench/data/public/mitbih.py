"""MIT-BIH arrhythmia database: single heart beats of an ECG, in the classes and between-patient split of AAMI."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.public.mitbih_records import read_records
from gru_bench.data.signals.signals import LabelledSequences, Signals, join_signals, make_signals
from gru_bench.data.source import gives
from gru_bench.errors import DataError

HOMEPAGE = "https://physionet.org/content/mitdb/1.0.0/"
LICENSE = "ODC-By 1.0"
FILE = RemoteFile(
    path="mitbih/mitbih_120hz.npz",
    url="",
    size=9_152_496,
    sha256=("8f828a76ad33c1317d12edf7cf3b90374b58840b581e78844bf6a43d2c13f9c3",),
)
CLASSES: Mapping[str, str] = {"normal": "NLRej", "supraventricular": "AaJS", "ventricular": "VE", "fusion": "F"}
"""The symbols of beats of each class; paced and unclassifiable beats are left out."""

VALID = (114, 118, 207, 215, 223)
TRAIN = (101, 106, 108, 109, 112, 115, 116, 119, 122, 124, 201, 203, 205, 208, 209, 220, 230)
TEST = (100, 103, 105, 111, 113, 117, 121, 123, 200, 202, 210, 212, 213, 214, 219, 221, 222, 228, 231, 232, 233, 234)
RATE = 120  # samples per second
BEFORE, AFTER = 36, 60  # samples of a beat, around its annotation: 0.3 s and 0.5 s
CHANNELS = ("voltage", "interval before", "interval after")


@gives("labelled_sequences")
def load(*, mirror: Path | None, cache: Path) -> LabelledSequences:
    """Load the beats: train and validation from different patients of set DS1, test is set DS2, other patients.

    A beat is 96 samples of one lead at 120 Hz. The intervals to the beats before and after it, as shares of the mean
    interval of the patient, are channels that are the same at all time steps: an early beat is known by them alone.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.

    Raises:
        DataError: the file is missing or damaged.

    References: Moody & Mark 2001, The impact of the MIT-BIH arrhythmia database; DS1 and DS2: de Chazal et al. 2004,
    Automatic classification of heartbeats using ECG morphology and heartbeat interval features.
    """
    arrays, source = _arrays(mirror, cache)
    splits = {"train": beats(arrays, TRAIN), "valid": beats(arrays, VALID), "test": beats(arrays, TEST)}
    return make_signals("mitbih", splits, list(CLASSES), CHANNELS, facts=source)


def _arrays(mirror: Path | None, cache: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and where they come from: the derived file, else the published records in the mirror."""
    if mirror is not None and not (mirror / FILE.path).exists():
        folder, records = (mirror / FILE.path).parent, sorted((*TRAIN, *VALID, *TEST))
        if (folder / f"{records[0]}.hea").exists():
            return read_records(folder, records), {"source": f"{len(records)} records in WFDB files"}
    return _read(fetch({"all": FILE}, mirror, cache)["all"]), {"source_sha256": {FILE.path: FILE.sha256[0]}}


def _read(content: bytes) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"data=mitbih: the file cannot be read: {error}. Delete or replace it.") from error


def beats(arrays: Mapping[str, NDArray[Any]], records: Sequence[int]) -> Signals:
    """Return the beats of some records that have neighbours and lie whole in the recording.

    Args:
        arrays: `signal_delta`, first differences of shape (records, samples); `record`, their numbers; and of each beat
            `beat_record`, the place of its record, `beat_sample` and `beat_symbol`.
        records: numbers of records.
    """
    numbers = {symbol: number for number, symbols in enumerate(CLASSES.values()) for symbol in symbols}
    values, labels = [], []
    for place in np.flatnonzero(np.isin(arrays["record"], records)):
        voltage = np.cumsum(arrays["signal_delta"][place], dtype=np.int16).astype(np.float32)
        of_record = arrays["beat_record"] == place
        samples, symbols = arrays["beat_sample"][of_record].astype(np.int64), arrays["beat_symbol"][of_record]
        intervals = np.diff(samples) / np.diff(samples).mean()
        for beat in range(1, len(samples) - 1):
            start, end = samples[beat] - BEFORE, samples[beat] + AFTER
            if symbols[beat] in numbers and start >= 0 and end <= len(voltage):
                rows = np.empty((end - start, len(CHANNELS)), np.float32)
                rows[:, 0], rows[:, 1], rows[:, 2] = voltage[start:end], intervals[beat - 1], intervals[beat]
                values.append(rows)
                labels.append(numbers[str(symbols[beat])])
    return join_signals(values, labels)
