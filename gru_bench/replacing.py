"""Which existing files a command may replace: its own earlier outputs, and others only with overwrite=true."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

from gru_bench.errors import ConfigError, UserError
from gru_bench.files import LIST_FILE, RUN_FILES, WrittenFiles

GENERATOR = "gru_bench"
"""What our pages and pictures say of the program that made them."""

OVERWRITE = "Give another name, or overwrite=true to replace it."

_HEAD = 4096  # bytes
_EARLIER_PAGE = b'content="default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-'

Recogniser = Callable[[Path], bool]


def check_replaceable(
    path: Path,
    key: str,
    ours: Recogniser,
    *,
    inputs: Iterable[Path] = (),
    overwrite: bool = False,
    hint: str = OVERWRITE,
) -> None:
    """Check that a command may write a file: it is new, empty, no regular file, or an earlier output of ours.

    Args:
        path: the file.
        key: the argument that names it, for the message.
        ours: says whether the existing file is an earlier output of the same command.
        inputs: files and folders that the command reads; they are never replaced, and nothing is added to a folder.
        overwrite: whether the user allows that a file of another kind is replaced; files of a run and inputs are not.
        hint: what to do, for the message.

    Raises:
        ConfigError: the file is one that the command must not replace.
        UserError: it cannot be written where it is.
    """
    real = Path(os.path.realpath(path))  # `absent/../file` as well, whose folder is going to be made
    try:
        if run := _run_of(real):
            raise ConfigError(key, path, f"a file that is not one of the run in {run}", "Give another name.")
        if any(_same(place, other) for other in inputs for place in (real, *real.parents)):
            raise ConfigError(key, path, "a file other than those that the command reads", "Give another name.")
        if overwrite or not real.is_file() or not real.stat().st_size or holds(ours, real):
            return
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}). Give another file: {key}=...") from error
    raise ConfigError(key, path, "a new file, or an earlier output of this command, which that one is not", hint)


def is_table(columns: Sequence[str], rows: int | None = None) -> Recogniser:
    """Return what recognises a CSV file of some columns, and with some number of rows."""

    def recognised(path: Path) -> bool:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            same = next(reader, []) == list(columns)
            return same and rows in (None, sum(1 for _ in reader))

    return recognised


def is_list_of(keys: Sequence[str]) -> Recogniser:
    """Return what recognises a JSON file of a list of objects that have some keys between them."""

    def recognised(path: Path) -> bool:
        rows = json.loads(path.read_text(encoding="utf-8"))
        objects = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
        return objects and bool(rows) and set().union(*rows) == set(keys)

    return recognised


def is_page(path: Path) -> bool:
    """Say whether a file is an HTML page of ours."""
    head = _head(path)
    return f'name="generator" content="{GENERATOR}"'.encode() in head or _EARLIER_PAGE in head


def is_picture(path: Path) -> bool:
    """Say whether a file is a PNG picture of ours."""
    return f"Software\0{GENERATOR}".encode() in _head(path)


def begins_with(text: str) -> Recogniser:
    """Return what recognises a file that begins with a text."""
    return lambda path: _head(path).startswith(text.encode())


def is_study(path: Path) -> bool:
    """Say whether a file is an SQLite file of Optuna's."""
    if not _head(path).startswith(b"SQLite format 3\0"):
        return False
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("select name from sqlite_master")}
    return not tables or "studies" in tables


def _run_of(path: Path) -> Path | None:
    """Return the run directory that a file belongs to."""
    for directory in path.parents:
        if (directory / LIST_FILE).exists() or (directory / RUN_FILES[0]).exists():
            name = path.relative_to(directory).as_posix()
            files = WrittenFiles.read(directory) or WrittenFiles(directory)
            if name in (*RUN_FILES, LIST_FILE, "lock", "owner.json") or path in files:
                return directory
            if name.startswith(("checkpoints/", "wandb/")):
                return directory
    return None


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:
        return False


def holds(ours: Recogniser, path: Path) -> bool:
    """Say whether a file is recognised; one that cannot be read is not."""
    try:
        return ours(path)
    except (OSError, ValueError, csv.Error, RecursionError, sqlite3.Error):
        return False


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)
