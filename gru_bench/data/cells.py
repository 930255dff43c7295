"""Cells of a table as text: which are missing, and how messages name one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Cells = Any
"""A column of text cells, a pandas Series of str; pandas is imported only where it works."""

MISSING = frozenset(
    {"", "-", "--", "?", ".", "na", "n/a", "nan", "nat", "none", "null", "#n/a", "#na", "<na>", "missing", "(null)"}
)


class Place(NamedTuple):
    """Where rows come from: the name of their table, and the line on which each one begins."""

    name: str
    lines: Sequence[int]

    def cell(self, column: str, row: int, text: str) -> str:
        """Name a cell."""
        return f"{self.name}: column {column!r}, line {self.lines[row]:,}: {text!r}"


def is_missing(cells: Cells, markers: Sequence[str]) -> NDArray[np.bool_]:
    """Say which cells hold nothing, or one of the markers."""
    names = MISSING | {marker.casefold() for marker in markers}
    return cells.str.casefold().isin(names).to_numpy(bool)
