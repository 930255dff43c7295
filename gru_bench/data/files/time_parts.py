"""Times in several columns: date and clock, date and hour, or year, month, day and so on."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from gru_bench.data.files.cells import Cells, Place, Table, is_missing
from gru_bench.data.files.time_zones import SECOND
from gru_bench.errors import DataError

_PARTS = {
    "year": "year yr yyyy jahr annee année anno ano año",
    "quarter": "quarter qtr quartal",
    "month": "month mon mo mm mnth monat mois mes mese",
    "week": "week wk woche semaine semana",
    "day": "day dd dy tag jour dia día giorno",
    "day of year": "doy dayofyear yday",
    "hour": "hour hours hr hrs hh h stunde stunden heure hora ora",
    "minute": "minute minutes min mi",
    "second": "second seconds sec ss sekunde",
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words.split()}
_CLOCK_PARTS = ("hour", "minute", "second")
_ADDED = {  # nanoseconds, and the maximum number
    "hour": (3600 * SECOND, 24),
    "minute": (60 * SECOND, 59),
    "second": (SECOND, 60),
    "day of year": (86_400 * SECOND, 366),
}
_WHOLE = r"\d{1,4}(?:\.0+)?"


def part_of(name: str) -> str | None:
    """Return the part of a time that the name of a column indicates, such as `month`, or None."""
    words = re.sub(r"[\W\d_]+", " ", name.casefold()).strip()
    return "day of year" if words == "day of year" else _PART_OF.get(words)


def is_whole(cells: Cells) -> bool:
    """Return whether all cells are whole numbers of at most four digits."""
    return bool(len(cells)) and bool(cells.str.fullmatch(_WHOLE).all())


def are_clock_numbers(cells: Cells) -> bool:
    """Return whether a column has whole hours of the day, or clocks such as 930 and 1300."""
    if not is_whole(cells):
        return False
    numbers = cells.astype(float)
    return bool(numbers.max() <= 24 or (numbers.max() < 2400 and (numbers % 100 < 60).all()))


def guess_parts(frame: Table) -> tuple[str, ...]:
    """Return the columns that form a time by their names, the year first; none without a year and a month."""
    columns: dict[str, str] = {}
    for name in frame.columns:
        part = part_of(name)
        if part and part not in columns and is_whole(frame[name]):
            columns[part] = name
    second = next((part for part in ("month", "quarter", "week", "day of year") if part in columns), None)
    if "year" not in columns or second is None:
        return ()
    chosen = ["year", second]
    if second == "month":
        chosen += ["day"] * ("day" in columns)
    if chosen[-1] in ("day", "day of year"):
        for part in ("hour", "minute", "second"):
            if part not in columns:
                break
            chosen.append(part)
    return tuple(columns[part] for part in chosen)


def join(frame: Table, names: Sequence[str], form: str | None, place: Place) -> tuple[Cells, np.ndarray | None]:
    """Join the columns of a time.

    Args:
        frame: the table.
        names: of the columns.
        form: the format of the columns joined by a blank, or None.
        place: for messages.

    Returns:
        Text cells, and nanoseconds to add to their times, or None.

    Raises:
        DataError: a cell is missing.
    """
    for name in names:
        empty = np.flatnonzero(is_missing(frame[name], ()))
        if empty.size:
            row = int(empty[0])
            raise DataError(
                f"{place.cell(name, row, frame[name].iloc[row])}: expected a time in every row, {empty.size:,} have "
                "none. Add the times or delete these rows."
            )
    in_form = "" if form is None or "%" not in form else form
    parts = {part: frame[name] for name in names if (part := part_of(name)) and is_whole(frame[name])}
    if len(parts) == len(names) > 1 and "year" in parts and not in_form:
        return _calendar_text(parts), _clock_size(parts, place)
    first, *others = names
    has_clock = re.search("%[HI]", in_form) is not None
    if not has_clock and (parts := _hours(frame, others)):
        return frame[first], _clock_size(parts, place)
    cells = frame[first]
    for name in others:
        cells = cells + " " + (frame[name] if has_clock and "%H:" not in in_form else _clock_text(frame[name]))
    return cells, None


def _hours(frame: Table, names: Sequence[str]) -> dict[str, Cells]:
    """Return the columns of hours, minutes and seconds beside a date; none if they are something else."""
    parts: dict[str, Cells] = {}
    for name in names:
        cells = frame[name]
        if not is_whole(cells) or int(cells.astype(float).max()) > (59 if parts else 24):
            return {}
        part = part_of(name)
        parts[part if part in _CLOCK_PARTS else _CLOCK_PARTS[len(parts)]] = cells
    return parts


def _clock_text(cells: Cells) -> Cells:
    """Convert clocks such as 930 and 1300 to 09:30 and 13:00."""
    if not cells.str.fullmatch(r"\d{1,4}").all():
        return cells
    padded = cells.str.zfill(4)
    return padded.str[:2] + ":" + padded.str[2:]


def _clock_size(parts: dict[str, Cells], place: Place) -> np.ndarray | None:
    sizes = []
    for part, (size, most) in _ADDED.items():
        if part not in parts:
            continue
        count = parts[part].astype(float).to_numpy(np.int64)
        if (count > most).any():
            row = int(np.flatnonzero(count > most)[0])
            cell = place.cell(str(parts[part].name), row, parts[part].iloc[row])
            raise DataError(f"{cell} is no {part}, expected at most {most}.")
        sizes.append((count - (part == "day of year")) * size)
    return np.sum(sizes, axis=0) if sizes else None


def _calendar_text(parts: dict[str, Cells]) -> Cells:
    """Join years, months and days, or weeks or quarters, to one text."""
    plain = {part: cells.str.replace(r"\.0+$", "", regex=True) for part, cells in parts.items()}
    year = plain["year"]
    if "quarter" in plain:
        return year + "Q" + plain["quarter"]
    if "week" in plain and "month" not in plain:
        return year + "-W" + plain["week"].str.zfill(2)
    month = plain["month"].str.zfill(2) if "month" in plain else "01"
    return year + "-" + month + "-" + (plain["day"].str.zfill(2) if "day" in plain else "01")
