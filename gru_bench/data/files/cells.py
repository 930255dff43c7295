"""Cells of a table as text: which are missing, and how messages name one."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Cells = Any
"""A column of text cells, a pandas Series of str; pandas is imported only where it works."""

MISSING = frozenset(
    {"", "-", "--", "?", ".", "na", "n/a", "nan", "nat", "none", "null", "#n/a", "#na", "<na>", "missing", "(null)"}
)


LONGEST_MIXED = 8  # letters; of longer markers not every mixture of small and large letters is known


class Place(NamedTuple):
    """Where rows come from.

    Attributes:
        name: of their table.
        lines: the line on which each one begins.
        table: the table itself, or None.
        known: whether a run has settled how they are read.
    """

    name: str
    lines: Sequence[int]
    table: Any = None
    known: bool = False

    def cell(self, column: str, row: int, text: str) -> str:
        """Name a cell and its line, which line ends in earlier cells of its row move down."""
        line = self.lines[row]
        if self.table is not None and column in self.table.columns:
            before = self.table.iloc[row, : self.table.columns.get_loc(column)]
            line += sum(cell.count("\n") for cell in before)
        return f"{self.name}: column {column!r}, line {line:,}: {text!r}"


def is_missing(cells: Cells, markers: Sequence[str]) -> NDArray[np.bool_]:
    """Say which cells hold nothing, or one of the markers, in any letters."""
    return cells.isin(_spellings(frozenset(marker.casefold() for marker in markers))).to_numpy(bool)


@functools.cache
def _spellings(markers: frozenset[str]) -> frozenset[str]:
    """Return all spellings of the markers in small and large letters; of long ones the usual."""
    spellings: set[str] = set()
    for name in MISSING | markers:
        if sum(map(str.isalpha, name)) <= LONGEST_MIXED:
            spellings.update(map("".join, itertools.product(*({sign, sign.upper()} for sign in name))))
        else:
            spellings |= {name, name.upper(), name.capitalize(), name.title()}
    return frozenset(spellings)
