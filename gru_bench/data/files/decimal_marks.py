"""Detect decimal marks and thousands separators, per column, from all its cells.

A cell such as `0.5`, `1,234.5` or `1,234,567` is unambiguous. `1,085` is not: it is 1085 or 1.085. Then the other
columns of the file decide; else whole numbers below 1000 without a mark in the same column, as grouping leaves them,
if the delimiter of the file agrees (a semicolon suggests decimal commas). Columns that stay ambiguous are refused.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from gru_bench.data.files.cells import Cells, Place
from gru_bench.data.files.numbers import Decimal, lines_of, other_mark
from gru_bench.errors import DataError

log = logging.getLogger(__name__)

BOTH: tuple[Decimal, Decimal] = (".", ",")
HEAD = 500  # cells that decide whether a column has numbers
_LIKE_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?")


class Marks(NamedTuple):
    """Marks in the numbers of a column.

    Attributes:
        decimal: the decimal mark; None if it is ambiguous.
        thousands: whether the other mark groups thousands.
        seen: whether the column has a mark at all.
        example: an ambiguous cell.
    """

    decimal: Decimal | None
    thousands: bool = False
    seen: bool = True
    example: str = ""


class Evidence(NamedTuple):
    """Evidence on the marks of a column, from its cells.

    Attributes:
        examples: a cell with each mark that occurs.
        clear: marks that can only be decimal marks.
        open: marks in cells such as `1,085`, which may be either.
        small: whether there are whole numbers without marks, all below 1000 and not all zero.
    """

    examples: Mapping[Decimal, str]
    clear: frozenset[Decimal] = frozenset()
    open: frozenset[Decimal] = frozenset()
    small: bool = False

    def marks(self, decimal: Decimal) -> Marks:
        """Return the marks of the column with this decimal mark."""
        return Marks(decimal, other_mark(decimal) in self.examples, bool(self.examples))

    def doubt(self, mark: Decimal) -> Marks:
        """Return an ambiguous decimal mark, with a cell that contains `mark` as the example."""
        return Marks(None, example=self.examples[mark])


def find_marks(
    columns: Mapping[str, Cells],
    delimiter: str,
    setting: Decimal | None = None,
    *,
    known: Collection[Decimal] = (),
    others: Iterable[Cells] = (),
) -> dict[str, Marks]:
    """Return the marks of each column.

    Args:
        columns: their cells, without the missing ones.
        delimiter: of the table.
        setting: the decimal mark of the settings; it applies wherever it is possible.
        known: decimal marks of the training data.
        others: further columns of the file, which are examined only if these columns are ambiguous.
    """
    evidence = {name: find_evidence(cells) for name, cells in columns.items()}
    clear: set[Decimal] = {*known, *(mark for one in evidence.values() for mark in one.clear)}
    if any(one.open and not one.clear for one in evidence.values()):
        clear |= {mark for cells in others for mark in find_evidence(cells).clear}
    decided = {name: _from_itself(one, _only(clear), delimiter, setting) for name, one in evidence.items()}
    common = _only({*clear, *(marks.decimal for marks in decided.values() if marks and marks.seen and marks.decimal)})
    return {
        name: marks or _from_others(name, evidence[name], common, bool(clear), delimiter)
        for name, marks in decided.items()
    }


def known_marks(cells: Cells, decimal: Decimal, *, thousands: bool, delimiter: str) -> Marks:
    """Return the marks of a column with the decimal mark of the training data; ambiguous if that does not fit.

    Args:
        cells: of the column, without the missing ones.
        decimal: its decimal mark in the training data.
        thousands: whether the other mark groups thousands there.
        delimiter: of the table.
    """
    one, other = find_evidence(cells), other_mark(decimal)
    if other not in one.examples or thousands or decimal in one.clear:
        return one.marks(decimal)
    fits = other not in one.clear and _by_small_numbers(one, other, delimiter).decimal == decimal
    return one.marks(decimal) if fits else one.doubt(other)


def decimal_of(name: str, marks: Marks, place: Place, known: Decimal | None = None) -> Decimal:
    """Return the decimal mark of a column.

    Args:
        name: of the column.
        marks: its marks.
        place: for messages.
        known: its decimal mark in the training data; None for the training data itself and for a column without marks.

    Raises:
        DataError: the mark is ambiguous, or differs from that of the training data.
    """
    if marks.decimal is not None:
        return marks.decimal
    cell = f"{place.name}: column {name!r}: {marks.example!r}"
    if place.known:
        there = "has no such marks" if known is None else f"has the decimal mark {known!r} and no other"
        raise DataError(f"{cell} is ambiguous: the training data {there} in this column.")
    mark = "," if "," in marks.example else "."
    raise DataError(
        f"{cell} may be {marks.example.replace(mark, '')} or {marks.example.replace(mark, '.')}. Name the decimal "
        "mark: data.decimal=. or 'data.decimal=\",\"'."
    )


def describe_marks(decimals: Mapping[str, Decimal], thousands: Collection[str]) -> str:
    """Describe the marks of columns, for the log."""
    by_mark = {mark: [name for name, decimal in decimals.items() if decimal == mark] for mark in BOTH}
    parts = [f"{mark!r} in {', '.join(names)}" for mark, names in by_mark.items() if names]
    grouped = f", thousands are grouped in {', '.join(thousands)}" if thousands else ""
    return f"decimal mark {' and '.join(parts)}{grouped}" if parts else "numbers without marks"


def find_evidence(cells: Cells) -> Evidence:
    """Return the evidence of a column; none if most of its cells are not numbers."""
    joined = lines_of(cells)
    marks: list[Decimal] = [mark for mark in BOTH if mark in joined]
    head = joined.split("\n", HEAD)[:HEAD]
    if not marks or sum(_LIKE_NUMBER.fullmatch(cell) is not None for cell in head) < 0.5 * len(head):
        return Evidence({})
    possible: list[Decimal] = [
        mark for mark in BOTH if mark in marks or re.search(rf"[{other_mark(mark)}]\d+[^\d\n]", joined)
    ]
    clear: frozenset[Decimal] = frozenset(mark for mark in possible if _any(joined, _clear(mark)))
    either: frozenset[Decimal] = frozenset(
        mark for mark in marks if mark not in clear and _any(joined, rf"[+-]?[1-9]\d{{0,2}}[{mark}]\d{{3}}")
    )
    small = bool(either) and _any(joined, r"[+-]?[1-9]\d{0,2}") and not _any(joined, r"[+-]?\d{4,}")
    return Evidence({mark: _cell_around(joined, mark) for mark in marks}, clear, either, small)


def _any(joined: str, pattern: str) -> bool:
    """Return whether one of the lines matches a pattern."""
    return re.search(rf"^(?:{pattern})$", joined, re.MULTILINE) is not None


def _cell_around(joined: str, mark: str) -> str:
    place = joined.index(mark)
    end = joined.find("\n", place)
    return joined[joined.rfind("\n", 0, place) + 1 : end if end >= 0 else None]


def _clear(mark: Decimal) -> str:
    """Return a pattern for cells in which `mark` can only be the decimal mark."""
    decimal, other = (f"[{symbol}]" for symbol in (mark, other_mark(mark)))
    return (
        rf"[+-]?(?:(?![1-9]\d{{0,2}}{decimal}\d{{3}}$)(?:\d+{decimal}\d*|{decimal}\d+)(?:[eE][+-]?\d+)?"
        rf"|[1-9]\d{{0,2}}(?:{other}\d{{3}})+{decimal}\d*|[1-9]\d{{0,2}}(?:{other}\d{{3}}){{2,}})"
    )


def _from_itself(one: Evidence, clear: Decimal | None, delimiter: str, setting: Decimal | None) -> Marks | None:
    """Decide from the column alone; None if only other columns can decide."""
    own = _only(one.clear)
    if setting is not None:
        foreign = own is not None and own != setting and not one.open
        return one.marks(own if foreign and own else setting)
    if own is not None:
        return one.marks(own)
    if not one.open:
        return one.marks(clear or ".")
    mark = _only(one.open)
    return _by_small_numbers(one, mark, delimiter) if clear is None and mark and one.small else None


def _by_small_numbers(one: Evidence, mark: Decimal, delimiter: str) -> Marks:
    """Decide on `1,085` beside `800`: a thousands separator, unless the delimiter suggests decimals."""
    usual = "." if delimiter == ";" else ","
    return one.marks(other_mark(mark)) if one.small and mark == usual else one.doubt(mark)


def _from_others(name: str, one: Evidence, common: Decimal | None, others: bool, delimiter: str) -> Marks:
    """Decide on a column such as `1,085`, `2,300` from the other columns."""
    if common is not None:
        return one.marks(common)
    mark = _only(one.open)
    if mark is None or others or (mark == "," and delimiter != ";"):
        return one.doubt(mark or ",")
    if delimiter == ";":
        cell = one.examples[mark]
        log.warning("column %r: %r is read as %s (data.decimal= changes that)", name, cell, cell.replace(",", "."))
    return one.marks(mark)


def _only(marks: Collection[Decimal]) -> Decimal | None:
    return next(iter(marks)) if len(marks) == 1 else None
