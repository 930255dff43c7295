"""Read tables from text files of any common delimiter, encoding and quoting, with or without a header.

The layout of a file is decided once, for the training data; other files are read in the same layout or refused
(`gru_bench.data.files.known_tables`).
"""

from __future__ import annotations

import gzip
import io
import logging
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gru_bench.data.files.headers import IsHeader, column_names, has_header, has_units, title_rows
from gru_bench.data.files.table_rows import (
    DELIMITERS,
    NO_DELIMITER,
    Rows,
    blank_lines,
    check_width,
    delimiter_name,
    parse,
    sample,
    split_separator_line,
    without_empty_end,
)
from gru_bench.data.files.text import decode, read_file, sequences_hint
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import Natural, Positive

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

UNPACKED_ANYWAY = 64 * 2**20  # bytes; a small file may unpack to this size
MOST_GROWTH = 100  # maximum expansion factor of larger files; that of text is 3 to 20
_NAMED = {"tab": "\t", "\\t": "\t", "space": " "}
_MAGIC = {
    b"PK\x03\x04": "a zip archive or a workbook",
    b"RIFF": "a recording of sound",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "a workbook",
}


SkippedRows = Natural | list[Positive]
L = TypeVar("L", bound="Layout")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The layout of a table in a text file.

    Attributes:
        delimiter: one character, `tab`, or `space` for any number of blanks; empty for a file of one column; None
            detects it.
        encoding: a codec; `auto`: byte order mark, else UTF-8, else the best guess, which is logged.
        skip_rows: the number of lines to skip at the top, or the line numbers to skip, from 1; None skips titles and
            comments above a header, and units below it.
        header: whether the first row names the columns; None detects it.
        columns: the columns of the training data in the order of its file; empty before it is read.
    """

    delimiter: str | None = None
    encoding: str = "auto"
    skip_rows: int | tuple[int, ...] | None = None
    header: bool | None = None
    columns: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls: type[L], values: Mapping[str, Any]) -> L:
        """Build from plain values, perhaps by way of JSON."""
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**plain)


def layout_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the complete layout of a table that was read, by field."""
    return {field.name: frame.attrs[field.name] for field in fields(Layout)}


def skipped_rows(setting: SkippedRows | None) -> int | tuple[int, ...] | None:
    """Convert a setting to the type of `Layout.skip_rows`."""
    return tuple(setting) if isinstance(setting, list) else setting


def read_table(
    path: Path, layout: Layout | None = None, *, key: str = "data.path", is_header: IsHeader = has_header
) -> pd.DataFrame:
    """Read a table of text cells, and detect what its layout leaves open.

    The delimiter is the one of tab, semicolon, bar and comma that divides the rows most evenly; a file without any of
    them has one column. Quoted cells may contain delimiters and line ends. Blank lines and a first line such as `sep=;`
    are skipped. Headers are recognised as in `gru_bench.data.files.headers`.

    Args:
        path: the file, may be gzipped; `-` is standard input.
        layout: the known part of its layout; None detects all.
        key: the setting or argument that names the file, for messages.
        is_header: recognises a header.

    Returns:
        Cells as str, stripped; the index is the line on which each row begins. Columns are named by their header, or
        numbered from "1" if they have none. `attrs` has the complete layout by field.

    Raises:
        ConfigError: the delimiter is not a single character, or there is no such encoding.
        DataError: the file is missing, empty or binary; no rows follow the header; a row has a different number of
            cells (the message names its line); a quote is not closed; two columns have the same name.
    """
    layout = layout or Layout()
    delimiter = _NAMED.get(layout.delimiter or "", layout.delimiter)
    if delimiter and (len(delimiter) != 1 or delimiter in '"\n\r'):
        option = f"{key.rpartition('.')[0]}.delimiter".removeprefix(".")
        raise ConfigError(option, delimiter, "one character such as ',', ';' or '|', tab, space, or null to find it")
    name = place_name(path)
    place = f"{key}: {name}"
    text, encoding = decode(read_table_bytes(path, key), layout.encoding, name, key)
    text, separator = split_separator_line(blank_lines(text, layout.skip_rows or 0))
    if not text.strip():
        raise DataError(f"{place} is empty, expected a table.")
    if delimiter is None:
        delimiter = separator or find_delimiter(text)
    rows = parse(text, delimiter or NO_DELIMITER, place)
    skipped = title_rows(rows, is_header) if layout.skip_rows is None and layout.header is not False else 0
    if skipped:
        log.warning(
            "%s: the lines above line %s are skipped as titles or comments (data.skip_rows= changes that)",
            name,
            rows.lines[skipped],
        )
    rows = check_width(rows.after(skipped), delimiter, place)
    rows = rows if layout.header is False else without_empty_end(rows)
    header = is_header(rows.cells) if layout.header is None else layout.header
    return make_table(
        rows,
        Layout(
            delimiter="" if delimiter == NO_DELIMITER else delimiter,
            encoding=encoding,
            skip_rows=layout.skip_rows if layout.skip_rows is not None else rows.lines[0] - 1 if skipped else None,
            header=header,
        ),
        name,
        place,
    )


