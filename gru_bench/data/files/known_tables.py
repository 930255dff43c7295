"""Read further files in the layout of the training data, or refuse them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gru_bench.data.files.columns import Column
from gru_bench.data.files.headers import MOST_TITLES, IsHeader, has_header, like_a_title, names_all, starts_as_number
from gru_bench.data.files.table_rows import (
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
from gru_bench.data.files.tables import Layout, find_delimiter, make_table, place_name, read_table, read_table_bytes
from gru_bench.data.files.text import MARKS, decode
from gru_bench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

NamesColumns = Callable[[Sequence[str]], bool]
"""Returns whether a row contains the names of the required columns."""


def read_in_layout(
    path: Path, layout: Layout, columns: Sequence[Column], *, key: str, is_header: IsHeader = has_header
) -> pd.DataFrame:
    """Read a table in the layout of the training data, or, before that is known, detect it.

    Args:
        path: the file, may be gzipped; `-` is standard input.
        layout: of the training data; without columns, the known part of it.
        columns: those that are needed, as the training data names them.
        key: the setting or argument that names the file, for messages.
        is_header: recognises the header of the training data.

    Raises:
        ConfigError: see `gru_bench.data.files.tables.read_table`.
        DataError: see there and `read_known_table`.
    """
    if not layout.columns:
        return read_table(path, layout, key=key, is_header=is_header)
    return read_known_table(path, layout, lambda row: names_all(row, [str(name) for name in columns]), key=key)


def read_known_table(
    path: Path, layout: Layout, is_header: NamesColumns, *, key: str, single: str | None = None
) -> pd.DataFrame:
    """Read a table in the layout of the training data.

    With a header, columns are matched by name; the number of titles above it may differ. A file without a header,
    although the training data has one, is read by position if it has as many columns and begins with numbers. If the
    training data has no header, columns are read by position.

    Args:
        path: the file, may be gzipped; `-` is standard input.
        layout: of the training data, complete.
        is_header: recognises the header.
        key: the setting or argument that names the file, for messages.
        single: the name of the column in a table of one column, even if the training data has others.

    Raises:
        DataError: the file has another layout; or see `gru_bench.data.files.tables.read_table`.
    """
    name = place_name(path)
    place = f"{key}: {name}"
    raw = read_table_bytes(path, key)
    text, encoding = _decode(raw, layout.encoding, name, key)
    text, separator = split_separator_line(text)
    if not text.strip():
        raise DataError(f"{place} is empty, expected a table.")
    if separator is not None and separator != layout.delimiter:
        raise _other_delimiter(place, separator, layout)
    layout = replace(layout, encoding=encoding)
    delimiter = layout.delimiter or NO_DELIMITER
    below = blank_lines(text, _lines_to_skip(text, layout, name, place))
    if layout.header:
        for candidate in (below, text) if layout.skip_rows else (text,):
            rows = parse(candidate, delimiter, place) if candidate.strip() else Rows([], [])
            above = _header_row(rows, is_header)
            if above == 0 and single is not None and len(rows.cells[0]) == 1:
                return _single_column(parse(text, NO_DELIMITER, place), layout, is_header, single, name, place)
            if above is not None:
                if above:
                    log.info("%s: the lines above the header in line %s are skipped", name, rows.lines[above])
                rows = check_width(rows.after(above), delimiter, place)
                return make_table(without_empty_end(rows), replace(layout, columns=()), name, place)
    return _without_known_header(text if layout.header else below, layout, is_header, name, place, single)


def _without_known_header(
    text: str, layout: Layout, is_header: NamesColumns, name: str, place: str, single: str | None
) -> pd.DataFrame:
    delimiter = layout.delimiter or NO_DELIMITER
    if not text.strip():
        raise DataError(f"{place} has no rows below the {layout.skip_rows} lines that are skipped.")
    rows = parse(text, delimiter, place)
    expected = len(layout.columns)
    likely = find_delimiter(text)
    if likely not in (NO_DELIMITER, delimiter):
        other = sample(text, likely)
        even = {len(row) for row in rows.cells} == {expected}
        if other.usual_width() >= expected and (not even or is_header(other.cells[0])):
            raise _other_delimiter(place, likely, layout)
    if single is not None and (len(rows.cells[0]) == 1 or likely == NO_DELIMITER):
        return _single_column(parse(text, NO_DELIMITER, place), layout, is_header, single, name, place)
    rows = without_empty_end(check_width(rows, delimiter, place), expected)
    width = len(rows.cells[0])
    by_position = replace(layout, header=False)
    if not layout.header:
        if width != expected:
            raise DataError(
                f"{place} has {width} columns, expected {expected}: the training data has no header, so columns are "
                "read by their position. Give it the same columns in the same order."
            )
        return make_table(rows, by_position, name, place)
    first = [cell for cell in rows.cells[0] if cell]
    if single is None and width == expected and any(map(starts_as_number, first)) and not has_header(rows.cells):
        log.warning("%s: no header; columns are read by position: %s", name, ", ".join(layout.columns))
        return make_table(rows, by_position, name, place)
    if has_header(rows.cells):
        return make_table(rows, replace(layout, columns=()), name, place)
    raise DataError(
        f"{place}: line {rows.lines[0]} does not name the columns {', '.join(layout.columns)} of the training data: "
        f"found {', '.join(rows.cells[0])}. Give it the same header."
    )


def _single_column(
    rows: Rows, layout: Layout, is_header: NamesColumns, column: str, name: str, place: str
) -> pd.DataFrame:
    """Make a table of one column; its first line is a header only if it is a known name."""
    header = bool(layout.header) and is_header(rows.cells[0]) and len(rows) > 1
    if layout.header and not header:
        log.warning("%s: line %s is not a known header; it is read as a value", name, rows.lines[0])
    table = make_table(rows, replace(layout, delimiter="", header=header, columns=(column,)), name, place)
    return table.set_axis([column], axis=1)


def _header_row(rows: Rows, is_header: NamesColumns) -> int | None:
    """Return the number of rows above the header, or None without a header."""
    width = rows.usual_width() if len(rows) else 1
    for number, row in enumerate(rows.cells[:MOST_TITLES]):
        if is_header(row) and (width > 1 or len(rows.cells[0]) == 1 < len(rows)):
            return number
        if width == 1 or not like_a_title(row, width):
            return None
    return None


def _lines_to_skip(text: str, layout: Layout, name: str, place: str) -> list[int]:
    """Return the lines to skip: those skipped in the training data, unless they look like values here.

    Raises:
        DataError: a line looks like values, and the training data has no header.
    """
    skipped = layout.skip_rows or ()
    numbers = range(1, skipped + 1) if isinstance(skipped, int) else skipped
    lines = text.split("\n") if numbers else []
    kept = [number for number in numbers if number <= len(lines) and _like_values(lines[number - 1], layout)]
    if kept and not layout.header:
        raise DataError(
            f"{place}: line {kept[0]} looks like values, but the training data was read with data.skip_rows="
            f"{layout.skip_rows}. Give the file the same lines above its values."
        )
    chosen = [number for number in numbers if number not in kept]
    if chosen and not isinstance(skipped, int):
        log.info("%s: lines %s are skipped, as in training", name, ", ".join(map(str, chosen)))
    return chosen


def _like_values(line: str, layout: Layout) -> bool:
    cells = sample(line, layout.delimiter or NO_DELIMITER).cells
    return bool(cells) and len(cells[0]) == len(layout.columns) and any(map(starts_as_number, cells[0]))


def _other_delimiter(place: str, delimiter: str, layout: Layout) -> DataError:
    return DataError(
        f"{place} has the delimiter {delimiter_name(delimiter)}, the training data "
        f"{delimiter_name(layout.delimiter or '')}. Save it with the delimiter of the training data."
    )


def _decode(raw: bytes, encoding: str, name: str, key: str) -> tuple[str, str]:
    """Decode with the encoding of the training data, unless the bytes are UTF-8 or have a byte order mark."""
    if raw.startswith(tuple(mark for mark, _ in MARKS)):
        return decode(raw, "auto", name, key)
    marked = encoding in {codec for _, codec in MARKS} and b"\0" not in raw[:1000]
    try:
        raw.decode("utf-8")
        if marked or not raw.isascii():
            return decode(raw, "utf-8", name, key)
    except UnicodeDecodeError:
        pass
    used = "utf-8" if marked else encoding
    try:
        return decode(raw, used, name, key)
    except DataError as error:
        raise DataError(
            f"{key}: {name} cannot be decoded as {used}, the encoding of the training data. Save it as UTF-8."
        ) from error
