"""Read sequences from a long table: a row per time step, with columns that name its sequence, time, label and group."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.cells import Cells, Place, Table, is_missing
from gru_bench.data.files.headers import same_name
from gru_bench.data.files.known_tables import read_known_table
from gru_bench.data.files.numbers import Decimal, as_numbers, number_share, numbers
from gru_bench.data.files.tables import Layout, layout_of, place_name, read_table
from gru_bench.data.series.columns import kind_of, named
from gru_bench.data.series.table import without_empty_rows
from gru_bench.data.signals.files import Records, single
from gru_bench.data.texts.labels import named_labels
from gru_bench.errors import ConfigError, DataError, nearest

log = logging.getLogger(__name__)

NAMES = {
    "id_column": "id sequence sequence_id series series_id sample sample_id case recording record instance".split(),
    "time_column": "time timestamp t step date datetime seconds".split(),
    "label_column": "label labels class category target activity diagnosis outcome".split(),
}
GROUPS = frozenset(
    "group subject participant person patient speaker user volunteer session device driver animal site".split()
)
Column = str | int | None


@dataclass(frozen=True, kw_only=True)
class SignalLayout(Layout):
    """The layout of a long table, and its columns by name.

    Attributes:
        id_column: says which rows are one sequence.
        time_column: orders the rows of a sequence; None: rows are in order, and steps even.
        label_column: has the class, the same in all rows of a sequence.
        group_column: has the group, likewise.
        channels: columns of values; empty: all other columns of numbers.
        decimal: decimal mark.
        missing: further missing-value markers.
    """

    id_column: Column = None
    time_column: Column = None
    label_column: Column = None
    group_column: Column = None
    channels: tuple[str | int, ...] = ()
    decimal: Decimal = "."
    missing: tuple[str, ...] = ()


def read_long_table(
    path: Path, layout: SignalLayout, key: str, *, labelled: bool = True
) -> tuple[Records, SignalLayout]:
    """Read a long table; return its sequences, in the order of their first rows, and its complete layout.

    Args:
        path: the file, may be gzipped; `-` is standard input.
        layout: its known part; if it has `columns` it is that of the training data.
        key: the setting or argument that names the file, for messages.
        labelled: whether there must be a column of labels.

    Raises:
        ConfigError: there is no such column, or a column must be named.
        DataError: the file is missing or broken; a cell is no number; a row names no sequence; a sequence has two
            labels or groups, or two rows of one time.
    """
    known = bool(layout.columns)
    if known:
        wanted = [str(layout.id_column), *map(str, layout.channels)]
        frame = read_known_table(path, layout, lambda row: all(_has(row, name) for name in wanted), key=key)
    else:
        frame = read_table(path, layout, key=key)
    frame, place = without_empty_rows(frame, place_name(path))
    place = place._replace(known=known)
    if known or not labelled:
        frame = _as_in_training(frame, layout, place)
    roles: dict[str, Any] = {
        role: _known_column(frame, getattr(layout, role))
        if known
        else role_column(frame, role, getattr(layout, role), labelled)
        for role in (*NAMES, "group_column")
    }
    identity, time = frame[roles["id_column"]], roles["time_column"]
    codes = _codes(identity, roles["id_column"], layout, place)
    firsts = np.unique(codes, return_index=True)[1]
    constant = {name for name in frame.columns if not _varying(frame[name], codes, firsts).size}
    label, group = roles["label_column"], roles["group_column"]
    wanted = named(frame, layout.channels, "data.channels")
    likely = [name for name in frame.columns if name.casefold() in GROUPS and name not in (*roles.values(), *wanted)]
    for name in filter(None, (label, group, *likely)):
        if name not in constant:
            _refuse_varying(frame, name, roles["id_column"], codes, firsts, place)
    steps = np.zeros(len(frame)) if time is None else _times(frame[time], time, layout, place)
    order = np.lexsort((steps, codes))  # stable: rows without times stay in order
    ends = np.cumsum(np.bincount(codes))
    if time is not None:
        same = (np.diff(codes[order]) == 0) & (np.diff(steps[order]) == 0)
        if same.any():
            row = int(order[int(same.argmax()) + 1])
            cell = place.cell(str(time), row, frame[time].iloc[row])
            raise DataError(f"{cell} comes twice in sequence {identity.iloc[row]!r}, expected each time once.")
    channels, groups = _channels(frame, layout, wanted, set(roles.values()), constant, len(ends), place)
    values = np.stack(
        [numbers(frame[name], name, layout.decimal, layout.missing, place, "data.channels=") for name in channels],
        axis=1,
    )
    heads = frame.iloc[firsts]  # the first row of each sequence
    records = Records(
        tuple(channels),
        np.split(single(values[order]), ends[:-1]),
        None if label is None else named_labels(heads, label, f"{key}: {place.name}"),
        None if time is None else np.split(steps[order], ends[:-1]),
        heads[roles["id_column"]].tolist(),
        {name: heads[name].tolist() for name in (*groups, *filter(None, [group]))},
    )
    return records, replace(layout, **layout_of(frame), **roles, channels=tuple(channels))


def _has(row: Sequence[str], name: str) -> bool:
    return any(same_name(cell, name) for cell in row)


def _as_in_training(frame: Table, layout: SignalLayout, place: Place) -> Table:
    """Return the table with its columns named as in the training data; a column of labels or groups may be missing."""
    needed = [str(name) for name in (layout.id_column, layout.time_column, *layout.channels) if name is not None]
    found = {}
    for name in [*needed, *([] if layout.label_column is None else [str(layout.label_column)])]:
        column = name if name in frame.columns else next((one for one in frame.columns if same_name(one, name)), None)
        if column is None and name in needed:
            raise DataError(
                f"{place.name}: there is no column {name!r}. Expected {', '.join(needed)}, as in the training data; "
                f"found {', '.join(frame.columns)}. {nearest(name, list(frame.columns))}".rstrip()
            )
        found |= {} if column is None else {column: name}
    return frame.rename(columns=found)


def _known_column(frame: Table, name: Column) -> str | None:
    return str(name) if name in frame.columns else None


def role_column(frame: Table, role: str, wanted: Column, labelled: bool) -> str | None:
    """Return the column of a role; one that is not named is recognised by its name.

    Args:
        frame: the table.
        role: `id_column`, `time_column`, `label_column` or `group_column`.
        wanted: its name or number, if it is named.
        labelled: whether there must be a column of labels.

    Raises:
        ConfigError: there is no such column, or it must be named.
    """
    if wanted is not None:
        return named(frame, [wanted], f"data.{role}")[0]
    usual = [name for name in frame.columns if name.casefold() in NAMES.get(role, ())]
    optional = role != "id_column" and (role != "label_column" or not labelled)
    if role == "group_column" or (optional and not usual):
        return None
    if len(usual) == 1:
        return usual[0]
    meaning = {"id_column": "the sequences", "time_column": "times", "label_column": "the classes"}[role]
    allowed = f"one of the columns {', '.join(frame.columns)}"
    raise ConfigError(f"data.{role}", None, allowed, f"Name the column of {meaning}.")


def _codes(identity: Cells, name: str, layout: SignalLayout, place: Place) -> NDArray[np.int64]:
    """Return the number of the sequence of each row, in the order of their first rows."""
    import pandas as pd

    missing = np.flatnonzero(is_missing(identity, layout.missing))
    if missing.size:
        cell = place.cell(name, int(missing[0]), identity.iloc[missing[0]])
        raise DataError(
            f"{cell} names no sequence ({missing.size:,} such rows), expected one in each row. Add it, or delete the "
            "row."
        )
    return np.asarray(pd.factorize(identity)[0], np.int64)


def _times(cells: Cells, name: str, layout: SignalLayout, place: Place) -> NDArray[np.float64]:
    """Return times as numbers; dates and times in ISO 8601 become seconds."""
    import pandas as pd

    if number_share(cells.iloc[:100], layout.decimal) > 0.5:
        values = numbers(cells, name, layout.decimal, (), place, "data.time_column=")
    else:
        stamps = pd.to_datetime(cells, format="ISO8601", errors="coerce", utc=True)
        values = (stamps - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64)
    wrong = np.flatnonzero(np.isnan(values))
    if wrong.size:
        cell = place.cell(name, int(wrong[0]), cells.iloc[wrong[0]])
        raise DataError(f"{cell} is no time. Expected numbers, or dates and times in ISO 8601 throughout.")
    return values


def _channels(
    frame: Table,
    layout: SignalLayout,
    wanted: Sequence[str],
    used: set[str | None],
    constant: set[str],
    count: int,
    place: Place,
) -> tuple[list[str], list[str]]:
    """Return the columns of values, and those that look like groups: one value per sequence, shared by some."""
    rest = [name for name in frame.columns if name not in used]
    groups = [
        name
        for name in rest
        if name in constant
        and (name.casefold() in GROUPS or not _numeric(frame[name], layout))
        and 1 < frame[name].nunique() < count
    ]
    if wanted:
        return list(wanted), groups
    numeric = [name for name in rest if name not in groups and _numeric(frame[name], layout)]
    counters = [name for name in numeric if _counts_rows(frame, name, layout)]
    if counters:
        log.warning(
            "%s: not read as channels, since they count rows or time over the file: %s (data.channels= names the "
            "channels)",
            place.name,
            ", ".join(counters),
        )
    channels = [name for name in numeric if name not in counters]
    left_out = [name for name in rest if name not in numeric]
    if left_out:
        log.info("%s: not read as channels: %s", place.name, ", ".join(left_out))
    if not channels:
        raise DataError(
            f"{place.name}: none of the columns {', '.join(rest) or 'left'} holds numbers, expected at least one "
            "channel beside counters of rows. Name the channels (data.channels=) or the decimal mark (data.decimal=)."
        )
    return channels, groups


def _numeric(cells: Cells, layout: SignalLayout) -> bool:
    known = cells[~is_missing(cells, layout.missing)]
    return bool(len(known)) and float((~np.isnan(as_numbers(known, layout.decimal))).mean()) > 0.5


def _counts_rows(frame: Table, name: str, layout: SignalLayout) -> bool:
    """Return whether a column counts the rows of the file, in any order, or time over all of it.

    Whole numbers in a first column without a name, or named `index`, are the index of a DataFrame: it has gaps where
    rows were left out.
    """
    values, order = np.unique(as_numbers(frame[name], layout.decimal), return_index=True)
    first = frame.attrs["header"] and name == frame.columns[0]
    if first and (name == "1" or name.startswith("Unnamed") or name.casefold() == "index"):
        return not (values % 1).any()
    different = len(order) == len(frame)
    return different and kind_of(frame[[name]].iloc[order], name, layout.missing) in ("count", "consecutive")


def _varying(cells: Cells, codes: NDArray[np.int64], firsts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows whose cell differs from that of the first row of their sequence."""
    texts = cells.to_numpy(object)
    return np.flatnonzero(texts != texts[firsts][codes])


def _refuse_varying(
    frame: Table,
    name: str,
    identity: str,
    codes: NDArray[np.int64],
    firsts: NDArray[np.int64],
    place: Place,
) -> None:
    row = int(_varying(frame[name], codes, firsts)[0])
    one, first = frame.iloc[row], frame.iloc[firsts[codes[row]]]
    raise DataError(
        f"{place.cell(name, row, one[name])} differs from {first[name]!r} before it in sequence {one[identity]!r}, "
        "expected one value per sequence. If these are two sequences, give each an id of its own; if not, correct "
        "the column, or leave it out of the file."
    )
