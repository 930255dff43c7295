"""Rows of a delimited text, each with its line: parsed strictly, so that a broken one is named."""

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

DELIMITERS = {"\t": "tab", ";": "';'", "|": "'|'", ",": "','"}  # where several fit equally, the first one is meant
NO_DELIMITER = "\x1f"
SAMPLE_ROWS = 500
LONGEST_CELL = 10_000_000  # characters; a longer one is a quote that nobody has closed
_OUTER_BLANKS = re.compile(r"^ +| +$", re.MULTILINE)
_SEPARATOR_LINE = re.compile(r"\s*\"?sep=([^\n\"])\1*\"?[^\S\t\n]*(?=\n|\Z)", re.IGNORECASE)


@dataclass(frozen=True)
class Rows:
    """Rows of a table.

    Attributes:
        lines: the line on which each row begins, counted from 1.
        cells: the cells of each row, stripped of blanks around them.
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
    """Return how messages call a delimiter."""
    return "none, one column" if delimiter in ("", NO_DELIMITER) else DELIMITERS.get(delimiter, repr(delimiter))


def split_separator_line(text: str) -> tuple[str, str | None]:
    """Blank a first line such as `sep=;`, which Excel writes; return the text and the delimiter that it names."""
    match = _SEPARATOR_LINE.match(text)
    if match is None:
        return text, None
    return "\n" * match.group().count("\n") + text[match.end() :], match.group(1)


def blank_lines(text: str, skipped: int | Sequence[int]) -> str:
    """Blank the first lines of a text, or those of these numbers from 1 on; the others keep their numbers."""
    numbers = range(1, skipped + 1) if isinstance(skipped, int) else skipped
    if not numbers:
        return text
    lines = text.split("\n")
    for number in numbers:
        if number <= len(lines):
            lines[number - 1] = ""
    return "\n".join(lines)


def parse(text: str, delimiter: str, place: str) -> Rows:
    """Parse with quoting; where quotes are mere characters, as in many files with tabs, without.

    Raises:
        DataError: a quote is never closed, or stands where none can.
    """
    lines: list[int] = []
    cells: list[list[str]] = []
    with _long_cells():
        try:
            for line, row in _rows(text, delimiter):
                lines.append(line)
                cells.append(row)
            return Rows(lines, cells)
        except csv.Error as error:
            try:
                plain = list(_rows(text, delimiter, quoted=False))
            except csv.Error:
                plain = []
            if len({len(row) for _, row in plain}) == 1:
                log.info("%s: quotes do not pair; they are read as characters", place)
                return Rows([line for line, _ in plain], [row for _, row in plain])
            raise DataError(
                f"{place}: the row after line {lines[-1] if lines else 0} cannot be read: {error}. Close its quote, "
                'and double quotes inside quoted cells, as in "a ""quoted"" word".'
            ) from error


def sample(text: str, delimiter: str) -> Rows:
    """Parse the first rows, without quoting where quotes do not pair; no rows where neither works."""
    with _long_cells():
        for quoted in (True, False):
            try:
                head = list(itertools.islice(_rows(text, delimiter, quoted), SAMPLE_ROWS))
                return Rows([line for line, _ in head], [row for _, row in head])
            except csv.Error:
                continue
    return Rows([], [])


def check_width(rows: Rows, delimiter: str, place: str) -> Rows:
    """Return the rows, those that hold blanks alone left out; all have the same number of cells.

    Raises:
        DataError: a row has another number of cells than most, or than the header that is narrower than all.
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
            skip = (
                f" Lines that are no rows are skipped by data.skip_rows=[{line}]." if place.startswith("data.") else ""
            )
            raise DataError(
                f"{place}: line {line} has {len(row)} cells, expected {expected} (delimiter "
                f"{delimiter_name(delimiter)}): {_shorten(row)}. Mend the line; cells that hold the delimiter need "
                f"quotes around them.{skip}"
            )
    return rows


def without_empty_end(rows: Rows, least: int = 1) -> Rows:
    """Leave out the last columns where they are empty in every row, as delimiters at the line ends make them."""
    full = len(rows.cells[0])
    width = full
    while width > least and not any(row[width - 1] for row in rows.cells):
        width -= 1
    return rows if width == full else Rows(rows.lines, [row[:width] for row in rows.cells])


class _long_cells:
    """Let the csv module read cells of `LONGEST_CELL` characters, for a while."""

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
