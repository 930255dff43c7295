"""`metrics.jsonl`: one strict JSON object per line, appended while a run trains and read back afterwards.

JSON has no NaN and no infinity. They are written as the strings "NaN", "Infinity" and "-Infinity", and
`read_metrics` returns them as floats again.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from gru_bench.errors import UserError

_TO_TEXT = {math.inf: "Infinity", -math.inf: "-Infinity"}
_FROM_TEXT = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class MetricsFile:
    """An append-only file of rows that holds whole lines only, also when the disk fills up or the run is killed.

    Raises:
        UserError: the file cannot be opened, on construction.
    """

    def __init__(self, path: Path):
        self.path = path
        self._descriptor = self._open()

    def write(self, row: Mapping[str, Any]) -> None:
        """Append one row; it is in the file, for every reader, when this returns.

        Raises:
            UserError: the disk is full or the file cannot be written; the file then ends with the row before.
        """
        line = _encode(row)
        before = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except OSError as error:
            os.ftruncate(self._descriptor, before)
            raise _unwritable(self.path, error) from error

    def truncate_after(self, update: int) -> int:
        """Drop the rows beyond `update` and a half-written last line, so that a resumed run repeats none.

        Args:
            update: the last optimiser update that stays; rows without an update stay too.

        Returns:
            How many lines were dropped. The file is replaced in one step, or left untouched where none is.

        Raises:
            UserError: a line other than the last is damaged, or the disk is full.
        """
        kept: list[bytes] = []
        lines = self.path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            row = _decode(line, self.path, number, last=number == len(lines))
            if row is not None and row.get("update", update) <= update:
                kept.append(line)
        if len(kept) < len(lines):
            self._replace(b"".join(kept))
        return len(lines) - len(kept)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> MetricsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _replace(self, content: bytes) -> None:
        temporary = self.path.with_name(self.path.name + ".new")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise _unwritable(self.path, error) from error
        self.close()
        self._descriptor = self._open()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return all rows of a metrics file, in order; a half-written last line, as of a run in progress, is left out.

    Raises:
        UserError: the file cannot be read, or a line other than the last is damaged.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}). Expected the metrics of a run, one JSON object per line; "
            "give a run directory that holds metrics.jsonl."
        ) from error
    rows = (_decode(line, path, number, last=number == len(lines)) for number, line in enumerate(lines, start=1))
    return [{name: _from_text(value) for name, value in row.items()} for row in rows if row is not None]


def _encode(row: Mapping[str, Any]) -> bytes:
    return (json.dumps({name: _to_text(value) for name, value in row.items()}, allow_nan=False) + "\n").encode()


def _to_text(value: Any) -> Any:
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return _TO_TEXT.get(value, "NaN")
    return value


def _from_text(value: Any) -> Any:
    return _FROM_TEXT.get(value, value) if isinstance(value, str) else value


def _decode(line: bytes, path: Path, number: int, *, last: bool) -> dict[str, Any] | None:
    """Return the row on one line, or None for a half-written last line."""
    if last and not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise UserError(
            f"{path}, line {number}: found {line[:60]!r}, expected one JSON object. The file was edited or damaged; "
            "mend or delete that line, or start the run anew with fresh=true."
        )
    return row


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(
        f"{path}: cannot be written ({error.strerror}). Free space or mend the permissions there, or choose "
        "another place with run_dir=..., then give the same command again: it continues from the last checkpoint."
    )
