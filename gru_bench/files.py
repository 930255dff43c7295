"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gru_bench.errors import UserError

_UNFINISHED = re.compile(r"\..+\.\d+\.tmp")


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that a reader sees the old content or the new one, never half of it.

    Raises:
        UserError: the file cannot be written; the old content is still there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(path.parent)
    except BaseException as error:
        _remove(temporary)
        if not isinstance(error, OSError):
            raise
        raise UserError(
            f"cannot write {path}: {error.strerror or error}. Free space or mend permissions, then give the "
            "same command again: a run goes on from its newest checkpoint."
        ) from error


def remove_unfinished(folder: Path) -> None:
    """Remove what writers left behind that were killed in the middle; the folder must have none at work."""
    if folder.is_dir():
        for path in folder.iterdir():
            if _UNFINISHED.fullmatch(path.name):
                _remove(path)


def _sync(folder: Path) -> None:
    """Bring the names of a folder to the disk, so that a power cut does not undo a rename."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # the folder is read-only by now: what lies there harms nobody
        return
