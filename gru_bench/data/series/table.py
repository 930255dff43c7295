"""From a table of text cells to the rows of a series: times, numbers, a regular grid."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from gru_bench.data.files.cells import Cells, Place, Table, is_missing
from gru_bench.data.files.decimal_marks import Marks, decimal_of, find_marks, known_marks
from gru_bench.data.files.numbers import Decimal, numbers
from gru_bench.data.files.tables import Layout
from gru_bench.data.files.time_formats import day_first as first_is_day
from gru_bench.data.files.time_parts import join
from gru_bench.data.files.time_zones import CLOCK_CHANGES, at_clock_changes
from gru_bench.data.files.times import Dates, TimeRules, times
from gru_bench.data.series.readings import Readings
from gru_bench.data.series.sampling import Step, Times, find_step, onto_grid, show_time
from gru_bench.errors import DataError

log = logging.getLogger(__name__)

Steps = Literal["time", "rows"]
MOST_KEYS = 10  # maximum number of columns considered as identifiers of series


@dataclass(frozen=True, kw_only=True)
class SeriesLayout(Layout):
    """How a file becomes a series: the layout of its table, and how its cells are read.

    Attributes:
        time_columns: the columns of its times, joined by a blank; empty: each row is one step.
        steps: `time` puts rows on a grid of the sampling step, `rows` takes each row as one step.
        day_first: whether dates such as 1/2/2024 begin with the day; None detects it.
        time_format: of the times; None detects it. A run keeps that of its training data.
        time_zone: zone of times without an offset; `offset`: the times of the training data have one; or None.
        decimal: decimal mark named by the user; None detects it for each column.
        decimals: decimal mark by column in the training data; empty before it is read.
        thousands: columns of the training data in which the other mark groups thousands.
        missing: missing-value markers, beside the usual ones.
    """

    time_columns: tuple[str, ...] = ()
    steps: Steps = "time"
    day_first: bool | None = None
    time_format: str | None = None
    time_zone: str | None = None
    decimal: Decimal | None = None
    decimals: Mapping[str, Decimal] = field(default_factory=dict)
    thousands: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def without_empty_rows(frame: Table, name: str) -> tuple[Table, Place]:
    """Return a table without the empty rows at its end, and its place for messages.

    Raises:
        DataError: all rows are empty.
    """
    attrs, empty = frame.attrs, (frame == "").all(axis=1).to_numpy(bool)
    if empty.all():
        raise DataError(f"{name}: all rows are empty, expected values.")
    if empty[-1]:
        kept = int(np.flatnonzero(~empty)[-1]) + 1
        log.info("%s: %s empty rows at the end are left out", name, f"{len(frame) - kept:,}")
        frame = frame.iloc[:kept]
        frame.attrs = attrs
    return frame, Place(name, frame.index.tolist(), frame)


def marks_of(frame: Table, names: Sequence[str], layout: SeriesLayout) -> dict[str, Marks]:
    """Return the decimal and grouping marks of columns; those determined by the training data take precedence."""

    def known(name: str) -> Cells:
        return frame[name][~is_missing(frame[name], layout.missing)]

    cells = {name: known(name) for name in names}
    delimiter = frame.attrs.get("delimiter", ",")
    others = (known(name) for name in frame.columns if name not in (*names, *layout.time_columns))
    marks = find_marks(cells, delimiter, layout.decimal, known=layout.decimals.values(), others=others)
    for name in names:
        if name in layout.decimals:
            thousands = name in layout.thousands or layout.decimal is not None
            marks[name] = known_marks(cells[name], layout.decimals[name], thousands=thousands, delimiter=delimiter)
    return marks


def to_readings(
    frame: Table,
    layout: SeriesLayout,
    targets: Sequence[str],
    covariates: Sequence[str],
    place: Place,
    *,
    decided: bool = False,
) -> tuple[Readings, Step | None, SeriesLayout]:
    """Read a table's columns as times and numbers, in the order of time.

    Args:
        frame: the table.
        layout: how it is read.
        targets: names of the value columns.
        covariates: names of the covariate columns.
        place: for messages.
        decided: whether the training data has determined the format of times.

    Returns:
        The rows; their sampling step, None without times; and the complete layout.

    Raises:
        DataError: a cell is not a number or not a time, or a time occurs twice.
    """
    marks = marks_of(frame, (*targets, *covariates), layout)
    decimals: dict[str, Decimal] = {
        name: decimal_of(name, one, place, layout.decimals.get(name)) for name, one in marks.items()
    }
    values = [numbers(frame[name], name, decimal, layout.missing, place) for name, decimal in decimals.items()]
    layout = replace(
        layout,
        decimals={name: decimal for name, decimal in decimals.items() if marks[name].seen},
        thousands=tuple(name for name in decimals if marks[name].thousands),
    )
    table = np.stack(values, axis=1)
    readings = Readings(None, table[:, : len(targets)], table[:, len(targets) :], lines=np.array(place.lines))
    if not layout.time_columns:
        return readings, None, layout
    dates = _dates(frame, layout, place, decided=decided)
    order = np.argsort(dates.time, kind="stable")
    moved = np.diff(order)
    if (moved < 0).all() and moved.size:
        log.warning("%s: the newest row comes first; the rows were sorted by time", place.name)
    elif (moved < 0).any():
        log.warning("%s: the rows are not in the order of time; they were sorted", place.name)
    time = dates.time[order]
    if layout.steps == "time":
        _refuse_equal_times(frame, time, order, layout, dates.zone, place)
    readings = replace(readings.rows(order), time=time, zone=dates.zone)
    step = find_step(time, dates.zone) if len(time) > 1 else None
    if step is not None and step.count == 0:
        _refuse_equal_times(frame, time, order, layout, dates.zone, place)
    day_first = layout.day_first if decided else first_is_day(dates.form)
    return (
        readings,
        step,
        replace(layout, day_first=day_first, time_format=dates.form, time_zone=dates.zone_rule),
    )


def _dates(frame: Table, layout: SeriesLayout, place: Place, *, decided: bool) -> Dates:
    cells, added = join(frame, layout.time_columns, layout.time_format, place)
    rules = TimeRules(
        layout.time_format, layout.day_first, layout.time_zone, decided and layout.time_format is not None
    )
    return times(cells, " + ".join(layout.time_columns), rules, place, added)


def _refuse_equal_times(
    frame: Table, time: Times, order: np.ndarray, layout: SeriesLayout, zone: str | None, place: Place
) -> None:
    same = np.flatnonzero(np.diff(time) == np.timedelta64(0, "ns"))
    if not same.size:
        return
    one, other = sorted(place.lines[row] for row in order[same[0] : same[0] + 2])
    several = _columns_of_series(frame, time, order, layout.time_columns)
    if several:
        advice = f"{several} several series apart: give each its own file"
    elif layout.steps == "rows":
        advice = "Take each row as one step without its time: data.time_column=[]"
    else:
        advice = "Merge or delete the others; or data.steps=rows takes each row as one step, regardless of its time"
    if zone is None and at_clock_changes(time[same]):
        advice += f". {CLOCK_CHANGES}"
    raise DataError(
        f"{place.name}: the time {show_time(time[same[0]], zone)} stands on the lines {one:,} and {other:,} "
        f"({same.size:,} such rows). Expected one row per time. {advice.removesuffix('.')}."
    )


def _columns_of_series(frame: Table, time: Times, order: np.ndarray, time_columns: Sequence[str]) -> str:
    """Return, for a message, the one or two columns that identify rows of the same time; empty if there are none."""
    many = np.unique(time).size < 0.9 * len(time)  # otherwise differing numbers may be measured values
    counts = {
        name: frame[name].nunique()
        for name in frame.columns
        if name not in time_columns and (many or frame[name].str.contains("[^-+0-9.,eE]").any())
    }
    few = sorted((count, name) for name, count in counts.items() if 1 < count <= len(frame) // 2)[:MOST_KEYS]
    for size in (1, 2):
        for names in itertools.combinations([name for _, name in few], size):
            rows = frame[list(names)].iloc[order].assign(**{"": time})
            if not rows.duplicated().any():
                return f"Column {names[0]!r} tells" if size == 1 else f"Columns {names[0]!r} and {names[1]!r} tell"
    return ""


def regular(readings: Readings, step: Step, place: Place) -> Readings:
    """Place rows on the grid of the step; slots without a row are missing values."""
    time, rows = readings.time, readings.lines
    assert time is not None
    assert rows is not None
    grid, slots = onto_grid(time, step, place.name, readings.zone)
    shift = np.abs((grid[slots] - time).astype(np.int64)).max()
    added = grid.size - time.size
    if added or shift:
        moved = f"; times were moved by up to {Step('time', int(shift))}" if shift else ""
        log.warning(
            "%s: the usual step is %s; %s of %s steps have no row and count as missing%s (data.steps=rows takes each "
            "row as one step)%s",
            place.name,
            step,
            f"{added:,}",
            f"{grid.size:,}",
            moved,
            f". {CLOCK_CHANGES}" if readings.zone is None and at_clock_changes(np.delete(grid, slots)) else "",
        )
    values = np.full((grid.size, readings.values.shape[1]), np.nan)
    covariates = np.full((grid.size, readings.covariates.shape[1]), np.nan)
    lines = np.zeros(grid.size, np.int64)
    values[slots], covariates[slots], lines[slots] = readings.values, readings.covariates, rows
    return Readings(grid, values, covariates, readings.zone, lines)
