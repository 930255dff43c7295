"""Detect the time columns of a table by their names and cells."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from gru_bench.data.files.cells import Cells, Place, Table, is_missing
from gru_bench.data.files.numbers import number_share
from gru_bench.data.files.time_formats import EXCEL_DAYS
from gru_bench.data.files.time_parts import are_clock_numbers, guess_parts
from gru_bench.data.files.times import is_clock, looks_like_times, resembles_times
from gru_bench.errors import DataError

TIME_WORDS = frozenset(
    "date time datetime timestamp ds ts epoch unix day month year quarter week period datum zeit zeitstempel zeitpunkt "
    "fecha hora data ora heure jour utc observation jahr monat annee année año ano mes".split()
)
_DATE_WORDS = frozenset("date datetime datum fecha".split())
_CLOCK_WORDS = frozenset("time clock zeit uhrzeit hora heure ora hour hr hh".split())
_BARE_NAMES = frozenset(("", "t", "x", "index", "id", "unnamed"))
_LONG_NUMBER = r"\d{8,19}(?:\.\d*)?"
_SURE_WORDS = _DATE_WORDS | frozenset("time timestamp ds ts zeit zeitstempel zeitpunkt".split())


def words(name: str) -> set[str]:
    """Split the name of a column into words: `orderDate` and `order_date` give the same."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.split(r"[\W\d_]+", spaced.casefold()))


def guess_times(frame: Table, missing: Sequence[str], form: str | None, place: Place) -> tuple[str, ...]:
    """Return the time columns: one column; a date and a clock or hour; year, month and so on; or none.

    Args:
        frame: the table.
        missing: missing-value markers.
        form: the format of the times; None detects it.
        place: for messages.

    Raises:
        DataError: columns have names or cells like times, but none of them can be read.
    """
    known = {name: frame[name][~is_missing(frame[name], missing)] for name in frame.columns}
    candidates = []
    for name, cells in known.items():
        named = bool(words(name) & TIME_WORDS)
        if len(cells) > 0.5 * len(frame) and looks_like_times(cells, form, numeric=named or _are_long(name, cells)):
            candidates.append((not named, cells.nunique() < len(cells), name))
    parts = guess_parts(frame)
    if not candidates:
        for name, cells in () if parts else known.items():
            _refuse_unreadable(frame[name], cells, place)
        return parts
    _, repeats, date = min(candidates, key=lambda candidate: candidate[:2])
    if parts and date in parts:
        return parts
    if not frame[date].str.contains(":", regex=False).any():
        others = [name for name in frame.columns if name != date]
        clocks = [name for name in others if is_clock(frame[name])]
        clocks += [name for name in others if repeats and words(name) & _CLOCK_WORDS and are_clock_numbers(frame[name])]
        if clocks:
            return date, clocks[0]
    return (date,)


def _are_long(name: str, cells: Cells) -> bool:
    """Return whether a column without a telling name has monotonic numbers with as many digits as timestamps."""
    if not words(name) <= _BARE_NAMES or not cells.str.fullmatch(_LONG_NUMBER).all():
        return False
    moved = np.diff(cells.astype(float))
    return bool(moved.size and ((moved > 0).all() or (moved < 0).all()))


def _is_named(name: str, cells: Cells) -> bool:
    """Return whether a column is named like times; if the name has other meanings, its cells must also differ."""
    return bool(words(name) & _SURE_WORDS or (words(name) & TIME_WORDS and cells.nunique() > 0.9 * len(cells)))


def _refuse_unreadable(column: Cells, cells: Cells, place: Place) -> None:
    """Refuse a column that seems to have times of an unknown format.

    Args:
        column: the whole column.
        cells: its cells without the missing ones.
        place: for messages.

    Raises:
        DataError: the column seems to have such times.
    """
    if len(cells) <= 0.5 * len(column):
        return
    name, problem = str(column.name), ""
    if number_share(cells, ".") > 0.5:
        numbers = cells.str.extract(r"^(\d+)(?:\.\d*)?$")[0].dropna().astype(float)
        if words(name) & _DATE_WORDS and len(numbers) == len(cells) and (np.diff(numbers) != 1).any():
            problem = "seems to be a date of unknown format"
        if words(name) & _DATE_WORDS and len(numbers) == len(cells) and numbers.between(*EXCEL_DAYS).all():
            problem = "seems to be a date that Excel counts in days (data.time_format=excel reads it)"
    elif words(name) & _SURE_WORDS and is_clock(cells):
        problem = "is a time of day without its date"
    elif resembles_times(cells) or (_is_named(name, cells) and cells.str.contains(r"\d").mean() > 0.8):
        problem = "seems to be a time of unknown format"
    if problem:
        cell = place.cell(name, column.index.get_loc(cells.index[0]), cells.iloc[0])
        raise DataError(
            f"{cell} {problem}. Name its strptime format, as in 'data.time_format=\"%Y-%m-%d %H:%M\"'; name the "
            "column or columns of times (data.time_column=); or take each row as one step (data.time_column=[])."
        )
