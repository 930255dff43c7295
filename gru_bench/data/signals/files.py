"""Read sequences from .ts files (UEA, sktime) and from .npz files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.tables import place_name, read_unpacked
from gru_bench.data.files.text import decode
from gru_bench.errors import DataError

ARRAYS = {
    "values": ("x", "values", "data"),
    "labels": ("y", "labels", "label"),
    "lengths": ("lengths",),
    "times": ("times", "time", "t"),
    "groups": ("groups", "group"),
    "names": ("ids", "id"),
}
"""The arrays of a .npz file, and the names, in any letters, under which they are found."""


@dataclass(frozen=True)
class Records:
    """Sequences of a file.

    Attributes:
        channels: names of the values of a time step.
        values: of each sequence, float32 of shape (time steps, channels), NaN where missing.
        labels: names of the classes; None: the file has none.
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
            labelled = rest[:1] == ["true"] if word.casefold() == "@classlabel" else labelled
            in_data = word.casefold() == "@data"
            if not content.startswith("@"):
                raise DataError(f"{place}, line {number}: expected a header that ends with @data, found {line[:40]!r}.")
            continue
        parts = content.split(":")
        if labelled:
            labels.append(parts.pop().strip())
        values.append(_channels(parts, f"{place}, line {number}"))
        if values[-1].shape[1] != values[0].shape[1]:
            raise DataError(
                f"{place}, line {number}: found {values[-1].shape[1]} channels, expected {values[0].shape[1]} as in "
                "the first sequence."
            )
    if not values:
        raise DataError(f"{place}: found no sequence below @data, expected at least one.")
    return Records(_numbered(values[0].shape[1]), values, labels if labelled else None)


def _channels(parts: Sequence[str], place: str) -> NDArray[np.float32]:
    if any("(" in part for part in parts):
        raise DataError(f"{place}: found time stamps in brackets, expected values alone. Write it as a CSV with times.")
    try:
        columns = [np.array([_number(cell) for cell in part.split(",")], np.float32) for part in parts]
    except ValueError as error:
        raise DataError(f"{place}: expected numbers separated by commas, or ? for a missing one: {error}.") from None
    lengths = sorted({column.size for column in columns})
    if len(lengths) != 1:
        raise DataError(f"{place}: the channels have {lengths} time steps, expected the same number in each.")
    return np.stack(columns, axis=1)


def _number(cell: str) -> float:
    return np.nan if cell.strip() == "?" else float(cell)


def read_npz(path: Path, key: str) -> Records:
    """Read a .npz file with arrays as in `ARRAYS`; time steps at the end that are NaN throughout are padding.

    Args:
        path: the file.
        key: the setting or argument that names it, for messages.

    Raises:
        DataError: it is missing or damaged, or an array is missing or has the wrong shape.
    """
    place = f"{key}: {place_name(path)}"
    try:
        with np.load(io.BytesIO(read_unpacked(path, key)), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{place} cannot be read as .npz with plain arrays: {error}.") from None
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
    values = values.reshape(*values.shape[:2], -1).astype(np.float32)
    for role, array in chosen.items():
        shape = values.shape[:2] if role == "times" else values.shape[:1]
        if array is not None and role != "values" and array.shape != shape:
            raise DataError(f"{place}: {role} has the shape {array.shape}, expected {shape} as x.")
    lengths = chosen["lengths"]
    if lengths is None:
        steps = np.arange(1, values.shape[1] + 1)
        lengths = np.where(np.isnan(values).all(axis=2), 0, steps).max(axis=1)
    if lengths.min() < 1 or lengths.max() > values.shape[1]:
        place_of = int(np.flatnonzero((lengths < 1) | (lengths > values.shape[1]))[0])
        raise DataError(
            f"{place}: sequence {place_of} of x has {lengths[place_of]} time steps, expected 1 to {values.shape[1]}."
        )
    times, groups = chosen["times"], chosen["groups"]
    return Records(
        _numbered(values.shape[2]),
        [row[:length] for row, length in zip(values, lengths, strict=True)],
        _texts(chosen["labels"]),
        None if times is None else [row[:n].astype(np.float64) for row, n in zip(times, lengths, strict=True)],
        _texts(chosen["names"]) or [],
        {} if groups is None else {"groups": list(map(str, groups.tolist()))},
        frame,
    )


def _texts(array: NDArray | None) -> list[str] | None:
    return None if array is None else list(map(str, array.tolist()))


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"channel {number}" for number in range(1, count + 1))
