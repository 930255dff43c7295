"""A table and its notes, written for the terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Sheet:
    """A table of texts.

    Attributes:
        title: what it shows, with units.
        columns: headings; the first column stands left, the others right unless `wide`.
        rows: texts, as many per row as columns.
        wide: columns of prose, by index: they stand left and may break.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    wide: frozenset[int] = frozenset()

    def terminal(self) -> RenderableType:
        """Return it for the terminal."""
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1), header_style="bold")
        for index, heading in enumerate(self.columns):
            prose = index in self.wide
            width = max(len(line) for row in (self.columns, *self.rows) for line in row[index].split("\n"))
            table.add_column(
                heading,
                justify="left" if prose or not index else "right",
                min_width=None if prose else width,  # where a terminal is too narrow, no digit is cut off
                overflow="fold",
                vertical="top",
            )
        for row in self.rows:
            table.add_row(*(Text(text) for text in row))
        return Lines(Text(self.title, style="bold"), Text(), table, Text())

    def markdown(self) -> str:
        """Return it as Markdown."""
        rule = [":--" if not index or index in self.wide else "--:" for index in range(len(self.columns))]
        lines = [self.columns, rule, *self.rows]
        text = "\n".join(
            "| " + " | ".join(cell.replace("\n", " ").replace("|", "\\|") for cell in line) + " |" for line in lines
        )
        return f"**{self.title}**\n\n{text}\n"
