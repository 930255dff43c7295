"""Tables in text files, as people have them: any usual delimiter, encoding and quoting, with a header or without."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import logging
import re
import sys
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gru_bench.data.own import decode, read_file
from gru_bench.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

DELIMITERS = {"\t": "tab", ";": "';'", "|": "'|'", ",": "','"}  # where several fit equally, the first one is meant
NO_DELIMITER = "\x1f"
SAMPLE_ROWS = 500
NAME = re.compile(r"(?=.{1,40}$)[^\W\d][^\n,;!?\"]*")
NAME_WORDS = 4
LONGEST_CELL = 10_000_000  # characters; a longer one is a quote that nobody has closed
UNPACKED_ANYWAY = 64 * 2**20  # bytes that a small file may unpack to
MOST_GROWTH = 100  # what a larger one may grow by; text grows by 3 to 20
MISSING = frozenset({"", "-", "?", "na", "n/a", "nan", "none", "null"})
_TAB = {"tab": "\t", "\\t": "\t"}
_MAGIC = {b"PK\x03\x04": "a zip archive or a workbook", b"PAR1": "a Parquet file", b"\xd0\xcf\x11\xe0": "a workbook"}


class Row(NamedTuple):
    """A row: the line on which it begins, counted from 1, and its cells."""

    line: int
    cells: list[str]


def read_table(
    path: Path,
    *,
    delimiter: str | None = None,
    encoding: str = "auto",
    header: bool | None = None,
    key: str = "data.path",
) -> pd.DataFrame:
    """Read a table of text cells.

    The delimiter is the one of tab, semicolon, bar and comma that cuts the rows most evenly; a file that none of them
    cuts has one column. Cells may be quoted, then they may hold delimiters and line ends. Blank lines are skipped.

    Unless `header` says so, the first row is a header when none of its cells is a number or missing (an empty cell
    aside, as an index column has it) and the rows below differ from it: in some column all cells below begin with a
    digit or sign; or all cells are different, short, like names, and none comes up again below it in its column (in a
    table of one column: a single word).

    Args:
        path: the file, perhaps gzipped; `-` is standard input.
        delimiter: one character, or `tab`; None finds it.
        encoding: a codec; `auto` is byte order mark, else UTF-8, else the best guess, which is said in the log.
        header: whether the first row names the columns; None finds it.
        key: the setting or argument that named the file, for messages.

    Returns:
        Cells as str, stripped of blanks around them, rows numbered from 0. Columns are called by their header; where
        it is empty, or there is none, by their number from "1" on. `attrs` has `delimiter`, `encoding` and `header`.

    Raises:
        ConfigError: the delimiter is no single character, or there is no such encoding.
        DataError: the file is missing, empty, binary or no rows follow the header; a row has another number of cells
            (its line is said); a quote is never closed; two columns have one name.
    """
    import pandas as pd

    delimiter = _TAB.get(delimiter or "", delimiter)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\n\r'):
        option = f"{key.rpartition('.')[0]}.delimiter".removeprefix(".")
        raise ConfigError(option, delimiter, "one character such as ',', ';' or '|', tab, or null to find it")
    place = place_name(path)
    text, used = decode(_read(path, place, key), encoding, place, key)
    if not text.strip():
        raise DataError(f"{key}: {place} is empty, expected a table.")
    with _long_cells():
        found = delimiter or _find_delimiter(text)
        rows = _parse(text, found, f"{key}: {place}")
    _check_width(rows, found, f"{key}: {place}")
    rows = rows if header is False else _without_empty_end(rows)
    named = _has_header(rows) if header is None else header
    names = _names(rows[0].cells, f"{key}: {place}") if named else [str(n + 1) for n in range(len(rows[0].cells))]
    body = [row.cells for row in rows[named:]]
    if not body:
        raise DataError(f"{key}: {place} has a header and no rows below it, expected at least one.")
    frame = pd.DataFrame(body, columns=pd.Index(names, dtype=object), dtype=object)
    if named:
        frame = frame.loc[:, [bool(cell) or (frame.iloc[:, n] != "").any() for n, cell in enumerate(rows[0].cells)]]
    frame.attrs = {"delimiter": "" if found == NO_DELIMITER else found, "encoding": used, "header": bool(named)}
    log.info(
        "%s: %s rows, columns %s; %s, %s, %s",
        place,
        f"{len(frame):,}",
        ", ".join(names[:12]) + (" ..." if len(names) > 12 else ""),
        "one column" if found == NO_DELIMITER else f"delimiter {DELIMITERS.get(found, repr(found))}",
        used,
        "with a header" if named else "no header",
    )
    return frame


def read_unpacked(path: Path, key: str) -> bytes:
    """Return the bytes of a file, unpacked where it is gzipped.

    Args:
        path: the file; `-` is standard input.
        key: the setting or argument that named it, for messages.

    Raises:
        DataError: the file is missing, unreadable, empty or damaged, or grows beyond all measure when it is unpacked.
    """
    place = place_name(path)
    raw = sys.stdin.buffer.read() if str(path) == "-" else read_file(str(path), key)
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    most = UNPACKED_ANYWAY + MOST_GROWTH * len(raw)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            unpacked = stream.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{key}: {place} cannot be unpacked as gzip: {error}. Replace it.") from error
    if len(unpacked) > most:
        raise DataError(
            f"{key}: {place} has {len(raw):,} bytes and unpacks to more than {most:,}, as no table does. If it is one, "
            "unpack it yourself and give the unpacked file."
        )
    return unpacked


def place_name(path: Path) -> str:
    """Return how messages call a file."""
    return "standard input" if str(path) == "-" else str(path)


def _read(path: Path, place: str, key: str) -> bytes:
    raw = read_unpacked(path, key)
    for magic, kind in _MAGIC.items():
        if raw.startswith(magic):
            raise DataError(f"{key}: {place} is {kind}, expected a text table. Save it as CSV.")
    return raw


class _long_cells:
    """Let the csv module read cells of `LONGEST_CELL` characters, for a while."""

    def __enter__(self) -> None:
        self.before = csv.field_size_limit(LONGEST_CELL)

    def __exit__(self, *_: object) -> None:
        csv.field_size_limit(self.before)


def _rows(text: str, delimiter: str, quoted: bool = True) -> Iterator[Row]:
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
            yield Row(line, [cell.strip() for cell in cells])
        line = reader.line_num + 1


def _sample(text: str, delimiter: str) -> list[int]:
    """Count the cells of the first rows; a file whose quotes are mere signs is read without quoting."""
    for quoted in (True, False):
        try:
            return [len(row.cells) for row in itertools.islice(_rows(text, delimiter, quoted), SAMPLE_ROWS)]
        except csv.Error:
            continue
    return []


def _find_delimiter(text: str) -> str:
    best, best_share = NO_DELIMITER, 0.0
    for delimiter in DELIMITERS:
        counts = _sample(text, delimiter)
        if not counts:
            continue
        usual, often = Counter(counts).most_common(1)[0]
        share = often / len(counts)
        if usual > 1 and (share >= 0.9 or (share > 0.5 and counts[0] == usual)) and share > best_share:
            best, best_share = delimiter, share
        elif counts[0] > 1 and min(counts) >= counts[0] and best_share == 0.0:
            best = delimiter  # delimiters inside cells that nobody quoted: said as such later
    return best


def _parse(text: str, delimiter: str, place: str) -> list[Row]:
    """Parse with quoting; where quotes are mere signs, as in many files with tabs, without."""
    last = 0
    rows: list[Row] = []
    try:
        for row in _rows(text, delimiter):
            rows.append(row)
            last = row.line
        return rows
    except csv.Error as error:
        try:
            plain = list(_rows(text, delimiter, quoted=False))
        except csv.Error:
            plain = []
        if len({len(row.cells) for row in plain}) == 1:
            log.info("%s: quotes are taken as signs, they do not pair", place)
            return plain
        raise DataError(
            f"{place}: the row after line {last} cannot be read: {error}. Close its quote, and double quotes inside "
            'quoted cells, as in "a ""quoted"" word".'
        ) from error


def _check_width(rows: Sequence[Row], delimiter: str, place: str) -> None:
    counts = Counter(len(row.cells) for row in rows)
    first = len(rows[0].cells)
    expected = first if counts[first] > 0.5 * len(rows) else counts.most_common(1)[0][0]
    if min(len(row.cells) for row in rows) >= first > 1:
        expected = first
    for row in rows:
        if len(row.cells) != expected:
            raise DataError(
                f"{place}: line {row.line} has {len(row.cells)} cells, expected {expected} "
                f"(delimiter {DELIMITERS.get(delimiter, repr(delimiter))}): {_shorten(row.cells)}. "
                "Mend the line; cells that hold the delimiter need quotes around them."
            )


def _without_empty_end(rows: list[Row]) -> list[Row]:
    """Leave out the last columns where they are empty in every row, as delimiters at the line ends make them."""
    width = max(number for row in rows for number, cell in enumerate(row.cells, 1) if cell or number == 1)
    return [Row(row.line, row.cells[:width]) for row in rows]


def _shorten(cells: Sequence[str]) -> str:
    text = " | ".join(cells)
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell.replace(",", ""))
    except ValueError:
        return False
    return True


def _has_header(rows: Sequence[Row]) -> bool:
    head, body = rows[0].cells, [row.cells for row in rows[1:]]
    given = [cell for cell in head if cell]
    if not body or not given or len(head) - len(given) > max(1, len(head) // 4):
        return False
    if any(_is_number(cell) or cell.casefold() in MISSING for cell in given):
        return False
    columns = list(zip(*body, strict=True))
    for cell, column in zip(head, columns, strict=True):
        below = [other for other in column if other.casefold() not in MISSING]
        if cell and not _starts_as_number(cell) and below and all(map(_starts_as_number, below)):
            return True
    if len(set(given)) < len(given) or not all(map(_like_a_name, given)):
        return False
    if len(head) == 1 and len(head[0].split()) > 1:
        return False
    return all(cell not in column for cell, column in zip(head, columns, strict=True) if cell)


def _starts_as_number(cell: str) -> bool:
    return re.match(r"[+\-−(]?[.,]?\d", cell) is not None


def _like_a_name(cell: str) -> bool:
    return NAME.fullmatch(cell) is not None and len(cell.split()) <= NAME_WORDS


def _names(head: Sequence[str], place: str) -> list[str]:
    names = [cell or str(number) for number, cell in enumerate(head, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        numbers = ", ".join(str(number) for number, name in enumerate(names, 1) if name == twice[0])
        raise DataError(
            f"{place}: the columns {numbers} have the same name {twice[0]!r}, expected different names. Rename one in "
            "the first line."
        )
    return names
