"""Read sequences from WAV files: features of each recording, and a table that names its label and group."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.audio.features import SpectralFeatures
from gru_bench.data.audio.wav import read_wav
from gru_bench.data.files.cells import Cells, Table
from gru_bench.data.files.tables import Layout, read_table, read_table_bytes
from gru_bench.data.files.text import existing_file
from gru_bench.data.series.table import without_empty_rows
from gru_bench.data.signals.files import READERS, Records, ending
from gru_bench.data.signals.table import GROUPS, Column, role_column
from gru_bench.data.texts.labels import named_labels
from gru_bench.errors import DataError, UserError

WAV = "*.[wW][aA][vV]"
TABLES = (".csv", ".tsv")


@dataclass(frozen=True, kw_only=True)
class SoundLayout:
    """How recordings are read.

    Attributes:
        options: of `SpectralFeatures`; without a rate, it is the lowest one of the training recordings.
        table: the layout of tables.
        label_column: has the class; None recognises its name.
        group_column: has the group, such as the speaker.
    """

    options: Mapping[str, Any]
    table: Layout
    label_column: Column = None
    group_column: Column = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SoundLayout:
        """Build from plain values, perhaps by way of JSON."""
        return cls(**{**values, "table": Layout.from_dict(values["table"])})


def holds_sound(path: Path, layout: Layout) -> bool:
    """Return whether a path is a folder, a WAV file or a table most of whose rows name a WAV file of their own.

    Args:
        path: the path.
        layout: the known part of the layout of a table.
    """
    if os.path.isdir(path) or path.suffix.lower() == ".wav":
        return True
    if ending(path) in READERS or not os.path.isfile(path):
        return False
    try:
        raw = read_table_bytes(path, "data.path")
        if b".wav" not in raw.replace(b"\0", b"").lower():  # of UTF-16, too
            return False
        frame = read_table(path, layout)
    except UserError:  # whoever reads it next says so
        return False
    return any(_recordings(frame[name]).nunique() > len(frame) / 2 for name in frame.columns)


def read_sounds(path: Path, layout: SoundLayout, key: str, *, labelled: bool = True) -> tuple[Records, SoundLayout]:
    """Read recordings.

    Args:
        path: a table with a column of WAV files, relative to its folder, or a folder with one table; without labels
            also a WAV file, or a folder of them.
        layout: features and columns.
        key: the setting or argument that names the path, for messages.
        labelled: whether there must be labels.

    Returns:
        The features of each recording, and the complete layout.

    Raises:
        ConfigError: there is no such column, or a column must be named.
        DataError: a file is missing or broken, or a label is missing.
    """
    table = None if path.suffix.lower() == ".wav" else _table_of(path, layout.table, key, labelled)
    if table is None:
        if labelled:
            raise DataError(f"{key}: {path} has no label, expected a table that names WAV files and their labels.")
        places = sorted(path.glob(WAV)) if os.path.isdir(path) else [path]
        values, layout = _features(places, layout, key)
        return Records(_names(layout), values, names=[place.name for place in places]), layout
    frame, _ = without_empty_rows(read_table(table, layout.table, key=key), str(table))
    files = _file_column(frame, f"{key}: {table}")
    names, lines = frame[files].tolist(), frame.index.tolist()
    places = [
        existing_file(str(table.absolute().parent / name), f"{key}: {table}, line {line}")
        for name, line in zip(names, lines, strict=True)
    ]
    label, group = _roles(frame, layout, labelled)
    columns = {name: frame[name].tolist() for name in frame.columns if name not in (files, label)}
    groups = {
        name: values
        for name, values in columns.items()
        if name == group or (name.casefold() in GROUPS and len(set(values)) > 1)
    }
    labels = None if label is None else named_labels(frame, label, f"{key}: {table}")
    values, layout = _features(places, layout, key)
    records = Records(_names(layout), values, labels, names=names, groups=groups)
    return records, replace(layout, label_column=label or layout.label_column, group_column=group)


def _roles(frame: Table, layout: SoundLayout, labelled: bool) -> tuple[str | None, str | None]:
    """Return the columns of labels and groups; another file than that of the training data may lack them."""
    if not labelled:
        return str(layout.label_column) if layout.label_column in frame.columns else None, None
    wanted = {"label_column": layout.label_column, "group_column": layout.group_column}
    label, group = (role_column(frame, role, column, True) for role, column in wanted.items())
    return label, group


def _features(places: Sequence[Path], layout: SoundLayout, key: str) -> tuple[list[NDArray[np.float32]], SoundLayout]:
    recordings = [read_wav(place, key) for place in places]
    rate = layout.options["rate"] or min(recording.rate for recording in recordings)
    features = SpectralFeatures(**{**layout.options, "rate": rate})
    return [features(recording) for recording in recordings], replace(layout, options=features.to_dict())


def _names(layout: SoundLayout) -> tuple[str, ...]:
    return SpectralFeatures(**layout.options).names


def _table_of(path: Path, layout: Layout, key: str, labelled: bool) -> Path | None:
    if not os.path.isdir(path):
        return path
    try:
        tables = sorted(place for place in path.iterdir() if ending(place) in TABLES)
    except OSError as error:
        raise DataError(f"{key}: cannot read {path}: {error.strerror}. Make it readable.") from error
    recordings = next(path.glob(WAV), None)
    if len(tables) == 1 and (labelled or holds_sound(tables[0], layout)):
        return tables[0]
    if tables or labelled or recordings is None:
        found = ", ".join(place.name for place in tables) or "none"
        raise DataError(
            f"{key}: {path} is a folder, expected one table (.csv) in it that names WAV files and their labels; found: "
            f"{found}. Name the table itself if there are several."
        )
    return None


def _file_column(frame: Table, place: str) -> str:
    for name in frame.columns:
        if len(_recordings(frame[name])) == len(frame):
            again = frame[name][frame[name].duplicated()]
            if len(again):
                raise DataError(f"{place}, line {again.index[0]}: {again.iloc[0]!r} stands above, too, expected once.")
            return name
    raise DataError(
        f"{place}: found the columns {', '.join(frame.columns)}; in one of them each cell must name a WAV file."
    )


def _recordings(cells: Cells) -> Cells:
    """Return the cells that name WAV files."""
    return cells[cells.str.lower().str.endswith(".wav")]
