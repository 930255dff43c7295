"""Which mark is the decimal one, and which groups thousands: decided per column from all its cells.

A cell such as `0.5`, `1,234.5` or `1,234,567` leaves no doubt. `1,085` does: it is 1085 or 1.085. Then the other
columns of the file decide; else whole numbers below 1000 without a mark in the same column, as grouping leaves them,
where the delimiter of the file agrees (a semicolon stands for decimal commas). What stays in doubt is refused.
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
HEAD = 500  # cells that say what a column holds
_LIKE_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?")


class Marks(NamedTuple):
    """Marks in the numbers of a column.

    Attributes:
        decimal: the decimal mark; None where it is in doubt.
        thousands: whether the other mark groups thousands.
        seen: whether the column has a mark at all.
        example: a cell that leaves it in doubt.
    """

    decimal: Decimal | None
    thousands: bool = False
    seen: bool = True
    example: str = ""


class Evidence(NamedTuple):
    """What the cells of a column show.

    Attributes:
        examples: a cell with each mark that occurs.
        clear: what must be the decimal mark.
        open: marks in cells such as `1,085`, where they may be either.
        small: whether there are unmarked whole numbers, all below 1000 and not all zero.
    """

    examples: Mapping[Decimal, str]
    clear: frozenset[Decimal] = frozenset()
    open: frozenset[Decimal] = frozenset()
    small: bool = False

    def marks(self, decimal: Decimal) -> Marks:
        """Return the marks of the column with this decimal mark."""
        return Marks(decimal, other_mark(decimal) in self.examples, bool(self.examples))

    def doubt(self, mark: Decimal) -> Marks:
        """Return that the decimal mark is in doubt, as a cell with `mark` shows."""
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
        columns: their cells, missing ones left out.
        delimiter: of the table.
        setting: the decimal mark that the user names; it counts wherever it can.
        known: decimal marks of the training data.
        others: further columns of the file, which are looked at where these leave doubt.
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
    """Return the marks of a column whose decimal mark the training data has decided; in doubt where it does not fit.

    Args:
        cells: of the column, missing ones left out.
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
        known: its decimal mark in the training data; None while that is read, or where the column has no mark there.

    Raises:
        DataError: the mark is in doubt, or does not fit the training data.
    """
    if marks.decimal is not None:
        return marks.decimal
    cell = f"{place.name}: column {name!r}: {marks.example!r}"
    if place.known:
        there = "has no such marks" if known is None else f"has the decimal mark {known!r} and no other"
        raise DataError(f"{cell} may be another number than it seems: the training data {there} in this column.")
    mark = "," if "," in marks.example else "."
    raise DataError(
        f"{cell} may be {marks.example.replace(mark, '')} or {marks.example.replace(mark, '.')}. Name the decimal "
        "mark: data.decimal=. or 'data.decimal=\",\"'."
    )


def describe_marks(decimals: Mapping[str, Decimal], thousands: Collection[str]) -> str:
    """Say which marks columns have, for the log."""
    by_mark = {mark: [name for name, decimal in decimals.items() if decimal == mark] for mark in BOTH}
    parts = [f"{mark!r} in {', '.join(names)}" for mark, names in by_mark.items() if names]
    grouped = f", thousands are grouped in {', '.join(thousands)}" if thousands else ""
    return f"decimal mark {' and '.join(parts)}{grouped}" if parts else "numbers without marks"


def find_evidence(cells: Cells) -> Evidence:
    """Return what the cells of a column show; nothing where most of them are no numbers."""
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
    """Say whether one of the lines has this pattern."""
    return re.search(rf"^(?:{pattern})$", joined, re.MULTILINE) is not None


def _cell_around(joined: str, mark: str) -> str:
    place = joined.index(mark)
    end = joined.find("\n", place)
    return joined[joined.rfind("\n", 0, place) + 1 : end if end >= 0 else None]


def _clear(mark: Decimal) -> str:
    """Return a pattern for cells that show that `mark` is the decimal mark."""
    decimal, other = (f"[{sign}]" for sign in (mark, other_mark(mark)))
    return (
        rf"[+-]?(?:(?![1-9]\d{{0,2}}{decimal}\d{{3}}$)(?:\d+{decimal}\d*|{decimal}\d+)(?:[eE][+-]?\d+)?"
        rf"|[1-9]\d{{0,2}}(?:{other}\d{{3}})+{decimal}\d*|[1-9]\d{{0,2}}(?:{other}\d{{3}}){{2,}})"
    )


def _from_itself(one: Evidence, clear: Decimal | None, delimiter: str, setting: Decimal | None) -> Marks | None:
    """Decide by the column's own cells; None where only other columns can."""
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
    """Decide for `1,085` beside `800`: thousands are grouped, unless the delimiter speaks for decimals."""
    usual = "." if delimiter == ";" else ","
    return one.marks(other_mark(mark)) if one.small and mark == usual else one.doubt(mark)


def _from_others(name: str, one: Evidence, common: Decimal | None, others: bool, delimiter: str) -> Marks:
    """Decide for a column such as `1,085`, `2,300`, whose own cells do not."""
    if common is not None:
        return one.marks(common)
    mark = _only(one.open)
    if mark is None or others or (mark == "," and delimiter != ";"):
        return one.doubt(mark or ",")
    if delimiter == ";":
        cell = one.examples[mark]
        log.warning("column %r: %r is read as %s (data.decimal= says otherwise)", name, cell, cell.replace(",", "."))
    return one.marks(mark)


def _only(marks: Collection[Decimal]) -> Decimal | None:
    return next(iter(marks)) if len(marks) == 1 else None
