"""Read sequences from .ts files (UEA, sktime) and from .npz files."""

from __future__ import annotations

import io
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.tables import place_name, read_unpacked
from gru_bench.data.files.text import decode
from gru_bench.errors import DataError, shown

ARRAYS = {
    "values": ("x", "values", "data"),
    "labels": ("y", "labels", "label"),
    "lengths": ("lengths",),
    "times": ("times", "time", "t"),
    "groups": ("groups", "group"),
    "names": ("ids", "id"),
}
"""The arrays of a .npz file, and the names, in any letters, under which they are found."""

DAMAGED = (
    ValueError,
    OSError,
    EOFError,
    SyntaxError,
    TypeError,
    KeyError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    struct.error,
)  # what NumPy makes of damaged archives


@dataclass(frozen=True)
class Records:
    """Sequences of a file.

    Attributes:
        channels: names of the values of a time step.
        values: of each sequence, float32 of shape (time steps, channels), NaN where missing.
        labels: names of the classes, empty where missing; None: the file has none.
        times: of each sequence, of shape (time steps,); None: the file has none.
        names: of the sequences; empty: they are numbered.
        groups: further columns with one value per sequence, by name.
        frame: rows, columns and colours of a frame whose pixels are the channels; None: they are no pixels.
    """

    channels: tuple[str, ...]
    values: list[NDArray[np.float32]]
    labels: list[str] | None = None
    times: list[NDArray[np.float64]] | None = None
    names: list[str] = field(default_factory=list)
    groups: Mapping[str, list[str]] = field(default_factory=dict)
    frame: tuple[int, int, int] | None = None


def read_ts(path: Path, key: str) -> Records:
    """Read a .ts file: a header of lines with @, then a sequence a line, its channels separated by colons.

    Args:
        path: the file, may be gzipped.
        key: the setting or argument that names it, for messages.

    Raises:
        DataError: it is missing, has no sequence, or a line is malformed (the message names it).
    """
    name = place_name(path)
    text, _ = decode(read_unpacked(path, key), "auto", name, key)
    return parse_ts(text, f"{key}: {name}")


def parse_ts(text: str, place: str) -> Records:
    """Parse the text of a .ts file; see `read_ts`."""
    values: list[NDArray[np.float32]] = []
    labels: list[str] = []
    labelled, in_data = False, False
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        if not in_data:
            word, *rest = content.split()
            true = "".join(rest[:1]).casefold() == "true"
            labelled = true if word.casefold() == "@classlabel" else labelled
            if true and word.casefold() == "@targetlabel":
                raise DataError(
                    f"{place}, line {number}: found a file of regression (@targetlabel true), expected one of "
                    "classification: @classLabel true and the classes."
                )
            in_data = word.casefold() == "@data"
            if not content.startswith("@"):
                raise DataError(f"{place}, line {number}: expected a header that ends with @data, found {line[:40]!r}.")
            continue
        parts = content.split(":")
        if labelled:
            if len(parts) == 1:
                raise DataError(f"{place}, line {number}: found no colon, expected values, a colon and the label.")
            labels.append(parts.pop().strip())
        values.append(_channels(parts, f"{place}, line {number}"))
        if values[-1].shape[1] != values[0].shape[1]:
            raise DataError(
                f"{place}, line {number}: found {values[-1].shape[1]} channels, expected {values[0].shape[1]} as in "
                "the first sequence."
            )
    if not values:
        raise DataError(f"{place}: found no sequence below @data, expected at least one.")
    known = ["" if label == "?" else label for label in labels]
    return Records(_numbered(values[0].shape[1]), values, known if labelled else None)


def _channels(parts: Sequence[str], place: str) -> NDArray[np.float32]:
    if any("(" in part for part in parts):
        raise DataError(f"{place}: found time stamps in brackets, expected values alone. Write it as a CSV with times.")
    try:
        columns = [single(np.array([_number(cell) for cell in part.split(",")])) for part in parts]
    except ValueError as error:
        raise DataError(f"{place}: expected numbers separated by commas, or ? for a missing one: {error}.") from None
    lengths = sorted({column.size for column in columns})
    if len(lengths) != 1:
        raise DataError(f"{place}: the channels have {lengths} time steps, expected the same number in each.")
    return np.stack(columns, axis=1)


def _number(cell: str) -> float:
    return np.nan if cell.strip() == "?" else float(cell)


