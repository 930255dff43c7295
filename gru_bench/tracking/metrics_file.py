"""`metrics.jsonl`: one strict JSON object per line, appended while a run trains; `gru_bench.history` reads it back.

JSON has no NaN and no infinity. They are written as the strings "NaN", "Infinity" and "-Infinity".
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
from gru_bench.files import open_for_appending, write_atomically
from gru_bench.history import decode_line

_TO_TEXT = {math.inf: "Infinity", -math.inf: "-Infinity"}


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
            row = decode_line(line, self.path, number, last=number == len(lines))
            if row is not None and row.get("update", update) <= update:
                kept.append(line)
        if len(kept) < len(lines):
            self._replace(b"".join(kept))
        return len(lines) - len(kept)

    def sync(self) -> None:
        """Bring all rows to the disk, so that no power cut loses one that a checkpoint counts on.

        Raises:
            UserError: the disk is full.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise _unwritable(self.path, error) from error

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
            return open_for_appending(self.path)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _replace(self, content: bytes) -> None:
        write_atomically(self.path, content)
        self.close()
        self._descriptor = self._open()


def _encode(row: Mapping[str, Any]) -> bytes:
    return (json.dumps({name: _to_text(value) for name, value in row.items()}, allow_nan=False) + "\n").encode()


def _to_text(value: Any) -> Any:
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return _TO_TEXT.get(value, "NaN")
    return value


def _unwritable(path: Path, error: OSError) -> UserError:
    return UserError(
        f"{path}: cannot be written ({error.strerror}). Free space or mend the permissions there, or choose "
        "another place with run_dir=... or paths.runs=..., then give the same command again: it continues from the "
        "last checkpoint."
    )
