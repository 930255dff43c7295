"""Convert columns of text cells to times."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

import numpy as np

from gru_bench.data.files.cells import Cells, Place
from gru_bench.data.files.numbers import number_share
from gru_bench.data.files.time_formats import (
    EXAMPLES,
    day_first,
    offset_nanoseconds,
    offset_within,
    parse,
    split_offsets,
    suggested_formats,
)
from gru_bench.data.files.time_zones import DAY, Times, both_instants, offset_name
from gru_bench.data.series.sampling import filled, find_step, regularity, show_time
from gru_bench.errors import DataError

log = logging.getLogger(__name__)

OWN_OFFSETS = "offset"
"""The zone of times that are written with their offset from UTC."""

_CLOCK = r"(?:\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?|\d{1,2}\.\d{2}\.\d{2})(?: ?[AaPp][Mm])?"
_DATE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}([-/.])\d{1,2}\1(?:\d{4}|\d{2})|\d{1,2}[ -][^\W\d_]{3,9}[ -]\d{2,4})"
    r"(?!\d).{0,24}"
)
_CENTURY_JUMP = np.timedelta64(60 * 365, "D")


class TimeRules(NamedTuple):
    """Known properties of the times of a file.

    Attributes:
        form: their format, or None.
        day_first: whether the day comes before the month; None if unknown.
        zone: a zone for times without an offset, `OWN_OFFSETS`, or None.
        settled: whether they are those of the training data: a file that differs is refused.
    """

    form: str | None = None
    day_first: bool | None = None
    zone: str | None = None
    settled: bool = False


class Dates(NamedTuple):
    """A column, converted to times.

    Attributes:
        time: instants in UTC, or wall-clock times of an unknown zone.
        form: the format of the cells.
        zone: of the times, None if it is unknown.
        zone_rule: `TimeRules.zone` for other files.
    """

    time: Times
    form: str
    zone: str | None
    zone_rule: str | None


class _Candidate(NamedTuple):
    form: str
    time: Times

    @property
    def read(self) -> float:
        return float((~np.isnat(self.time)).mean())


def is_clock(cells: Cells) -> bool:
    """Return whether all cells are times of day without a date."""
    return bool(len(cells)) and bool(cells.str.fullmatch(_CLOCK).all())


def looks_like_times(cells: Cells, form: str | None, *, numeric: bool) -> bool:
    """Return whether the first cells can be read as times.

    Args:
        cells: text, none missing.
        form: their format; None detects it.
        numeric: whether plain numbers may be times: years, dates without separators, seconds since 1970.
    """
    head = cells.iloc[:50]
    if not len(head) or (not numeric and number_share(head, ".") > 0):
        return False
    wall, _ = split_offsets(head)
    forms = suggested_formats(wall) if form is None else [form]
    return any(np.isnat(parse(wall, form)).mean() <= 0.1 for form in forms)


def resembles_times(cells: Cells) -> bool:
    """Return whether most of the first cells look like dates, readable or not."""
    head = cells.iloc[:50]
    return bool(len(head)) and bool(head.str.fullmatch(_DATE).mean() >= 0.9)


def times(cells: Cells, name: str, rules: TimeRules, place: Place, added: np.ndarray | None = None) -> Dates:
    """Convert a column to times.

    If either the day or the month may come first, the order that gives regular, ascending times is chosen, if there is
    only one; else dates with points begin with the day, and dates with other separators are refused.

    Args:
        cells: text, of length rows.
        name: of the column.
        rules: the known properties.
        place: for messages.
        added: nanoseconds to add, such as hours from another column, or None.

    Raises:
        DataError: a cell is no time, or in another format than the others; the format or the rules do not fit; or the
            order of day and month is ambiguous.
    """
    wall, offsets = split_offsets(cells)
    within = rules.form is not None and offset_within(rules.form)
    if not within:
        _check_offsets(cells, offsets, name, rules, place)
    chosen = _candidate(cells, wall, name, rules, place, added)
    if (offsets != "").any() or within:
        sizes = offset_nanoseconds(offsets.replace("", "Z"))
        time, zone = _with_offsets(chosen.time, sizes, rules.zone, place)
        return Dates(time, chosen.form, zone, rules.zone or OWN_OFFSETS)
    if rules.zone is None:
        return Dates(chosen.time, chosen.form, None, None)
    return Dates(_in_zone(chosen.time, cells, name, rules.zone, place), chosen.form, rules.zone, rules.zone)


def _candidate(
    cells: Cells, wall: Cells, name: str, rules: TimeRules, place: Place, added: np.ndarray | None
) -> _Candidate:
    plus = np.timedelta64(0, "ns") if added is None else added.astype("timedelta64[ns]")
    forms = suggested_formats(wall) if rules.form is None else [rules.form]
    candidates = [_Candidate(form, parse(wall, form) + plus) for form in forms]
    if rules.form is None:
        candidates = [candidate for candidate in candidates if candidate.read > 0.5]
    if not candidates:
        raise DataError(
            f"{place.cell(name, 0, cells.iloc[0])} is no time. Expected times such as {EXAMPLES}. Name their format, "
            "as in 'data.time_format=\"%d.%m.%Y %H:%M\"'; name another column (data.time_column=); or treat each row "
            "as one step (data.time_column=[])."
        )
    best = max(candidate.read for candidate in candidates)
    candidates = [candidate for candidate in candidates if candidate.read == best]
    if rules.day_first is not None and rules.form is None:
        fitting = [candidate for candidate in candidates if day_first(candidate.form) in (None, rules.day_first)]
        if not fitting:
            raise DataError(
                f"{place.cell(name, 0, cells.iloc[0])}: the column fits only {candidates[0].form}, expected dates "
                f"that begin with the {'day' if rules.day_first else 'month'} (data.day_first)."
            )
        candidates = [it for it in fitting if day_first(it.form) is rules.day_first] or fitting
    chosen = _most_plausible(candidates, cells, name, place)
    _refuse_unread(chosen, cells, name, rules, place)
    return chosen


def _refuse_unread(chosen: _Candidate, cells: Cells, name: str, rules: TimeRules, place: Place) -> None:
    wrong = np.flatnonzero(np.isnat(chosen.time))
    if not wrong.size:
        return
    row, count = int(wrong[0]), f"({wrong.size:,} such cells)"
    cell = place.cell(name, row, cells.iloc[row])
    if rules.settled:
        raise DataError(
            f"{cell} does not have the format of the times that the run was trained on, {chosen.form} {count}. Write "
            "the times in that format."
        )
    if rules.form is not None:
        raise DataError(f"{cell} does not have the format data.time_format={chosen.form} {count}.")
    good = int(np.flatnonzero(~np.isnat(chosen.time))[0])
    raise DataError(
        f"{cell} is no time like the others, such as {cells.iloc[good]!r} (read as {chosen.form}; {wrong.size:,} such "
        "cells). Correct or delete the row, or name the format (data.time_format=)."
    )


def _most_plausible(candidates: Sequence[_Candidate], cells: Cells, name: str, place: Place) -> _Candidate:
    """Return the only candidate with regular times in order, or the conventional one of several.

    Raises:
        DataError: several are plausible, and no convention decides.
    """
    different = list({candidate.time.tobytes(): candidate for candidate in reversed(candidates)}.values())[::-1]
    different = [candidate for candidate in different if _century_jump(candidate) is None]
    if not different:
        _refuse_century_jump(candidates[0], cells, name, place)
    if len(different) == 1:
        return different[0]
    evidence = [_evidence(candidate.time) for candidate in different]
    likely = [
        candidate
        for candidate, own in zip(different, evidence, strict=True)
        if all(mine >= theirs for other in evidence for mine, theirs in zip(own, other, strict=True))
    ] or different
    if len(likely) == 1:
        return likely[0]
    shortest = min(likely, key=lambda candidate: np.ptp(candidate.time[~np.isnat(candidate.time)]))
    usual = [shortest] if day_first(shortest.form) is None else [it for it in likely if day_first(it.form) is not None]
    by_points = [candidate for candidate in usual if "%d.%m." in candidate.form]
    chosen = by_points[0] if by_points else usual[0] if len(usual) == 1 else None
    if chosen is None:
        row = int(np.flatnonzero(likely[0].time != likely[1].time)[0])
        readings = " or ".join(f"{show_time(it.time[row])} ({it.form})" for it in likely)
        raise DataError(
            f"{place.cell(name, row, cells.iloc[row])} may be {readings}, and the times are as regular either way. Set "
            "whether the day comes before the month: data.day_first=true or data.day_first=false."
        )
    if not by_points:
        log.warning(
            "%s: column %r: %r is read as %s (%s; data.time_format= changes that)",
            *(place.name, name, cells.iloc[0], show_time(chosen.time[0]), chosen.form),
        )
    return chosen


def _evidence(time: Times) -> tuple[int, bool]:
    """Return the regularity of times, 2 without and 1 with gaps, and whether they are monotonic."""
    known = time[~np.isnat(time)]
    share, moved = filled(known), np.diff(known).astype(np.int64)
    in_order = known.size > 5 and bool((moved > 0).all() or (moved < 0).all())
    return (2 if share == 1 else 1 if share >= 0.4 else 0), in_order


def _century_jump(candidate: _Candidate) -> int | None:
    """Return a row from which times jump by most of a century, as two-digit years may do, or None."""
    if "%y" not in candidate.form:
        return None
    jumps = np.flatnonzero(np.abs(np.diff(candidate.time)) > _CENTURY_JUMP)
    return int(jumps[0]) if jumps.size else None


def _refuse_century_jump(candidate: _Candidate, cells: Cells, name: str, place: Place) -> NoReturn:
    row = _century_jump(candidate) or 0
    one, other = (show_time(time) for time in candidate.time[row : row + 2])
    raise DataError(
        f"{place.cell(name, row + 1, cells.iloc[row + 1])} would be {other}, after {one}: two-digit years are read as "
        "1969 to 2068. Expected rows in the order of time. Write these years with four digits."
    )


def _check_offsets(cells: Cells, offsets: Cells, name: str, rules: TimeRules, place: Place) -> None:
    has = (offsets != "").to_numpy(bool)
    if has.any() and not has.all():
        row = int(np.flatnonzero(has != has[0])[0])
        raise DataError(
            f"{place.cell(name, row, cells.iloc[row])}: expected an offset from UTC in all rows or in none, found "
            f"{int(has.sum()):,} of {len(has):,} with one."
        )
    if not rules.settled or rules.zone not in (None, OWN_OFFSETS):
        return
    if has.all() != (rules.zone == OWN_OFFSETS):
        expected = "without an offset from UTC" if rules.zone is None else "with their offset from UTC"
        raise DataError(f"{place.cell(name, 0, cells.iloc[0])}: expected times {expected}, as in the training data.")


def _with_offsets(wall: Times, offsets: np.ndarray, zone: str | None, place: Place) -> tuple[Times, str]:
    """Return instants and their zone: a known one, or the last offset.

    If offsets change and only the wall-clock times are regular, as of days and months, those are kept, all with the
    last offset.
    """
    time = wall - offsets.astype("timedelta64[ns]")
    if zone not in (None, OWN_OFFSETS):
        return time, zone
    last = int(offsets[time.argmax()])
    if (offsets != last).any():
        ordered, clocks = np.unique(time), np.unique(wall)
        if clocks.size == ordered.size and regularity(clocks) >= regularity(ordered) and _in_days(clocks):
            time = wall - np.timedelta64(last, "ns")
        log.warning(
            "%s: the offsets from UTC change; forecasts have the last one, %s (data.time_zone=, as in "
            "data.time_zone=Europe/Berlin, gives each time its own)",
            place.name,
            offset_name(last),
        )
    return time, offset_name(last)


def _in_days(clocks: Times) -> bool:
    step = find_step(clocks) if clocks.size > 1 else None
    return step is not None and (step.unit != "time" or step.count % DAY == 0)


def _in_zone(wall: Times, cells: Cells, name: str, zone: str, place: Place) -> Times:
    """Return the instants of wall-clock times in a zone; of an hour that occurs twice by the order of the rows.

    Raises:
        DataError: the clock skips a time.
    """
    first, second = both_instants(wall, zone)
    never = np.flatnonzero(np.isnat(first))
    if never.size:
        row = int(never[0])
        raise DataError(
            f"{place.cell(name, row, cells.iloc[row])} does not exist in {zone}, where the clocks go forward then "
            f"({never.size:,} such cells). Expected times of that zone; for standard time all year set its offset, as "
            "in data.time_zone=+01:00."
        )
    later = wall.size > 1 and wall[-1] < wall[0]
    again = _seen_before(wall[::-1])[::-1] if later else _seen_before(wall)
    once = np.flatnonzero((first != second) & ~_seen_before(wall) & ~_seen_before(wall[::-1])[::-1])
    if once.size:
        row = int(once[0])
        log.warning(
            "%s occurs twice in %s and once in the file; it is read as the first one, as are %s more",
            *(place.cell(name, row, cells.iloc[row]), zone, f"{once.size - 1:,}"),
        )
    return np.where(again, second, first)


def _seen_before(wall: Times) -> np.ndarray:
    """Return a mask of the times that also occur in an earlier row."""
    _, firsts = np.unique(wall, return_index=True)
    seen = np.ones(wall.size, bool)
    seen[firsts] = False
    return seen
