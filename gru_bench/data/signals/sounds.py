"""Read sequences from WAV files: features of each recording, and a table that names its label and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.audio.features import SpectralFeatures
from gru_bench.data.audio.wav import read_wav
from gru_bench.data.files.cells import Table
from gru_bench.data.files.tables import Layout, read_table
from gru_bench.data.signals.files import Records
from gru_bench.data.signals.table import GROUPS, Column, role_column
from gru_bench.data.texts.labels import named_labels
from gru_bench.errors import DataError

HEAD = 4096  # bytes of a table in which the first recording is named
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


def holds_sound(path: Path) -> bool:
    """Return whether a path is a folder, a WAV file or a table that names some."""
    if path.is_dir() or path.suffix.lower() == ".wav":
        return True
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return b".wav" in file.read(HEAD).lower()
    except OSError:  # whoever reads it next says so
        return False


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
    table = None if path.suffix.lower() == ".wav" else _table_of(path, key, labelled)
    if table is None:
        if labelled:
            raise DataError(f"{key}: {path} has no label, expected a table that names WAV files and their labels.")
        places = sorted(path.glob(WAV)) if path.is_dir() else [path]
        values, layout = _features(places, layout, key)
        return Records(_names(layout), values, names=[place.name for place in places]), layout
    frame = read_table(table, layout.table, key=key)
    files = _file_column(frame, f"{key}: {table}")
    names, lines = frame[files].tolist(), frame.index.tolist()
    places = [
        _existing(table.parent / name, f"{key}: {table}, line {line}") for name, line in zip(names, lines, strict=True)
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


def _table_of(path: Path, key: str, labelled: bool) -> Path | None:
    if not path.is_dir():
        return path
    tables = sorted(place for place in path.iterdir() if place.suffix.lower() in TABLES)
    recordings = next(path.glob(WAV), None)
    if len(tables) == 1 and (labelled or holds_sound(tables[0])):
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
        if frame[name].str.lower().str.endswith(".wav").all():
            return name
    raise DataError(
        f"{place}: found the columns {', '.join(frame.columns)}; in one of them each cell must name a WAV file."
    )


def _existing(path: Path, place: str) -> Path:
    if not path.is_file():
        raise DataError(f"{place}: there is no file {path}. Names are relative to the folder of the table.")
    return path
