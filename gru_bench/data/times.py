"""Columns of text cells, as files have them, read as times."""

from __future__ import annotations

import itertools
import logging
from typing import NamedTuple

import numpy as np

from gru_bench.data.cells import Cells, Place
from gru_bench.data.numbers import number_share
from gru_bench.data.sampling import Times, show_time
from gru_bench.errors import DataError

log = logging.getLogger(__name__)

_CLOCKS = tuple(
    ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %H.%M", " %H.%M.%S", " %H", "T%H:%M"]
)
_DAY_FIRST = ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y", "%d-%m-%y")
_MONTH_FIRST = tuple(form.replace("%d", "*").replace("%m", "%d").replace("*", "%m") for form in _DAY_FIRST)
_OTHER_DATES = (
    *("%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%b %d, %Y", "%B %d, %Y"),
    *("%b %d %Y", "%B %d %Y", "%a %b %d %Y", "%a, %d %b %Y"),
)
_MONTHS = ("%m/%Y", "%m.%Y", "%m-%Y", "%Y/%m", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y-%b", "%Y %b", "%b/%Y")
_COMPACT = {4: "%Y", 6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_EPOCHS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (1e20, "ns"))
_QUARTER = r"(\d{4})[- ]?[Qq]([1-4])"
_CLOCK = r"(?:\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?|\d{1,2}\.\d{2}\.\d{2})(?: ?[AaPp][Mm])?"
EARLIEST, LATEST = np.datetime64("1700-01-01"), np.datetime64("2200-01-01")

EXAMPLES = "2024-03-31 14:00, 31.03.2024, 3/31/2024 2:00 PM, 20240331, 31 Mar 2024, 2024-03, 2024Q1, 1711893600"


class Dates(NamedTuple):
    """A way to read a column of times: which cells it can read, and whether the day comes before the month.

    `day_first` is None where the form leaves no doubt.
    """

    time: Times
    day_first: bool | None = None

    @property
    def read(self) -> float:
        """Share of the cells that could be read."""
        return float((~np.isnat(self.time)).mean())


def is_clock(cells: Cells) -> bool:
    """Say whether all cells are times of day without a date."""
    return bool(len(cells)) and bool(cells.str.fullmatch(_CLOCK).all())


def looks_like_times(cells: Cells, *, numeric: bool) -> bool:
    """Say whether the first cells can be read as times.

    Args:
        cells: text, none missing.
        numeric: whether plain numbers may be times: years, dates without separators, seconds since 1970.
    """
    head = cells.iloc[:50]
    if not len(head) or (not numeric and number_share(head, ".") > 0):
        return False
    return max((dates.read for dates in _readings(head)), default=0.0) >= 0.9


def times(cells: Cells, name: str, day_first: bool | None, place: Place) -> Dates:
    """Read a column as times; those with an offset become UTC.

    Where both the day and the month may come first, `day_first` decides; else the order that gives the more regular
    times, and where both do, the day comes first between points and the month between other signs.

    Args:
        cells: text, of length rows.
        name: of the column.
        day_first: what an earlier file showed, or the user says.
        place: for messages.

    Raises:
        DataError: a cell is no time, or none of the known forms fits; column and line are named.
    """
    found = [dates for dates in _readings(cells) if dates.read > 0.5]
    if not found:
        raise DataError(
            f"{place.cell(name, 0, cells.iloc[0])} is no time. Expected times such as {EXAMPLES}; or name another "
            "column (data.time_column=)."
        )
    best = max(dates.read for dates in found)
    candidates = [dates for dates in found if dates.read == best]
    if day_first is not None:
        candidates = [dates for dates in candidates if dates.day_first in (None, day_first)] or candidates
    regular = [_regularity(dates.time) for dates in candidates]
    candidates = [dates for dates, value in zip(candidates, regular, strict=True) if value == max(regular)]
    if len({dates.day_first for dates in candidates}) > 1:
        points = "." in cells.iloc[0].partition(" ")[0]
        candidates = [dates for dates in candidates if dates.day_first in (None, points)]
        log.warning(
            "%s: in column %r the day or the month may come first; reading %r as %s (data.day_first= says otherwise)",
            place.name,
            name,
            cells.iloc[0],
            show_time(candidates[0].time[0]),
        )
    chosen = candidates[0]
    wrong = np.flatnonzero(np.isnat(chosen.time))
    if wrong.size:
        row = int(wrong[0])
        good = int(np.flatnonzero(~np.isnat(chosen.time))[0])
        raise DataError(
            f"{place.cell(name, row, cells.iloc[row])} is no time like the others, such as {cells.iloc[good]!r} "
            f"({wrong.size:,} such cells). Mend or delete the row."
        )
    return chosen


def _regularity(found: Times) -> float:
    """Return the share of the most frequent difference between rows that follow each other."""
    if found.size < 3:
        return 0.0
    differences = np.abs(np.diff(found[~np.isnat(found)]).astype(np.int64))
    return float(np.unique(differences, return_counts=True)[1].max() / differences.size)


def _readings(cells: Cells) -> list[Dates]:
    """Return what each fitting form makes of the cells; NaT where it does not fit."""
    if cells.str.fullmatch(r"\d{4,19}(?:\.\d*)?").mean() > 0.9:
        return _digits(cells)
    found = [*_parsed(cells, "ISO8601", None), *_quarters(cells)]
    if any(dates.read == 1.0 for dates in found):
        return found
    samples = [cells.iloc[round(place)] for place in np.linspace(0, len(cells) - 1, 5)]
    for dates, day_first in ((_DAY_FIRST, True), (_MONTH_FIRST, False), (_OTHER_DATES, None), (_MONTHS, None)):
        for form in (date + clock for date, clock in itertools.product(dates, _CLOCKS)):
            if any(_fits(sample, form) for sample in samples):
                found += _parsed(cells, form, day_first)
    return found


def _fits(text: str, form: str) -> bool:
    from datetime import datetime

    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _parsed(cells: Cells, form: str, day_first: bool | None) -> list[Dates]:
    import pandas as pd

    moments = pd.to_datetime(cells, format=form, errors="coerce", utc=True)
    return _within(moments.dt.tz_localize(None).to_numpy(), day_first)


def _within(found: np.ndarray, day_first: bool | None = None) -> list[Dates]:
    """Return a reading in nanoseconds, what lies centuries away left out; nothing where nothing could be read."""
    possible = (found >= EARLIEST) & (found < LATEST)
    kept = np.where(possible, found, np.array("NaT", found.dtype)).astype("datetime64[ns]")
    return [Dates(kept, day_first)] if possible.any() else []


def _quarters(cells: Cells) -> list[Dates]:
    parts = cells.str.extract(rf"^{_QUARTER}$")
    if parts[0].isna().any():
        return []
    months = (parts[0].astype(int) - 1970) * 12 + (parts[1].astype(int) - 1) * 3
    return _within(months.to_numpy(np.int64).astype("datetime64[M]").astype("datetime64[ns]"))


def _digits(cells: Cells) -> list[Dates]:
    """Read digits alone: dates without separators before seconds since 1970."""
    import pandas as pd

    lengths = set(cells.str.len())
    if len(lengths) == 1 and (form := _COMPACT.get(lengths.pop())):
        compact = _parsed(cells, form, None)
        if compact and compact[0].read == 1.0:
            return compact
    seconds = np.asarray(pd.to_numeric(cells, errors="coerce"), np.float64)
    largest = max(seconds[~np.isnan(seconds)].tolist())
    if largest < 1e8:
        return []
    unit = next(unit for limit, unit in _EPOCHS if largest < limit)
    return _within(pd.to_datetime(pd.Series(seconds), unit=unit).to_numpy())
