"""A user's table of texts, each with the name of its class."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gru_bench.data.files.columns import Column, column_names, find_column, named_like, only_column
from gru_bench.data.files.headers import has_header, starts_as_number
from gru_bench.data.files.known_tables import read_in_layout, read_known_table
from gru_bench.data.files.tables import (
    Layout,
    SkippedRows,
    layout_of,
    read_lines,
    read_table,
    skipped_rows,
)
from gru_bench.data.files.text import read_file
from gru_bench.data.source import gives
from gru_bench.data.texts.labels import (
    MOST_CLASSES,
    NO_LABEL,
    check_classes,
    match_labels,
    named_labels,
    sorted_classes,
    warn_of_absent,
)
from gru_bench.data.texts.splits import count_copies, draw_splits
from gru_bench.data.texts.texts import LabelledTexts, TextForm, make_texts
from gru_bench.data.texts.tokeniser import Keep, as_read
from gru_bench.data.tokens.text_file import Size
from gru_bench.errors import ConfigError
from gru_bench.validation import HeldOutFraction, Natural, Positive

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

TEXT_NAMES = frozenset("text texts review reviews sentence sentences comment comments content message tweet".split())
LABEL_NAMES = frozenset("label labels sentiment class category target polarity rating stars y".split())
TABLE_ENDINGS = (".csv", ".tsv", ".tab")


@dataclass(frozen=True, kw_only=True)
class TextLayout(Layout):
    """The layout of a table of texts, and its columns.

    Attributes:
        text_column: name of the column of texts, or its number, from 1; None detects it.
        label_column: name of the column of classes, or its number; None detects it.
    """

    text_column: Column = None
    label_column: Column = None

    def table(self, path: Path, key: str) -> pd.DataFrame:
        """Read a table with labels, in the layout of the training data once that is known.

        Raises:
            DataError: see `read_in_layout`.
        """
        return read_in_layout(path, self, (self.text_column, self.label_column), key=key, is_header=_is_header)


@gives("texts")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    text_column: Column = None,
    label_column: Column = None,
    delimiter: str | None = None,
    encoding: str = "auto",
    header: bool | None = None,
    skip_rows: SkippedRows | None = None,
    valid_path: str | None = None,
    test_path: str | None = None,
    valid_fraction: HeldOutFraction = 0.1,
    test_fraction: HeldOutFraction = 0.1,
    split_seed: Natural = 0,
    min_count: Positive = 2,
    max_vocabulary: Size | None = 20_000,
    max_length: Positive | None = 256,
    keep: Keep = "start",
) -> LabelledTexts:
    """Read a table of texts and labels; splits without a file are stratified random samples of it.

    Args:
        mirror: unused.
        cache: unused.
        path: the table, relative to the working directory; `~` is the home folder.
        text_column: the column of texts, by name or number, from 1; null detects it if it is unambiguous.
        label_column: the column of classes, likewise.
        delimiter: one character, or `tab`; null detects it.
        encoding: the encoding, or `auto`: byte order mark, else UTF-8, else the best guess.
        header: whether the first row names the columns; null detects it.
        skip_rows: number of lines to skip at the top, or a list of line numbers to skip, from 1; null skips titles and
            comments above a header.
        valid_path: a table for validation, with the same columns.
        test_path: a table for test, with the same columns.
        valid_fraction: share of `path` for validation, if `valid_path` is null.
        test_fraction: share of `path` for test, if `test_path` is null.
        split_seed: seed of these samples.
        min_count: rarer words of train become `<unk>`.
        max_vocabulary: maximum number of words, `<eos>` and `<unk>` included.
        max_length: maximum number of words of a text that the network reads; null reads all.
        keep: the words of longer texts to read: at the `start`, at the `end`, or half at both `ends`.

    Raises:
        ConfigError: there is no such column or encoding, or a column must be named.
        DataError: a file is missing, broken or without labels; there are fewer than two classes, or far too many;
            validation or test has a class that train lacks.
    """
    requested = TextLayout(
        text_column=text_column,
        label_column=label_column,
        delimiter=delimiter,
        encoding=encoding,
        header=header,
        skip_rows=skipped_rows(skip_rows),
    )
    frame = requested.table(Path(path), "data.path")
    text_name, label_name = _columns(frame, requested, "data.")
    layout = TextLayout(**layout_of(frame), text_column=text_name, label_column=label_name)
    names = {"all": named_labels(frame, label_name, f"data.path: {path}")}
    texts = {"all": list(frame[text_name])}
    for split, place in {"valid": valid_path, "test": test_path}.items():
        if place is not None:
            key = f"data.{split}_path"
            other = layout.table(Path(place), key)
            columns = _columns(other, layout, "data.")
            texts[split], names[split] = list(other[columns[0]]), named_labels(other, columns[1], f"{key}: {place}")
    classes = sorted_classes(names["all"])
    check_classes(classes, names, label_name, len(frame))
    numbers = {name: number for number, name in enumerate(classes)}
    labels = {split: [numbers[name] for name in column] for split, column in names.items()}
    wanted = {"valid": valid_fraction, "test": test_fraction}
    fractions = {split: share for split, share in wanted.items() if split not in texts}
    compared = as_read(max_length, keep)
    texts, labels = draw_splits(texts, labels, "all", fractions, split_seed, compared)
    facts = {
        "columns": {"text": text_name, "label": label_name},
        "file_sha256": hashlib.sha256(read_file(path)).hexdigest(),
        "drawn_from_path": list(fractions),
        "encoding": frame.attrs["encoding"],
        "copies": count_copies(texts, compared),
    }
    data = make_texts(
        "text_csv",
        texts,
        labels,
        classes,
        min_count=min_count,
        max_vocabulary=max_vocabulary,
        max_length=max_length,
        keep=keep,
        reading=asdict(layout),
        facts=facts,
    )
    warn_of_absent(classes, data.facts["classes"])
    return data


def read_labelled(path: Path, form: TextForm, key: str) -> tuple[list[str], list[int]]:
    """Read another table in the format of the training data: texts and class numbers.

    For the spelling of labels see `gru_bench.data.texts.labels.match_labels`.

    Raises:
        ConfigError: there is no such column.
        DataError: the file is missing or broken, or a label is not one of the classes.
    """
    layout = TextLayout.from_dict(form.reading)
    frame = layout.table(path, key)
    text_name, label_name = _columns(frame, layout, "")
    place = f"{key}: {path}"
    labels = match_labels(named_labels(frame, label_name, place), form.classes, label_name, place)
    return list(frame[text_name]), labels


def read_unlabelled(path: Path, column: str | None, form: TextForm, key: str) -> list[str]:
    """Read the texts of a file: a column of a table, or the lines of a file that is no table.

    A table is a file that ends in .csv, .tsv or .tab (may be gzipped), or any other file with a `column`.

    Args:
        path: the file; `-` is standard input.
        column: the column of texts, by name or number; None takes that of the training data, or detects it.
        form: the form of the training data.
        key: the argument that names the file, for messages.

    Raises:
        ConfigError: there is no such column.
        DataError: the file is missing or broken.
    """
    endings = [ending.lower() for ending in path.suffixes if ending.lower() != ".gz"]
    if column is None and (not endings or endings[-1] not in TABLE_ENDINGS):
        return read_lines(path, key)
    layout = TextLayout.from_dict(form.reading)
    frame = _unlabelled_table(path, column, layout, key)
    if column is not None:
        return list(frame[find_column(column_names(frame), column, "column")])
    if layout.text_column in frame.columns:
        return list(frame[layout.text_column])
    return list(frame[_guess_text(frame, "column", ())])


def _unlabelled_table(path: Path, column: str | None, layout: TextLayout, key: str) -> pd.DataFrame:
    """Read a table in which columns of the training data, such as labels, may be missing."""
    if not layout.columns:
        return read_table(path, Layout(encoding=layout.encoding, delimiter=layout.delimiter), key=key)
    names = {str(layout.text_column).casefold(), *TEXT_NAMES}
    if column is not None and not column.isdigit():
        names = {column.casefold()}
        layout = replace(layout, header=True)
    return read_known_table(
        path,
        layout,
        lambda row: any(cell.casefold() in names for cell in row),
        key=key,
        single=str(layout.text_column) if column is None else None,
    )


def _is_header(cells: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns, if only that of the labels."""
    head, *body = cells
    return has_header(cells) or (len(head) > 1 and any(map(_names_labels, head, zip(*body, strict=True))))


