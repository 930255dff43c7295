"""The directory of one run: one owner at a time, and never two runs in one place."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from gru_bench.config import Config, differences, identity
from gru_bench.errors import ConfigError, UserError
from gru_bench.files import remove_unfinished, write_atomically
from gru_bench.record import FILE_NAME, SAMPLES_FILE, RunRecord, read_record
from gru_bench.training.checkpoint import Checkpoints

_LOCK, _OWNER = "lock", "owner.json"
_FOLDERS = ("checkpoints", "figures", "wandb")
_OURS = (*_FOLDERS, "metrics.jsonl", "config.yaml", "log.txt", "data.json", SAMPLES_FILE, FILE_NAME)

logger = logging.getLogger("gru_bench")


class InUse(UserError):
    """Another process holds the run directory."""


@contextmanager
def owned(directory: Path) -> Iterator[Path]:
    """Hold a run directory as its only owner.

    Raises:
        InUse: another process holds it.
        UserError: it cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the run directory {directory}: {error.strerror}. Set run_dir=...") from error
    lock = filelock.FileLock(directory / _LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise InUse(
            f"{directory} is in use by {_owner(directory)}. Wait for it, stop it, or choose another run_dir=..."
        ) from None
    except OSError as error:
        raise UserError(f"cannot lock the run directory {directory}: {error.strerror}. Set run_dir=...") from error
    try:
        if (directory / _OWNER).exists():
            logger.warning(
                "The lock of %s is stale: its owner, %s, is gone. Taking over.", directory, _owner(directory)
            )
        for folder in (directory, *(directory / name for name in _FOLDERS)):
            remove_unfinished(folder)
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        owner = {"process": os.getpid(), "host": socket.gethostname(), "since": now}
        write_atomically(directory / _OWNER, json.dumps(owner).encode())
        yield directory
    finally:
        with contextlib.suppress(OSError):  # a folder that is read-only by now: the next owner finds a stale name
            (directory / _OWNER).unlink(missing_ok=True)
        lock.release()


def _owner(directory: Path) -> str:
    try:
        owner = json.loads((directory / _OWNER).read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError):
        return "an unknown process"


def clear(directory: Path) -> None:
    """Remove what a run has left in its directory, and nothing else; without a record, its checkpoints alone."""
    Checkpoints(directory / "checkpoints").clear()
    if not (directory / FILE_NAME).exists():
        return
    for name in _OURS:
        path = directory / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def previous_record(directory: Path, config: Config) -> RunRecord | None:
    """Return the record of an earlier run with the same settings in this directory; None where there is none.

    Raises:
        ConfigError: the directory holds a run with other settings.
        UserError: its record is damaged.
    """
    if not (directory / FILE_NAME).exists():
        return None
    try:
        record = read_record(directory)
    except UserError as error:
        raise UserError(
            f"{error} Delete the file: the same command then goes on from the newest checkpoint, whose settings, seed "
            "and data are compared with these."
        ) from error
    found = list(differences(config.identity, identity(record.config)))
    if found:
        raise ConfigError(
            "run_dir",
            str(directory),
            "a directory of its own for each run: this one holds a run with other settings (" + "; ".join(found) + ")",
            "Choose another run_dir, or fresh=true to replace that run.",
        )
    return record
