"""Which columns of a table are times, targets and covariates."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

import numpy as np

from gru_bench.data.cells import Cells, Place, is_missing
from gru_bench.data.numbers import find_decimal, number_share
from gru_bench.data.series import SeriesForm
from gru_bench.data.series_table import Reading, Table
from gru_bench.data.times import is_clock, looks_like_times
from gru_bench.errors import ConfigError, DataError, nearest

log = logging.getLogger(__name__)

_TIME_WORDS = frozenset(
    "date time datetime timestamp ds ts epoch unix day month year quarter week period datum zeit zeitstempel zeitpunkt "
    "fecha hora data ora heure jour utc observation".split()
)
_NUMBER_WORDS = frozenset("index id no nr row step t n".split())


def named(frame: Table, names: Sequence[str | int], key: str) -> tuple[str, ...]:
    """Return columns that the user names.

    Raises:
        ConfigError: there is no such column.
    """
    found = []
    for name in map(str, names):
        if name not in frame.columns:
            raise ConfigError(
                key, name, f"columns of the file: {', '.join(frame.columns)}", nearest(name, frame.columns)
            )
        found.append(name)
    return tuple(found)


def refuse_twice(time_columns: Sequence[str], targets: Sequence[str], covariates: Sequence[str]) -> None:
    """Refuse a column that has two roles.

    Raises:
        ConfigError: there is one.
    """
    places: dict[str, str] = {}
    for key, names in (("time_column", time_columns), ("targets", targets), ("covariates", covariates)):
        for name in names:
            if name in places:
                raise ConfigError(f"data.{key}", name, f"a column that data.{places[name]} does not name")
            places[name] = key


def guess_times(frame: Table, reading: Reading) -> tuple[str, ...]:
    """Return the column of times, and that of clocks where the first one holds dates alone; nothing where none is."""
    candidates = []
    for name in frame.columns:
        known = frame[name][~is_missing(frame[name], reading.missing)]
        named = bool(_words(name) & _TIME_WORDS)
        if len(known) > 0.9 * len(frame) and looks_like_times(known, numeric=named):
            candidates.append((not named, name))
    if not candidates:
        return ()
    date = min(candidates, key=lambda pair: pair[0])[1]
    if not frame[date].str.contains(":", regex=False).any():
        clocks = [name for name in frame.columns if name != date and is_clock(frame[name])]
        if clocks:
            return date, clocks[0]
    return (date,)


def guess_targets(frame: Table, used: Sequence[str], reading: Reading, place: Place) -> tuple[str, ...]:
    """Return all columns of numbers; a column that is mostly numbers is kept, so that its odd cell is named."""
    chosen, left = [], []
    known = {name: frame[name][~is_missing(frame[name], reading.missing)] for name in frame.columns if name not in used}
    decimal = reading.decimal or find_decimal([cells for cells in known.values() if len(cells)])
    for name, cells in known.items():
        numeric = number_share(cells, decimal) >= 0.8
        counts = numeric and len(cells) == len(frame) and _counts_rows(name, cells)
        (chosen if numeric and not counts else left).append(name)
    if left:
        log.info("%s: not forecast, since they hold no numbers or count rows: %s", place.name, ", ".join(left))
    if not chosen:
        raise DataError(
            f"{place.name}: none of the columns {', '.join(frame.columns)} holds numbers to forecast, expected at "
            "least one. Name the decimal sign (data.decimal=), or the columns (data.targets=)."
        )
    return tuple(chosen)


def rename(frame: Table, form: SeriesForm, reading: Reading, place: Place) -> Table:
    """Call columns as the run does.

    Where the file has no header their order counts, else their names, case aside; times may have another name.

    Raises:
        DataError: a column is missing.
    """
    wanted = (*reading.time_columns, *form.targets, *form.covariates)
    if not frame.attrs["header"] and len(frame.columns) == len(wanted):
        return frame.set_axis(list(wanted), axis=1)
    names = {}
    for name in wanted:
        found = [column for column in frame.columns if _same_name(column, name)]
        if not found and reading.time_columns == (name,):
            found = list(guess_times(frame, reading)[:1])
        if not found:
            hint = nearest(name, frame.columns)
            raise DataError(
                f"{place.name}: there is no column {name!r}. Expected {', '.join(wanted)}, as in the training data; "
                f"found {', '.join(frame.columns)}. {hint}".rstrip()
            )
        names[name if name in found else found[0]] = name
    return frame.rename(columns=names)


def _words(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.split(r"[\W\d_]+", spaced.casefold()))


def _counts_rows(name: str, cells: Cells) -> bool:
    import pandas as pd

    if not (name.isdigit() or name.startswith("Unnamed") or _words(name) & (_TIME_WORDS | _NUMBER_WORDS)):
        return False
    differences = np.diff(np.asarray(pd.to_numeric(cells, errors="coerce"), np.float64))
    return differences.size > 1 and bool((differences == 1).all())


def _same_name(column: str, name: str) -> bool:
    """Say whether names agree but for case, blanks and characters that could not be decoded."""
    pattern = re.escape(column.casefold()).replace(re.escape("\ufffd"), ".").replace("\ufffd", ".")
    return re.fullmatch(pattern, name.casefold()) is not None