def _names_labels(name: str, column: Sequence[str]) -> bool:
    """Return whether a cell is a usual name of labels that is no label below, or occurs once where all others recur."""
    counts = Counter(column)
    if name in counts or name.casefold() in NO_LABEL or starts_as_number(name):
        return False
    return name.casefold() in LABEL_NAMES or min(counts.values()) > 1


def _columns(frame: pd.DataFrame, layout: TextLayout, prefix: str) -> tuple[str, str]:
    """Return the columns of texts and of labels; columns that are not named are detected and logged."""
    text, label = layout.text_column, layout.label_column
    names = column_names(frame)
    text_name = None if text is None else find_column(names, text, f"{prefix}text_column")
    label_name = None if label is None else find_column(names, label, f"{prefix}label_column")
    if text_name is None:
        text_name = _guess_text(frame, f"{prefix}text_column", (label_name,))
    if label_name is None:
        label_name = _guess_label(frame, f"{prefix}label_column", text_name)
    if text_name == label_name:
        raise ConfigError(f"{prefix}label_column", label_name, "another column than that of the texts")
    if text is None or label is None:
        log.info("The column of texts is %r, that of labels %r.", text_name, label_name)
    return text_name, label_name


def _guess_text(frame: pd.DataFrame, option: str, taken: Sequence[str | None]) -> str:
    names = [name for name in column_names(frame) if name not in taken]
    long = [name for name in names if _mean_words(frame[name].head(1000).tolist()) >= 3]
    return only_column(names, option, names, named_like(names, TEXT_NAMES), long, what="texts")


def _mean_words(cells: Sequence[str]) -> float:
    return sum(len(cell.split()) for cell in cells) / len(cells)


def _guess_label(frame: pd.DataFrame, option: str, text: str) -> str:
    names = [name for name in column_names(frame) if name != text]
    few = [name for name in names if 2 <= len(set(frame[name])) <= min(MOST_CLASSES, len(frame) / 2)]
    return only_column(names, option, names, named_like(names, LABEL_NAMES), few, what="classes")
