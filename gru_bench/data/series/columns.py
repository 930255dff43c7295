"""Select the columns of a table: times, targets and covariates."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from gru_bench.data.files.cells import Cells, Place, Table, is_missing
from gru_bench.data.files.decimal_marks import BOTH, HEAD
from gru_bench.data.files.headers import same_name
from gru_bench.data.files.numbers import as_numbers
from gru_bench.data.files.time_columns import TIME_WORDS, guess_times, words
from gru_bench.data.series.series import SeriesForm
from gru_bench.data.series.table import SeriesLayout
from gru_bench.errors import ConfigError, DataError, nearest

log = logging.getLogger(__name__)

Kind = Literal["numbers", "text", "count", "consecutive"]

_ROW_WORDS = frozenset("index idx id no nr obs row rowid rownames sample step frame".split())
_ROW_LETTERS = frozenset("t n i x".split())
_ELAPSED_WORDS = frozenset(
    "time timestamp ts epoch unix zeit zeitstempel elapsed uptime sec secs second seconds ms msec milliseconds".split()
)


def named(frame: Table, names: Sequence[str | int], key: str) -> tuple[str, ...]:
    """Return the columns that the user names; a name that is no column may be a column number, from 1.

    Raises:
        ConfigError: there is no such column.
    """
    by_number = {str(number): name for number, name in enumerate(frame.columns, 1)}
    columns = []
    for name in map(str, names):
        column = name if name in frame.columns else by_number.get(name)
        if column is None:
            raise ConfigError(
                key, name, f"columns of the file: {', '.join(frame.columns)}", nearest(name, frame.columns)
            )
        columns.append(column)
    return tuple(columns)


def refuse_twice(time_columns: Sequence[str], targets: Sequence[str], covariates: Sequence[str]) -> None:
    """Check that no column has two roles.

    Raises:
        ConfigError: a column has two.
    """
    places: dict[str, str] = {}
    for key, names in (("time_column", time_columns), ("targets", targets), ("covariates", covariates)):
        for name in names:
            if name in places:
                raise ConfigError(f"data.{key}", name, f"a column that data.{places[name]} does not name")
            places[name] = key


def refuse_blanks(frame: Table, place: Place) -> None:
    """Refuse a table of one column that looks like several columns separated by blanks.

    Raises:
        DataError: it is one.
    """
    cells = frame.iloc[:, 0]
    if len(frame.columns) == 1 and cells.str.contains(r"\S\s+\S").all() and np.isnan(as_numbers(cells, ".")).all():
        raise DataError(
            f"{place.name}: the table has one column, and its cells, such as {cells.iloc[0]!r}, contain blanks. If "
            "these separate columns: data.delimiter=space."
        )


def guess_targets(frame: Table, used: Sequence[str], layout: SeriesLayout, place: Place) -> tuple[str, ...]:
    """Return all numeric columns; a mostly numeric column is included, so that an error names its invalid cell.

    Row counters and elapsed time are left out.

    Raises:
        DataError: there is none.
    """
    kinds = {name: kind_of(frame, name, layout.missing) for name in frame.columns if name not in used}
    by_kind = {kind: [name for name, other in kinds.items() if other == kind] for kind in get_args(Kind)}
    if not by_kind["numbers"] and by_kind["consecutive"]:
        by_kind |= {"numbers": by_kind["consecutive"], "consecutive": []}
    counts = by_kind["count"] + by_kind["consecutive"]
    if by_kind["text"]:
        log.info("%s: not forecast, since they are not numeric: %s", place.name, ", ".join(by_kind["text"]))
    if counts:
        log.warning(
            "%s: not forecast, since they are row counters or elapsed time: %s (data.targets= names the targets)",
            place.name,
            ", ".join(counts),
        )
    for name in counts:
        if (np.diff(as_numbers(frame[name], ".")) < 0).any():
            log.warning(
                "%s: column %r does not rise from row to row, and rows are read in the order of the file. If the "
                "newest row comes first, or the file holds several series, sort or split the file",
                place.name,
                name,
            )
    if not by_kind["numbers"]:
        raise DataError(
            f"{place.name}: none of the columns {', '.join(frame.columns)} holds numbers to forecast, expected at "
            "least one. Name the decimal mark (data.decimal=), or the columns (data.targets=)."
        )
    return tuple(by_kind["numbers"])


def rename(frame: Table, form: SeriesForm, layout: SeriesLayout, place: Place) -> Table:
    """Rename columns as in the training data; names match up to case, and the time column may have another name.

    A run whose record lacks the columns of its file reads a file without header by position.

    Raises:
        DataError: a column is missing.
    """
    wanted = (*layout.time_columns, *form.targets, *form.covariates)
    by_order = not layout.columns and not frame.attrs["header"] and not set(wanted) <= set(frame.columns)
    if by_order and len(frame.columns) == len(wanted):
        return frame.set_axis(list(wanted), axis=1)
    names = {}
    for name in wanted:
        matches = [column for column in frame.columns if same_name(column, name)]
        if not matches and layout.time_columns == (name,):
            matches = list(guess_times(frame, layout.missing, layout.time_format, place)[:1])
        if not matches:
            hint = nearest(name, frame.columns)
            raise DataError(
                f"{place.name}: there is no column {name!r}. Expected {', '.join(wanted)}, as in the training data; "
                f"found {', '.join(frame.columns)}. {hint}".rstrip()
            )
        names[name if name in matches else matches[0]] = name
    return frame.rename(columns=names)


def kind_of(frame: Table, name: str, missing: Sequence[str]) -> Kind:
    """Return the kind of a column.

    Args:
        frame: the table.
        name: of the column.
        missing: further missing-value markers.

    Returns:
        `count`: a row counter or elapsed time by its name; `consecutive`: the integers from 0 or 1 on in the first
        column.
    """
    known = frame[name][~is_missing(frame[name], missing)]
    readable = {mark: np.isfinite(as_numbers(known.iloc[:HEAD], mark)).sum() for mark in BOTH}
    values = as_numbers(known, "," if readable[","] > readable["."] else ".")
    if not values.size or np.isnan(values).mean() > 0.2:
        return "text"
    bare = name.casefold().partition("[")[0].partition("(")[0].strip()
    nameless = name.isdigit() or name.startswith("Unnamed") or bare in _ROW_LETTERS
    its_words = words(name)
    numbered = nameless or bool(its_words & (TIME_WORDS | _ROW_WORDS))
    elapsed = bool(its_words & _ELAPSED_WORDS)
    first = name == frame.columns[0]
    if len(values) < max(3, len(frame)) or not (numbered or elapsed or first):
        return "numbers"
    differences = np.diff(values)
    monotonic = (differences > 0).all() or (differences < 0).all()
    share = _even_share(differences, known)
    even = monotonic and share == 1
    if (elapsed and (monotonic or share > 0.9)) or (even and numbered):
        return "count"
    return "consecutive" if even and first and values[0] in (0, 1) and (differences == 1).all() else "numbers"


def _even_share(differences: np.ndarray, cells: Cells) -> float:
    """Return the share of differences equal to the median one, up to rounding of the last digit."""
    usual = abs(float(np.median(differences)))
    digits = cells.str.extract(r"[.,](\d+)$")[0].str.len().max()
    rounding = min(0.1 * usual, 1.01 * 10.0 ** -(digits if digits == digits else 9))
    return float((np.abs(np.abs(differences) - usual) <= rounding + 1e-3 * usual).mean()) if usual else 0.0
