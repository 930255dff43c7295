"""The directory of one run: one owner at a time, and never two runs in one place."""

from __future__ import annotations

import contextlib
import datetime
import glob
import json
import logging
import os
import re
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import filelock

from gru_bench.config import Config, differences, identity
from gru_bench.errors import ConfigError, UserError
from gru_bench.files import LIST_FILE, RUN_FILES, WrittenFiles, held, listing, write_atomically
from gru_bench.record import FILE_NAME, RunRecord, read_record

_LOCK, _OWNER = "lock", "owner.json"
_UNKNOWN = "an unknown process"
_FOLDERS = ("checkpoints", "figures", "wandb")
_PICTURES = (
    *("learning_curve", "gate_activity", "forecast", "error_over_horizon", "residuals", "confusion_matrix"),
    *("reliability", "words", "piano_roll", "error_by_distance", "error_by_place", "right_by_n"),
)
_NAMES = (
    *RUN_FILES,
    *("checkpoints/best.npz", "wandb/run_id"),
    *(f"figures/{name}.png" for name in _PICTURES),
)
_BEGINNING = re.compile(rb'\{\s*"status": "\w+",\s*"task": ')  # of all records
_SHOWN = 10  # files that a message names

_ELSEWHERE = "Set run_dir=..., or paths.runs=... for replicas and sweeps."

logger = logging.getLogger("gru_bench")


class InUse(UserError):
    """Another process holds the run directory."""


@contextmanager
def owned(directory: Path) -> Iterator[Path]:
    """Hold a run directory as its only owner.

    Raises:
        InUse: another process holds it.
        ConfigError: it is no run directory, and holds files of the names that a run writes; nothing is changed.
        UserError: it cannot be written.
    """
    _refuse_foreign_directory(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the run directory {directory}: {error.strerror}. {_ELSEWHERE}") from error
    lock = filelock.FileLock(directory / _LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise InUse(
            f"{directory} is in use by {_owner(directory)}. Wait for it, stop it, or choose another place. {_ELSEWHERE}"
        ) from None
    except OSError as error:
        raise UserError(f"cannot lock the run directory {directory}: {error.strerror}. {_ELSEWHERE}") from error
    try:
        _check_owner(directory)
        files = _files_of(directory)
        files.settle([directory, *(directory / name for name in _FOLDERS)])
        files.write()
        with _marked_as_owned(directory), listing(files):
            yield directory
    finally:
        lock.release()


def _check_owner(directory: Path) -> None:
    """Warn of an owner that is gone; a file that names none is not ours."""
    if not os.path.lexists(directory / _OWNER):
        return
    if _owner(directory) == _UNKNOWN:
        _refuse(directory, [directory / _OWNER])
    logger.warning("The lock of %s is stale: its owner, %s, is gone. Taking over.", directory, _owner(directory))


@contextmanager
def _marked_as_owned(directory: Path) -> Iterator[None]:
    """Note in a directory which process owns it."""
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    owner = {"process": os.getpid(), "host": socket.gethostname(), "since": now}
    try:
        write_atomically(directory / _OWNER, json.dumps(owner).encode())
        yield
    finally:
        with contextlib.suppress(OSError):  # a folder that is read-only by now: the next owner finds a stale name
            (directory / _OWNER).unlink(missing_ok=True)


def _owner(directory: Path) -> str:
    try:
        owner = json.loads((directory / _OWNER).read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return _UNKNOWN


def clear(directory: Path) -> None:
    """Remove the files that a run has written, and the folders that are empty then."""
    files = _files_of(directory)
    _remove_tracked(directory / "wandb", files)
    for path in files:  # checkpoints come first
        path.unlink(missing_ok=True)
        files.forget(path)
    files.write()
    for name in _FOLDERS:
        with contextlib.suppress(OSError):  # it is not there, or holds files of somebody else
            (directory / name).rmdir()


def check_files(directory: Path) -> None:
    """Check that a run will overwrite no file but its own.

    Raises:
        ConfigError: its directory holds files of the names that a run writes, and they are not those of this run.
    """
    files = _files_of(directory)
    _refuse(directory, [path for path in _usual_files(directory) if path not in files])


def _remove_tracked(folder: Path, files: WrittenFiles) -> None:
    """Remove what W&B has kept of the run: folders whose names end in the identity that we have given it."""
    stored = folder / "run_id"
    identity = stored.read_text(encoding="utf-8").strip() if stored in files and stored.exists() else ""
    if not identity:
        return
    tracked = list(folder.glob(f"*run-*-{glob.escape(identity)}"))
    for link in folder.iterdir():
        if link.is_symlink() and any(link.resolve().is_relative_to(kept.resolve()) for kept in tracked):
            link.unlink()
    for kept in tracked:
        shutil.rmtree(kept)


def _files_of(directory: Path) -> WrittenFiles:
    """Return the list of what a run has written; for a run of an earlier version, which kept none, by its names."""
    files = held(directory) or WrittenFiles.read(directory)
    if files is not None:
        return files
    names = [path.relative_to(directory).as_posix() for path in _usual_files(directory)]
    return WrittenFiles(directory, names if _has_record(directory) else [])


def _refuse_foreign_directory(directory: Path) -> None:
    """Check a directory before anything is written there, its lock included."""
    try:
        lock, owner = directory / _LOCK, directory / _OWNER
        foreign = [lock] if lock.exists() and (lock.is_dir() or lock.stat().st_size) else []  # ours is always empty
        if (directory / LIST_FILE).exists() or _has_record(directory):
            return _refuse(directory, foreign)
        foreign += [owner] if owner.exists() and _owner(directory) == _UNKNOWN else []
        in_the_way = [*_usual_files(directory), *foreign]
    except OSError as error:
        raise UserError(f"cannot read the run directory {directory}: {error.strerror}. {_ELSEWHERE}") from error
    if not (directory / LIST_FILE).exists():  # the first files of another process, which writes its list before them
        _refuse(directory, in_the_way)


def _usual_files(directory: Path) -> list[Path]:
    """Return what stands in a directory under the names of a run's files and folders."""
    files = [directory / name for name in _NAMES]
    files += [directory / name for name in _FOLDERS if not (directory / name).is_dir()]
    return [*filter(os.path.lexists, files), *sorted((directory / "checkpoints").glob("update-*.npz"))]


def _has_record(directory: Path) -> bool:
    """Say whether a directory has the record of a run, be it damaged or of another version."""
    try:
        content = (directory / FILE_NAME).read_bytes()
    except OSError:
        return False
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        return _BEGINNING.match(content) is not None
    return isinstance(values, dict) and {"schema", "status", "task"} <= values.keys()


def _refuse(directory: Path, files: Sequence[Path]) -> None:
    if not files:
        return
    names = [path.relative_to(directory).as_posix() for path in files]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise ConfigError(
        "run_dir",
        str(directory),
        "a folder where a run overwrites no file of somebody else; it would write "
        f"{', '.join(names[:_SHOWN])}{more}, which no run has written there",
        f"Move these files away, or choose another place. {_ELSEWHERE}",
    )


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
            f"{error} Delete the file: the same command then continues from the newest checkpoint, whose settings, "
            "seed and data are compared with these."
        ) from error
    if differing := "; ".join(differences(config.identity, identity(record.config))):
        raise ConfigError(
            "run_dir",
            str(directory),
            f"a directory of its own for each run: this one holds a run with other settings ({differing})",
            f"fresh=true replaces that run. {_ELSEWHERE}",
        )
    return record