def single(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return values in single precision; those beyond it are infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def read_npz(path: Path, key: str) -> Records:
    """Read a .npz file with arrays as in `ARRAYS`; time steps at the end that are NaN throughout are padding.

    Args:
        path: the file.
        key: the setting or argument that names it, for messages.

    Raises:
        DataError: it is missing or damaged, an array is missing or has the wrong shape, or lengths or times are wrong.
    """
    place = f"{key}: {place_name(path)}"
    content = read_unpacked(path, key)
    try:
        with np.lib.npyio.NpzFile(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except DAMAGED as error:
        reason = str(error).rstrip(".")
        raise DataError(
            f"{place} cannot be read as .npz with plain arrays: {reason}. Save it again by np.savez."
        ) from None
    folded = {name.casefold(): array for name, array in arrays.items()}
    chosen = {role: next((folded[name] for name in names if name in folded), None) for role, names in ARRAYS.items()}
    values = chosen["values"]
    if values is None or not 2 <= values.ndim <= 5 or values.dtype.kind not in "fiub" or not values.size:
        found = {name: f"{array.dtype} {array.shape}" for name, array in arrays.items()}
        raise DataError(
            f"{place}: found {found}, expected x with numbers of shape (sequences, time, channels), (sequences, time) "
            "or, for videos, (sequences, time, rows, columns) and perhaps colours; y with labels, and perhaps lengths, "
            "times, groups and ids."
        )
    rows, columns, colours = (*values.shape[2:], 1)[:3] if values.ndim > 3 else (0, 0, 0)
    frame = (rows, columns, colours) if rows else None
    values = single(values.reshape(*values.shape[:2], -1))
    for role, array in chosen.items():
        shape = values.shape[:2] if role == "times" else values.shape[:1]
        if array is not None and role != "values" and array.shape != shape:
            raise DataError(f"{place}: {role} has the shape {array.shape}, expected {shape} as x.")
    lengths = chosen["lengths"]
    if lengths is None:
        steps = np.arange(1, values.shape[1] + 1)
        lengths = np.where(np.isnan(values).all(axis=2), 0, steps).max(axis=1)
    whole = lengths.dtype.kind in "fiu"
    wrong = np.flatnonzero(~((lengths >= 1) & (lengths <= values.shape[1]) & (lengths % 1 == 0))) if whole else [0]
    if len(wrong):
        raise DataError(
            f"{place}: sequence {wrong[0]} of x has {shown(lengths[wrong[0]].item())} time steps, expected a whole "
            f"number from 1 to {values.shape[1]}."
        )
    lengths = lengths.astype(np.int64)
    times, groups = chosen["times"], _texts(chosen["groups"])
    return Records(
        _numbered(values.shape[2]),
        [row[:length] for row, length in zip(values, lengths, strict=True)],
        _texts(chosen["labels"]),
        None if times is None else _times(times, lengths, place),
        _texts(chosen["names"]) or [],
        {} if groups is None else {"groups": groups},
        frame,
    )


def _times(times: NDArray[Any], lengths: NDArray[np.int64], place: str) -> list[NDArray[np.float64]]:
    """Return the times of each sequence; dates and times become seconds.

    Raises:
        DataError: a time is none, or does not come after the one before it.
    """
    if times.dtype.kind == "M":
        times = np.where(np.isnat(times), np.nan, times.astype("datetime64[us]").astype(np.int64) / 1e6)
    if times.dtype.kind not in "fiu":
        raise DataError(f"{place}: times are {times.dtype}, expected numbers or datetime64.")
    rows = [row[:length].astype(np.float64) for row, length in zip(times, lengths, strict=True)]
    for number, row in enumerate(rows):
        finite = np.isfinite(row)
        wrong = np.flatnonzero(~(finite & (np.diff(np.where(finite, row, 0), prepend=-np.inf) > 0)))
        if wrong.size:
            step = int(wrong[0])
            before = f" after {row[step - 1]:g}" if step else ""
            raise DataError(
                f"{place}: times[{number}, {step}] is {row[step]:g}{before}, expected finite times that ascend within "
                "each sequence. Sort its time steps, and leave out those without a time of their own."
            )
    return rows


def _texts(array: NDArray[Any] | None) -> list[str] | None:
    if array is None:
        return None
    texts = np.char.decode(array, "utf-8", "backslashreplace") if array.dtype.kind == "S" else array
    return list(map(str, texts.tolist()))


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"channel {number}" for number in range(1, count + 1))


READERS: Mapping[str, Callable[[Path, str], Records]] = {".ts": read_ts, ".npz": read_npz}
"""The readers by the ending of a file."""


def ending(path: Path) -> str:
    """Return the ending of a file in lower case, that of gzip aside."""
    return Path(path.name.lower().removesuffix(".gz")).suffix
