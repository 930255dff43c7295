"""Text cells of a table: which are missing, and how messages name one."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Cells = Any
"""A column of text cells, a pandas Series of str; pandas is imported only where it is used."""

Table = Any
"""Text cells by column: a pandas DataFrame, as returned by `read_table`."""

MISSING = frozenset(
    {"", "-", "--", "?", ".", "na", "n/a", "nan", "nat", "none", "null", "#n/a", "#na", "<na>", "missing", "(null)"}
)

LONGEST_MIXED = 8  # letters; longer markers are recognised only in the usual spellings


class Place(NamedTuple):
    """The origin of rows, for messages.

    Attributes:
        name: of their table.
        lines: the line on which each row begins.
        table: the table itself, or None.
        known: whether the format was fixed by the training data.
    """

    name: str
    lines: Sequence[int]
    table: Any = None
    known: bool = False

    def cell(self, column: str, row: int, text: str) -> str:
        """Describe a cell with its line: line ends in earlier cells of its row count."""
        line = self.lines[row]
        if self.table is not None and column in self.table.columns:
            before = self.table.iloc[row, : self.table.columns.get_loc(column)]
            line += sum(cell.count("\n") for cell in before)
        return f"{self.name}: column {column!r}, line {line:,}: {text!r}"


def is_missing(cells: Cells, markers: Sequence[str]) -> NDArray[np.bool_]:
    """Return a mask of the missing cells: empty, or one of the markers, in upper or lower case."""
    return cells.isin(_spellings(frozenset(marker.casefold() for marker in markers))).to_numpy(bool)


@functools.cache
def _spellings(markers: frozenset[str]) -> frozenset[str]:
    """Return the spellings of the markers in upper and lower case: all of short ones, the usual ones of long ones."""
    spellings: set[str] = set()
    for name in MISSING | markers:
        if sum(map(str.isalpha, name)) <= LONGEST_MIXED:
            spellings.update(map("".join, itertools.product(*({letter, letter.upper()} for letter in name))))
        else:
            spellings |= {name, name.upper(), name.capitalize(), name.title()}
    return frozenset(spellings)
