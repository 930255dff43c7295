"""Strict parser of delimited text: rows with their line numbers, so that errors name the line."""

from __future__ import annotations

import csv
import io
import itertools
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gru_bench.errors import DataError

log = logging.getLogger(__name__)

DELIMITERS = {"\t": "tab", ";": "';'", "|": "'|'", ",": "','"}  # if several fit equally, the first one wins
NO_DELIMITER = "\x1f"
SAMPLE_ROWS = 500
LONGEST_CELL = 10_000_000  # characters; a longer one is an unclosed quote
_OUTER_BLANKS = re.compile(r"^ +| +$", re.MULTILINE)
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=([^\n\"])\1*\"?[^\S\t\n]*(?=\n|\Z)", re.IGNORECASE)


@dataclass(frozen=True)
class Rows:
    """Rows of a table.

    Attributes:
        lines: the line on which each row begins, counted from 1.
        cells: the stripped cells of each row.
    """

    lines: list[int]
    cells: list[list[str]]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.lines)

    def after(self, count: int) -> Rows:
        """Return the rows after the first `count`."""
        return Rows(self.lines[count:], self.cells[count:]) if count else self

    def usual_width(self) -> int:
        """Return the most frequent number of cells."""
        return Counter(map(len, self.cells)).most_common(1)[0][0]


def delimiter_name(delimiter: str) -> str:
    """Return the name of a delimiter in messages."""
    return "none, one column" if delimiter in ("", NO_DELIMITER) else DELIMITERS.get(delimiter, repr(delimiter))


def split_separator_line(text: str) -> tuple[str, str | None]:
    """Blank a first line such as Excel's `sep=;`; return the text and the delimiter of that line."""
    match = _SEPARATOR_LINE.match(text)
    if match is None:
        return text, None
    return "\n" * match.group().count("\n") + text[match.end() :], match.group(1)


def blank_lines(text: str, skipped: int | Sequence[int]) -> str:
    """Blank the first lines of a text, or the listed lines, counted from 1; the others keep their numbers."""
    numbers = range(1, skipped + 1) if isinstance(skipped, int) else skipped
    if not numbers:
        return text
    lines = text.split("\n")
    for number in numbers:
        if number <= len(lines):
            lines[number - 1] = ""
    return "\n".join(lines)


def parse(text: str, delimiter: str, place: str) -> Rows:
    """Parse with quoting; without, if quotes are ordinary characters, as in many tab-separated files.

    They are if they do not pair, or if a pair of them holds tabs and line ends and the rows are even without quoting.

    Raises:
        DataError: an unclosed or misplaced quote.
    """
    lines: list[int] = []
    cells: list[list[str]] = []
    failure = None
    with _long_cells():
        try:
            for line, row in _rows(text, delimiter):
                lines.append(line)
                cells.append(row)
        except csv.Error as error:
            failure = error
        if failure or (delimiter == "\t" and any("\t" in cell and "\n" in cell for row in cells for cell in row)):
            try:
                plain = list(_rows(text, delimiter, quoted=False))
            except csv.Error:
                plain = []
            if len({len(row) for _, row in plain}) == 1:
                log.info("%s: quotes do not pair; they are read as characters", place)
                return Rows([line for line, _ in plain], [row for _, row in plain])
    if failure:
        raise DataError(
            f"{place}: the row after line {lines[-1] if lines else 0} cannot be read: {failure}. Close its quote, "
            'and double quotes inside quoted cells, as in "a ""quoted"" word".'
        ) from failure
    return Rows(lines, cells)


def sample(text: str, delimiter: str) -> Rows:
    """Parse the first rows, without quoting if quotes do not pair; return no rows if neither works."""
    with _long_cells():
        for quoted in (True, False):
            try:
                head = list(itertools.islice(_rows(text, delimiter, quoted), SAMPLE_ROWS))
                return Rows([line for line, _ in head], [row for _, row in head])
            except csv.Error:
                continue
    return Rows([], [])


def check_width(rows: Rows, delimiter: str, place: str) -> Rows:
    """Return the rows without blank ones, checked to have the same number of cells.

    Raises:
        DataError: a row differs in its number of cells from most rows, or from a header that is narrower than all.
    """
    counts = Counter(map(len, rows.cells))
    first = len(rows.cells[0])
    expected = first if counts[first] > 0.5 * len(rows) else counts.most_common(1)[0][0]
    if min(counts) >= first > 1:
        expected = first
    if len(counts) == 1:
        return rows
    if expected > 1:
        kept = [number for number, row in enumerate(rows.cells) if row != [""]]
        rows = Rows([rows.lines[number] for number in kept], [rows.cells[number] for number in kept])
    for line, row in zip(rows.lines, rows.cells, strict=True):
        if len(row) != expected:
            skip = f" To skip a line that is no row: data.skip_rows=[{line}]." if place.startswith("data.") else ""
            raise DataError(
                f"{place}: line {line} has {len(row)} cells, expected {expected} (delimiter "
                f"{delimiter_name(delimiter)}): {_shorten(row)}. Correct the line; cells that contain the delimiter "
                f"need quotes.{skip}"
            )
    return rows


def without_empty_end(rows: Rows, least: int = 1) -> Rows:
    """Drop trailing columns that are empty in every row, as from delimiters at the ends of lines."""
    full = len(rows.cells[0])
    width = full
    while width > least and not any(row[width - 1] for row in rows.cells):
        width -= 1
    return rows if width == full else Rows(rows.lines, [row[:width] for row in rows.cells])


class _long_cells:
    """Let the csv module read cells of `LONGEST_CELL` characters within a `with` block."""

    def __enter__(self) -> None:
        self.before = csv.field_size_limit(LONGEST_CELL)

    def __exit__(self, *_: object) -> None:
        csv.field_size_limit(self.before)


def _rows(text: str, delimiter: str, quoted: bool = True) -> Iterator[tuple[int, list[str]]]:
    if delimiter == " ":
        text = _OUTER_BLANKS.sub("", text)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        strict=True,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        skipinitialspace=delimiter != "\t",
    )
    line = 1
    for cells in reader:
        if cells:
            yield line, list(map(str.strip, cells))
        line = reader.line_num + 1


def _shorten(cells: Sequence[str]) -> str:
    text = " | ".join(cells)
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
