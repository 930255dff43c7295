"""Columns of text cells, as files have them, read as numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.cells import Cells, Place, is_missing
from gru_bench.errors import DataError

Decimal = Literal[".", ","]

_BLANKS = "[ \u00a0\u202f\u2009']"
_GROUPED_POINT = r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?"  # 1,234.5
_GROUPED_COMMA = r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d*)?"  # 1.234,5
_SURELY_GROUPED = r"[+-]?\d{1,3}(?:,\d{3})+\.\d+|[+-]?\d{1,3}(?:,\d{3}){2,}"


def find_decimal(columns: Sequence[Cells]) -> Decimal:
    """Return the decimal sign of columns whose missing cells are left out.

    It is the comma where one of the columns can be read with it alone, unless some cell shows, as `1,234.5` does, that
    commas group thousands.
    """
    for cells in columns:
        if cells.str.fullmatch(_SURELY_GROUPED).any():
            return "."
    for cells in columns:
        if cells.str.contains(",", regex=False).any() and not np.isnan(as_numbers(cells, ",")).any():
            return ","
    return "."


def as_numbers(cells: Cells, decimal: Decimal) -> NDArray[np.float64]:
    """Return the numbers that cells hold, NaN where they hold none."""
    import pandas as pd

    text = cells.str.replace("\u2212", "-", regex=False).str.replace(_BLANKS, "", regex=True)
    other, grouped = (",", _GROUPED_POINT) if decimal == "." else (".", _GROUPED_COMMA)
    odd = text.str.fullmatch(grouped)
    text = text.where(~odd, text.str.replace(other, "", regex=False))
    if decimal == ",":
        text = text.str.replace(",", ".", regex=False)
    found = np.asarray(pd.to_numeric(text, errors="coerce"), np.float64)
    return np.where(np.isinf(found), np.nan, found)


def numbers(cells: Cells, name: str, decimal: Decimal, markers: Sequence[str], place: Place) -> NDArray[np.float64]:
    """Return a column's numbers, NaN where a cell is missing.

    Args:
        cells: text, of length rows.
        name: of the column.
        decimal: its decimal sign.
        markers: further signs of missing cells; one that is a number stands for each way to write it.
        place: for messages.

    Raises:
        DataError: a cell is text; its column and line are named.
    """
    missing = is_missing(cells, markers)
    found = np.full(len(cells), np.nan)
    found[~missing] = as_numbers(cells[~missing], decimal)
    wrong = np.flatnonzero(np.isnan(found) & ~missing)
    if wrong.size:
        row = int(wrong[0])
        more = f" ({wrong.size:,} such cells)" if wrong.size > 1 else ""
        raise DataError(
            f"{place.cell(name, row, cells.iloc[row])} is no number{more}. Expected numbers with the decimal sign "
            f"{decimal!r}, or a missing cell. Mend it; name a sign of missing cells, as in "
            f"data.missing=[{_quoted(cells.iloc[row])}]; or choose other columns (data.targets=, data.covariates=)."
        )
    for marker in markers:
        with_number = _number(marker)
        if with_number is not None:
            found[found == with_number] = np.nan
    return found


def number_share(cells: Cells, decimal: Decimal) -> float:
    """Return the share of cells, none of them missing, that are numbers; 0 where there are none."""
    return float((~np.isnan(as_numbers(cells, decimal))).mean()) if len(cells) else 0.0


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.+-]+", text) else f'"{text}"'
