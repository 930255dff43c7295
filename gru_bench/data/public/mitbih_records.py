"""Read the published records of the MIT-BIH arrhythmia database (WFDB files), one lead each, at 120 Hz."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.text import read_file
from gru_bench.errors import DataError

BEATS = dict(enumerate("NLRaVFJASEj/Q", 1)) | {34: "e", 38: "f"}
"""The symbols of beats by their code in an annotation file."""

NOTE, LAST_TIMED, SKIP = 63, 49, 59  # codes: a text follows; the last one with a time; a long interval follows
DECIMATION = 3  # from 360 to 120 samples per second
LEADS = ("MLII", "V5")  # the first one that a record has


def read_records(folder: Path, records: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Read records; see `gru_bench.data.public.mitbih.beats` for the arrays.

    Signals are filtered against aliases, decimated and rounded; times of beats are divided likewise.

    Args:
        folder: holds `<record>.hea`, `<record>.dat` and `<record>.atr`.
        records: their numbers.

    Raises:
        DataError: a file is missing, in another format, or its samples do not add up to the checksum of its header.
    """
    from scipy.signal import decimate

    signals, counts, samples, symbols = [], [], [], []
    for record in records:
        signal = read_signal(folder, record).astype(np.float64)
        signals.append(np.rint(decimate(signal, DECIMATION, ftype="fir", zero_phase=True)).astype(np.int16))
        places, names = read_beats(read_file(str(folder / f"{record}.atr"), "data=mitbih"))
        counts.append(len(places))
        samples.append(places // DECIMATION)
        symbols += names
    return {
        "signal_delta": np.diff(np.stack(signals), axis=1, prepend=np.int16(0)),
        "record": np.array(records),
        "beat_record": np.repeat(np.arange(len(records)), counts),
        "beat_sample": np.concatenate(samples),
        "beat_symbol": np.array(symbols),
    }


def read_signal(folder: Path, record: int) -> NDArray[np.int16]:
    """Return the samples of a lead of a record, in units of its converter, without its zero."""
    header = read_file(str(folder / f"{record}.hea"), "data=mitbih").decode("ascii", "replace")
    first, *lines = [line.split() for line in header.splitlines() if line.strip() and not line.startswith("#")]
    try:
        count, length = int(first[1]), int(first[3])
        leads = {line[8]: number for number, line in enumerate(lines[:count])}
        lead = next(leads[name] for name in LEADS if name in leads)
        form, zero, checksum = lines[lead][1], int(lines[lead][4]), int(lines[lead][6])
    except (IndexError, ValueError, StopIteration):
        raise DataError(f"data=mitbih: {folder / f'{record}.hea'} is no header of a record with {LEADS}.") from None
    samples = unpack_212(read_file(str(folder / f"{record}.dat"), "data=mitbih"))[: count * length]
    signal = samples[lead::count]
    if form != "212" or len(signal) != length or int(signal.sum(dtype=np.int64) - checksum) % 2**16:
        raise DataError(
            f"data=mitbih: {folder / f'{record}.dat'} does not agree with its header: expected {length:,} samples in "
            f"format 212 that add up to {checksum}, found {len(signal):,} in format {form}. Copy it again."
        )
    return signal - np.int16(zero)


def unpack_212(content: bytes) -> NDArray[np.int16]:
    """Return samples of 12 bits, two of them in three bytes."""
    low, both, high = np.frombuffer(content[: len(content) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int16).T
    pairs = np.stack([low | (both & 0x0F) << 8, high | (both & 0xF0) << 4], axis=1).ravel()
    return np.where(pairs > 2047, pairs - 4096, pairs).astype(np.int16)


def read_beats(content: bytes) -> tuple[NDArray[np.int64], list[str]]:
    """Return the sample of each annotated beat, and its symbol."""
    words = np.frombuffer(content[: len(content) // 2 * 2], "<u2").tolist()
    places, symbols, time, position = [], [], 0, 0
    while position < len(words) and words[position]:
        code, value = words[position] >> 10, words[position] & 0x3FF
        position += 1
        if code == SKIP:
            high, low = words[position : position + 2]
            time += (high << 16 | low) - (2**32 if high >> 15 else 0)
            position += 2
        elif code == NOTE:
            position += (value + 1) // 2
        elif code <= LAST_TIMED:
            time += value
            if code in BEATS:
                places.append(time)
                symbols.append(BEATS[code])
    return np.array(places, np.int64), symbols
