"""Atomic writes of files, which in a run directory never replace files of others."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from gru_bench.errors import ConfigError, UserError

LIST_FILE = "gru_bench_files.json"
RUN_FILES = ("record.json", "config.yaml", "data.json", "metrics.jsonl", "log.txt", "samples.json")

_UNFINISHED = re.compile(r"\.(.+)\.\d+\.gru_bench(\.new)?\.tmp")


class ForeignFile(UserError):
    """A file that the run did not write would be replaced."""


class WrittenFiles:
    """The list of the files of a run, kept in its directory: the run replaces and removes only these.

    A name is listed before its file appears, so that the list of a killed process is complete. Until then the content
    is in a temporary file, marked as the first of its name. If a killed process has left one, a file of that name
    belongs to someone else.
    """

    def __init__(self, directory: Path, names: Iterable[str] = ()):
        """Make a list without reading or writing anything.

        Args:
            directory: the run directory.
            names: files that the run has written, relative to the directory.
        """
        self.directory = Path(os.path.abspath(directory))
        self._names = set(names)

    @classmethod
    def read(cls, directory: Path) -> WrittenFiles | None:
        """Return the list of a directory, or None if it has none.

        Raises:
            UserError: the list cannot be read.
        """
        path = directory / LIST_FILE
        try:
            names = json.loads(path.read_text(encoding="utf-8"))["files"]
            if not all(_inside(name) for name in names):
                raise ValueError("a name leads out of the directory")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise UserError(
                f"{path} cannot be read as the list of the files of a run: {error}. Delete it: files of the usual "
                "names then count as files of the run whose record.json is there."
            ) from None
        return cls(directory, names)

    def write(self) -> None:
        """Write the list.

        Raises:
            UserError: it cannot be written.
        """
        write_atomically(self.directory / LIST_FILE, json.dumps({"files": sorted(self._names)}, indent=1).encode())

    def __iter__(self) -> Iterator[Path]:
        return iter(sorted(self.directory / name for name in self._names))

    def __contains__(self, path: Path) -> bool:
        return self._name(path) in self._names

    def claim(self, path: Path) -> None:
        """List a file that is about to be written.

        Raises:
            ForeignFile: it exists, and the run did not write it.
            UserError: the list cannot be written.
        """
        if path in self:
            return
        if os.path.lexists(path):
            raise ForeignFile(
                f"{path} is not a file of this run, which therefore does not overwrite it. Move it away, then run the "
                "same command again."
            )
        self._names.add(self._name(path))
        self.write()

    def forget(self, path: Path) -> None:
        """Drop the name of a deleted file, which the next write of the list then lacks."""
        self._names.discard(self._name(path))

    def settle(self, folders: Iterable[Path]) -> None:
        """Remove temporary files of killed processes in some folders, and forget deleted files."""
        for folder in folders:
            for name in remove_unfinished(folder):
                self.forget(folder / name)
        for path in self:
            if not os.path.lexists(path):
                self.forget(path)

    def _name(self, path: Path) -> str:
        return Path(os.path.abspath(path)).relative_to(self.directory).as_posix()


_held: dict[Path, WrittenFiles] = {}


@contextmanager
def listing(files: WrittenFiles) -> Iterator[None]:
    """Add each file that this process writes in a run directory to the list of the run."""
    _held[files.directory] = files
    try:
        yield
    finally:
        del _held[files.directory]


def held(directory: Path) -> WrittenFiles | None:
    """Return the list of a run directory while this process writes there."""
    return _held.get(Path(os.path.abspath(directory)))


def home_expanded(path: str, key: str) -> Path:
    """Return a path with `~` and `~name` replaced by home folders.

    Args:
        path: the path of the user.
        key: the setting that names it, for messages.

    Raises:
        ConfigError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(key, path, "a path; ~ and ~NAME stand for home folders", "There is no such user.") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file atomically, so that readers see the old content or the new one, never a part of it.

    The target of a link is replaced; in a run directory, the link itself.

    Raises:
        UserError: the file cannot be written; it keeps the old content.
        ForeignFile: the file is in a run directory, and the run did not write it.
    """
    files = _list_for(path)
    if files is None and path.is_symlink():
        path = path.resolve()
    new = files is not None and path not in files
    temporary = path.with_name(f".{path.name}.{os.getpid()}.gru_bench{'.new' if new else ''}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if files is not None:
            files.claim(path)
        temporary.replace(path)
        _sync(path.parent)
    except BaseException as error:
        _remove(temporary)
        if files is not None and not os.path.lexists(path):
            files.forget(path)
        if not isinstance(error, OSError):
            raise
        raise UserError(
            f"cannot write {path}: {error.strerror or error}. Free space or mend permissions, then give the "
            "same command again: a run continues from its newest checkpoint."
        ) from error


def open_for_appending(path: Path) -> int:
    """Open a file for appending, and return its descriptor; create it if it does not exist.

    Raises:
        OSError: the file cannot be opened.
        UserError: it cannot be created in a run directory.
        ForeignFile: it is in a run directory, and the run did not write it.
    """
    files = _list_for(path)
    if files is not None and path not in files:
        write_atomically(path, b"")
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def remove(path: Path) -> None:
    """Remove a file if it exists; in a run directory, only a file of the run.

    Raises:
        OSError: the folder is read-only.
    """
    files = _list_for(path)
    if files is None or path in files:
        path.unlink(missing_ok=True)
    if files is not None:
        files.forget(path)


def remove_unfinished(folder: Path) -> list[str]:
    """Remove temporary files of killed processes, and return the names of files that were to be written first.

    No process may be writing in the folder.
    """
    names = []
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _UNFINISHED.fullmatch(path.name)
        if match is not None:
            _remove(path)
            names += [match[1]] if match[2] else []
    return names


def _list_for(path: Path) -> WrittenFiles | None:
    """Return the list to which a file belongs, or None."""
    if path.name == LIST_FILE or not _held:
        return None
    parents = Path(os.path.abspath(path)).parents
    return next((_held[folder] for folder in parents if folder in _held), None)


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _sync(folder: Path) -> None:
    """Flush the entries of a folder to disk, so that a power failure does not undo a rename."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):  # in a read-only folder a left-over file does no harm
        path.unlink(missing_ok=True)
