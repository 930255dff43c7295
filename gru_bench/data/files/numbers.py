"""Convert columns of text cells to numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.cells import Cells, Place, is_missing
from gru_bench.errors import DataError

Decimal = Literal[".", ","]

_BLANKS = " \u00a0\u202f\u2009'\u2019"
_BLANK = re.compile(f"[{_BLANKS}]")
_BLANK_GROUPS = re.compile(  # 1 234,5
    rf"^[+-]?[{_BLANKS}]?\d{{1,3}}(?:[{_BLANKS}]\d{{3}})*(?:[.,]\d*)?$", re.MULTILINE
)
_GROUPED = {
    ".": re.compile(r"^[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?$", re.MULTILINE),  # 1,234.5
    ",": re.compile(r"^[+-]?[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?$", re.MULTILINE),  # 1.234,5
}


def other_mark(decimal: Decimal) -> Decimal:
    """Return the thousands separator that belongs to a decimal mark."""
    return "," if decimal == "." else "."


def lines_of(cells: Cells) -> str:
    """Join cells to lines of one text, without blanks between thousands and with the ASCII minus sign."""
    text = "\n".join(cells)
    if text.count("\n") >= len(cells):
        text = "\n".join(cell.replace("\n", "\0") for cell in cells)
    text = text.replace("\u2212", "-")
    if any(blank in text for blank in _BLANKS):
        text = _BLANK_GROUPS.sub(lambda match: _BLANK.sub("", match.group()), text)
    return text


def as_numbers(cells: Cells, decimal: Decimal) -> NDArray[np.float64]:
    """Convert cells to numbers, NaN for other cells; thousands may be grouped."""
    import pandas as pd

    if decimal == "." and "," not in "\n".join(cells):
        values = np.asarray(pd.to_numeric(cells, errors="coerce"), np.float64)
        if np.isfinite(values).all():
            return values
    if not len(cells):
        return np.zeros(0)
    text, other = lines_of(cells), other_mark(decimal)
    grouped = other in text
    if grouped:
        text = _GROUPED[decimal].sub(lambda match: match.group().replace(other, ""), text)
    lines = text.split("\n")
    if grouped:
        lines = ["" if other in line else line for line in lines]
    if decimal == ",":
        lines = [line.replace(",", ".") for line in lines]
    values = np.asarray(pd.to_numeric(pd.Series(lines, dtype=object), errors="coerce"), np.float64)
    return np.where(np.isinf(values), np.nan, values)


def numbers(
    cells: Cells,
    name: str,
    decimal: Decimal,
    markers: Sequence[str],
    place: Place,
    choice: str = "data.targets=, data.covariates=",
) -> NDArray[np.float64]:
    """Return a column's numbers, NaN where a cell is missing.

    Args:
        cells: text, of length rows.
        name: of the column.
        decimal: its decimal mark.
        markers: further missing-value markers; a number matches in any notation.
        place: for messages.
        choice: the settings that choose such columns, for messages.

    Raises:
        DataError: a cell is text; the message names its column and line.
    """
    missing = is_missing(cells, markers)
    values = np.full(len(cells), np.nan)
    values[~missing] = as_numbers(cells[~missing], decimal)
    wrong = np.flatnonzero(np.isnan(values) & ~missing)
    if wrong.size:
        row = int(wrong[0])
        more = f" ({wrong.size:,} such cells)" if wrong.size > 1 else ""
        raise DataError(
            f"{place.cell(name, row, cells.iloc[row])} is no number{more}. Expected numbers with the decimal mark "
            f"{decimal!r}, or a missing value. {_advice(cells.iloc[row], row, wrong.size, place, choice)}"
        )
    for marker in markers:
        number = _number(marker)
        if number is not None:
            values[values == number] = np.nan
    return values


def number_share(cells: Cells, decimal: Decimal) -> float:
    """Return the share of numbers among cells, none of them missing; 0 without any cells."""
    return float((~np.isnan(as_numbers(cells, decimal))).mean()) if len(cells) else 0.0


def _advice(text: str, row: int, count: int, place: Place, choice: str) -> str:
    """Return the advice for a cell that is not a number."""
    alone = row == 0 and count == 1
    if place.known:
        return (
            "Delete the line if it is a header: the training data was read without one."
            if alone
            else "Write it as in training."
        )
    if text.casefold() in ("true", "false"):
        return "Write 1 for true and 0 for false."
    skip = f"skip the line if it has names or units (data.skip_rows=[{place.lines[row]}]); " if alone else ""
    return (
        f"Correct it; {skip}name a missing-value marker, as in data.missing=[{_quoted(text)}]; or choose other columns "
        f"({choice})."
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.+-]+", text) else f'"{text}"'
