"""Route log messages to the terminal and to the log files of runs."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from io import TextIOWrapper
from pathlib import Path

from rich.console import Console

from gru_bench.errors import UserError
from gru_bench.files import open_for_appending
from gru_bench.redaction import Redaction

logger = logging.getLogger("gru_bench")


@contextmanager
def logging_to(directories: Sequence[Path], console: Console) -> Iterator[None]:
    """Send log messages to the terminal, above the progress bar, and to the log.txt of each run concerned."""
    handlers: list[logging.Handler] = [_ConsoleHandler(console)]
    for directory in directories:
        file = _LogFile(directory / "log.txt")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        file.addFilter(lambda _, directory=directory: _run.get() in (None, directory))
        handlers.append(file)
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        handler.addFilter(Redaction())
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.level, logger.propagate = before
        for handler in handlers:
            logger.removeHandler(handler)
            with suppress(OSError):  # the disk is full, which `_LogFile` has reported
                handler.close()


_run: ContextVar[Path | None] = ContextVar("run", default=None)


@contextmanager
def log_of(directory: Path) -> Iterator[None]:
    """Route log messages to one run's log file; all others go to the files of all runs."""
    before = _run.set(directory)
    try:
        yield
    finally:
        _run.reset(before)


class _LogFile(logging.FileHandler):
    """Writes messages to a file; if that fails, reports it once on the terminal and lets the run continue."""

    def __init__(self, path: Path):
        super().__init__(path, encoding="utf-8", errors="backslashreplace", delay=True)  # opened after `clear`
        self._failed = False

    def _open(self) -> TextIOWrapper:
        return os.fdopen(open_for_appending(Path(self.baseFilename)), "a", encoding=self.encoding)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message."""
        try:
            super().emit(record)
        except (OSError, UserError):  # it could not be opened
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Report once that the file cannot be written."""
        error = sys.exception()
        if not isinstance(error, OSError | UserError):
            super().handleError(record)
        elif not self._failed:
            self._failed = True
            reason = error.strerror if isinstance(error, OSError) else error
            print(f"{self.baseFilename} cannot be written: {reason}; messages are shown here.", file=sys.stderr)


class _ConsoleHandler(logging.Handler):
    """Prints messages literally, without wrapping."""

    def __init__(self, console: Console):
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        self._console.print(self.format(record), markup=False, emoji=False, soft_wrap=True)
