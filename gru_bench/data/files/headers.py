"""Detect the start of a table: titles and comments above it, its header, a row of units below that."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePath

from gru_bench.data.files.cells import MISSING
from gru_bench.data.files.table_rows import SAMPLE_ROWS, Rows
from gru_bench.errors import DataError

MOST_TITLES = 50
NAME = re.compile(r"(?=.{1,40}$)[^\W\d][^\n,;!?\"]*")
NAME_WORDS = 4
IsHeader = Callable[[Sequence[Sequence[str]]], bool]
"""Returns whether the first of some rows names the columns."""
_UNIT = re.compile(r"\[.*\]|\(.*\)")
_NUMBER = re.compile(r"[+\-−(]?[.,]?\d")


def has_header(cells: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns.

    It does if none of its cells is a number (a cell may be empty, as above an index column) or a file, with the ending
    of one below it, and the rows below differ from it: either it has a word in some column whose next cells all look
    like numbers; or all its cells are different and short like names, none is a missing-value marker, and none occurs
    again below it in its column (in a table of one column: a single word).
    """
    head, body = cells[0], cells[1:]
    filled = [cell for cell in head if cell]
    if not body or not filled or len(head) - len(filled) > max(1, len(head) // 4) or any(map(_is_number, filled)):
        return False
    first = list(zip(*body[:SAMPLE_ROWS], strict=True))
    if any(map(_is_file_among, head, first)):
        return False
    if any(
        not _is_missing(cell) and not starts_as_number(cell) and holds_numbers(column)
        for cell, column in zip(head, first, strict=True)
    ):
        return True
    if any(map(_is_missing, filled)) or len(set(filled)) < len(filled) or not all(map(_like_a_name, filled)):
        return False
    if len(head) == 1 and len(head[0].split()) > 1:
        return False
    return not any(cell and cell == name for row in body for cell, name in zip(row, head, strict=True))


def title_rows(rows: Rows, is_header: IsHeader = has_header) -> int:
    """Return the number of titles and comments above the header.

    Titles fill fewer cells than the header; comments begin with `#`. They count only if a header follows.
    """
    width = rows.usual_width()
    start = 0
    while start < min(MOST_TITLES, len(rows) - 1) and like_a_title(rows.cells[start], width):
        start += 1
    for first in range(start, 0, -1):
        rest = [row for row in rows.cells[first : first + SAMPLE_ROWS] if row != [""]]
        if all(len(row) == width for row in rest) and is_header(rest):
            return first
    return 0


def like_a_title(row: Sequence[str], width: int) -> bool:
    """Return whether a row may be a title or comment above a table of this width."""
    return sum(map(bool, row)) < width or row[0].startswith("#")


def has_units(cells: Sequence[Sequence[str]]) -> bool:
    """Return whether the row below the header has units such as `[kW]` or `(°C)`, each above a column of numbers."""
    row, body = cells[1], cells[2 : 2 + SAMPLE_ROWS]
    units = [number for number, cell in enumerate(row) if _UNIT.fullmatch(cell)]
    others = [cell for number, cell in enumerate(row) if number not in units and not _is_missing(cell)]
    if not units or not body or any(map(starts_as_number, others)):
        return False
    return all(holds_numbers([line[number] for line in body]) for number in units) and (
        not others or all(holds_numbers([line[number] for line in body]) for number in range(len(row)))
    )


def column_names(head: Sequence[str], place: str) -> list[str]:
    """Return the names in a header; columns without a name are numbered from 1.

    Raises:
        DataError: two columns have the same name.
    """
    names = [cell or str(number) for number, cell in enumerate(head, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        numbers = ", ".join(str(number) for number, name in enumerate(names, 1) if name == twice[0])
        raise DataError(
            f"{place}: the columns {numbers} have the same name {twice[0]!r}, expected different names. Rename one in "
            "the header."
        )
    return names


def same_name(column: str, name: str) -> bool:
    """Return whether names are equal but for case and undecodable characters."""
    pattern = "".join("." if character == "\ufffd" else re.escape(character) for character in column.lower())
    return column.casefold() == name.casefold() or re.fullmatch(pattern, name.lower()) is not None


def names_all(row: Sequence[str], names: Sequence[str]) -> bool:
    """Return whether a row contains all these names."""
    return all(any(same_name(cell, name) for cell in row) for name in names)


def _is_missing(cell: str) -> bool:
    return cell.casefold() in MISSING


def _is_file_among(cell: str, column: Sequence[str]) -> bool:
    """Return whether a cell ends as the name of a file does, and one of a column ends likewise."""
    ending = PurePath(cell).suffix.lower()
    return ending[1:].isalnum() and any(other.lower().endswith(ending) for other in column)


def holds_numbers(column: Sequence[str]) -> bool:
    """Return whether cells may all be numbers or times, but for missing ones."""
    known = [cell for cell in column if not _is_missing(cell)]
    return bool(known) and all(map(starts_as_number, known))


def starts_as_number(cell: str) -> bool:
    """Return whether a cell may be a number or a time."""
    return _NUMBER.match(cell) is not None


def _is_number(cell: str) -> bool:
    try:
        number = float(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell.replace(",", ""))
    except ValueError:
        return False
    return number == number  # NaN may be the name of a column


def _like_a_name(cell: str) -> bool:
    return NAME.fullmatch(cell) is not None and len(cell.split()) <= NAME_WORDS
