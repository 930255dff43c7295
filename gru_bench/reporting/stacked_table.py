"""A table of numbers that goes on below itself where the terminal is too narrow for all columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

_GAP = 3  # columns of the terminal between two of the table


@dataclass(frozen=True)
class StackedTable:
    """Rows of numbers; no number is cut, however narrow the terminal.

    Attributes:
        labels: of the rows.
        headings: of the columns; their words may stand below each other.
        cells: by row, as many as headings.
        styles: of the rows.
    """

    labels: Sequence[str]
    headings: Sequence[str]
    cells: Sequence[Sequence[str]]
    styles: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table | Text]:
        """Yield the table, in parts of as many columns as fit."""
        widths = self._widths("\n")
        if self._total(widths) > options.max_width:
            widths = self._widths(None)
        for index, part in enumerate(self._parts(widths, options.max_width)):
            if index:
                yield Text()
            yield self._table(part, widths)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Return the widths of a part with one column, and of all columns."""
        return Measurement(self._total([max(self._widths(None))]), self._total(self._widths("\n")))

    def _total(self, widths: Sequence[int]) -> int:
        return self._label_width + sum(_GAP + width for width in widths)

    @property
    def _label_width(self) -> int:
        return max((len(label) for label in self.labels), default=0)

    def _widths(self, separator: str | None) -> list[int]:
        """Return the widths of the columns whose headings are broken at line ends, or at each space (None)."""
        columns = list(zip(*self.cells, strict=True)) or [()] * len(self.headings)
        return [
            max(map(len, (*heading.split(separator), *column)), default=0)
            for heading, column in zip(self.headings, columns, strict=True)
        ]

    def _parts(self, widths: Sequence[int], most: int) -> list[list[int]]:
        parts: list[list[int]] = [[]]
        for index in range(len(widths)):
            if parts[-1] and self._total([widths[other] for other in (*parts[-1], index)]) > most:
                parts.append([])
            parts[-1].append(index)
        return parts

    def _table(self, part: Sequence[int], widths: Sequence[int]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1), header_style="bold")
        table.add_column("", no_wrap=True, width=self._label_width)
        for index in part:
            table.add_column(self.headings[index], justify="right", width=widths[index])
        for label, cells, style in zip(self.labels, self.cells, self.styles, strict=True):
            table.add_row(Text(label), *(cells[index] for index in part), style=style or None)
        return table