def make_table(rows: Rows, layout: Layout, name: str, place: str) -> pd.DataFrame:
    """Make a table of rows of equal width; the first one is the header if the layout has one.

    Args:
        rows: all rows.
        layout: complete but for `columns`; with columns and no header, these are the names.
        name: of the file, for the log.
        place: the file and the argument that names it, for messages.

    Raises:
        DataError: two columns have the same name, or no rows follow the header.
    """
    import pandas as pd

    head = rows.cells[0]
    names = (
        column_names(head, place) if layout.header else list(layout.columns) or [str(n + 1) for n in range(len(head))]
    )
    units = bool(layout.header) and len(rows) > 2 and has_units(rows.cells)
    if units:
        log.info("%s: line %s has units and is skipped: %s", name, rows.lines[1], ", ".join(rows.cells[1]))
    body = rows.after(int(bool(layout.header)) + units)
    if not len(body):
        raise DataError(f"{place} has a header and no rows below it, expected at least one.")
    index, columns = pd.Index(body.lines), pd.Index(names, dtype=object)
    frame = pd.DataFrame(body.cells, index=index, columns=columns, dtype=object)
    if layout.header:
        frame = frame.loc[:, [bool(cell) or (frame.iloc[:, n] != "").any() for n, cell in enumerate(head)]]
    complete = replace(layout, columns=tuple(map(str, frame.columns)))
    frame.attrs.update({field.name: getattr(complete, field.name) for field in fields(Layout)})
    log.info(
        "%s: %s rows, columns %s; delimiter %s, %s, %s",
        name,
        f"{len(frame):,}",
        ", ".join(names[:12]) + (" ..." if len(names) > 12 else ""),
        delimiter_name(layout.delimiter or ""),
        layout.encoding,
        f"header in line {rows.lines[0]}" if layout.header else "no header",
    )
    return frame


def find_delimiter(text: str) -> str:
    """Return the delimiter that divides the rows most evenly; if none does, the one that does so below the titles."""
    best, best_share = NO_DELIMITER, 0.0
    heads = {delimiter: sample(text, delimiter) for delimiter in DELIMITERS}
    for delimiter, rows in heads.items():
        if not len(rows):
            continue
        counts = [len(row) for row in rows.cells]
        usual, often = Counter(counts).most_common(1)[0]
        share = often / len(counts)
        if usual > 1 and (share >= 0.9 or (share > 0.5 and counts[0] == usual)) and share > best_share:
            best, best_share = delimiter, share
        elif counts[0] > 1 and min(counts) >= counts[0] and best_share == 0.0:
            best = delimiter  # unquoted delimiters inside cells: an error later
    if best_share == 0.0:
        below_titles = [
            name for name, rows in heads.items() if len(rows) and rows.usual_width() > 1 and title_rows(rows)
        ]
        return below_titles[0] if below_titles else best
    return best


def read_unpacked(path: Path, key: str) -> bytes:
    """Return the bytes of a file, unpacked if it is gzipped.

    Args:
        path: the file; `-` is standard input.
        key: the setting or argument that names it, for messages.

    Raises:
        DataError: the file is missing, unreadable, empty or damaged, or far too large when unpacked.
    """
    place = place_name(path)
    raw = read_bytes(path, key)
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
            f"{key}: {place} has {len(raw):,} bytes and unpacks to more than {most:,}, too many for a table. If it is "
            "one, unpack it yourself and name the unpacked file."
        )
    return unpacked


def read_bytes(path: Path, key: str) -> bytes:
    """Return the bytes of a file; `-` is standard input.

    Raises:
        DataError: the file is missing, unreadable or empty.
    """
    if str(path) != "-":
        return read_file(str(path), key)
    from gru_bench.terminal import read_standard_input  # loads rich

    raw = read_standard_input(key)
    if not raw:
        raise DataError(f"{key}: standard input is empty, expected text.")
    return raw


def read_lines(path: Path, key: str, encoding: str = "auto") -> list[str]:
    """Return the lines of a text file, which may be gzipped; `-` is standard input.

    Raises:
        DataError: see `read_unpacked`; or all lines are blank.
    """
    text, _ = decode(read_unpacked(path, key), encoding, place_name(path), key)
    if not text.strip():
        raise DataError(f"{key}: {place_name(path)} has blank lines alone, expected at least one with text.")
    return text.removesuffix("\n").split("\n")


def place_name(path: Path) -> str:
    """Return the name of a file in messages."""
    return "standard input" if str(path) == "-" else str(path)


def read_table_bytes(path: Path, key: str) -> bytes:
    """Return the bytes of a table, unpacked.

    Raises:
        DataError: see `read_unpacked`; or it is a workbook or an archive.
    """
    raw = read_unpacked(path, key)
    place = place_name(path)
    for magic, kind in _MAGIC.items():
        if raw.startswith(magic):
            what_to_do = sequences_hint(path) or "Save it as CSV."
            raise DataError(f"{key}: {place} is {kind}, expected a text table. {what_to_do}")
    if path.suffix.lower() == ".ts":
        raise DataError(f"{key}: {place} is a .ts file, expected a text table. {sequences_hint(path)}")
    return raw
