"""Standard streams as they come: closed, full, of few characters or columns, or a pipe whose reader goes away."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from rich.console import Console, RenderableType
from rich.measure import Measurement

from gru_bench.errors import DataError

BROKEN_PIPE = 141  # exit code: 128 + SIGPIPE, as shells report it
NARROWEST = 80  # columns; below, a table would lose digits where a terminal only wraps lines
WIDEST = 1000

logger = logging.getLogger("gru_bench")

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}


def printable(text: str) -> str:
    """Return text of others for a terminal: escapes instead of control characters, which would steer it."""
    return text.translate(_CONTROLS)


class Output:
    """A standard stream that takes all text: what it cannot encode becomes `?`, what it cannot hold is dropped.

    Attributes:
        lost: the first error of the stream, such as a full disk.
    """

    def __init__(self, stream: Any, *, raises: tuple[type[Exception], ...] = ()):
        """Wrap a stream.

        Args:
            stream: the stream; None, as Python has it for one that was closed, drops everything.
            raises: errors of the stream that are raised.
        """
        self._stream, self._raises = stream, raises
        self.lost: Exception | None = None

    def write(self, text: str) -> int:
        """Write text, as far as that is possible."""
        with self._watched() as stream:
            try:
                stream.write(text)
            except UnicodeEncodeError:
                stream.write(text.encode(self.encoding, "replace").decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, as far as that is possible."""
        with self._watched() as stream:
            stream.flush()

    @property
    def encoding(self) -> str:
        """The encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[Any]:
        try:
            yield io.StringIO() if self._stream is None or self.lost is not None else self._stream
        except self._raises:
            raise
        except (OSError, ValueError) as error:  # ValueError: a program that called us has closed it
            self.lost = error
            drop_output(self)


@contextlib.contextmanager
def open_streams() -> Iterator[Output]:
    """Let a command write to `sys.stdout` and `sys.stderr`, whatever they are; return the former."""
    _occupy_closed()
    before = sys.stdout, sys.stderr
    output = Output(sys.stdout, raises=(BrokenPipeError,))
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, Output(sys.stderr))
    try:
        yield output
    finally:
        sys.stdout, sys.stderr = before


def say_lost(output: Output) -> bool:
    """Say on standard error that output could not be written, and return whether that is so."""
    output.flush()
    if output.lost is None:
        return False
    reason = getattr(output.lost, "strerror", None) or output.lost
    print(f"Standard output cannot be written: {reason}.", file=sys.stderr)
    return True


def read_standard_input(key: str) -> bytes:
    """Return all of standard input.

    Args:
        key: the argument that reads it, for messages.

    Raises:
        DataError: it is closed or cannot be read.
    """
    if sys.stdin is None:
        raise DataError(f"{key}: standard input is closed. Give a file or a text instead.")
    try:
        buffer = getattr(sys.stdin, "buffer", None)  # a notebook's has none
        return sys.stdin.read().encode() if buffer is None else buffer.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{key}: standard input cannot be read: {reason}. Give a file or a text instead.") from error


def read_lines(prompt: str) -> Iterator[str]:
    """Yield the lines of standard input as they come; a terminal shows a prompt before each.

    Raises:
        DataError: it is closed or cannot be read.
    """
    if sys.stdin is None:
        raise DataError("standard input is closed. Give texts as arguments instead.")
    asks, mark = sys.stdin.isatty(), "\ufeff"
    while True:
        if asks:
            print(prompt, end="", file=sys.stderr, flush=True)
        try:
            line = sys.stdin.readline()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"standard input cannot be read: {reason}. Give texts as arguments instead.") from error
        if not line:
            break
        yield line.removesuffix("\n").removeprefix(mark)
        mark = ""
    if asks:
        print(file=sys.stderr)


def _occupy_closed() -> None:
    """Give the descriptors of closed streams to the null device, or the next file that is opened would take them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest that is free


class Terminal(Console):
    """A console that prints text as it is, and takes the end of its reader as no error of the program."""

    def __init__(self, *, go_on: bool = False, **options: Any):
        """Open standard output, or what `options` of `rich.console.Console` say.

        Args:
            go_on: whether the program goes on without output, for work that is worth more than its display;
                otherwise `BrokenPipeError` ends it.
            **options: of `rich.console.Console`. Brackets and `:names:` are text of others, not markup and emoji.
        """
        self._go_on = go_on
        super().__init__(**{"markup": False, "emoji": False, **options})

    @Console.file.getter
    def file(self) -> Any:
        """The stream; it takes all text, see `Output`."""
        stream = super().file
        return stream if isinstance(stream, Output) else Output(stream, raises=(BrokenPipeError,))

    def on_broken_pipe(self) -> None:
        """Drop all further output, then go on or end, as asked.

        Raises:
            BrokenPipeError: the program is not to go on.
        """
        self.quiet = True
        drop_output()
        if not self._go_on:
            raise BrokenPipeError
        logger.warning("Nothing reads the output any more; the run goes on, and this log with it.")


def print_whole(console: Console, tables: RenderableType, at_least: int = NARROWEST) -> None:
    """Print tables as wide as their numbers need, whose lines a narrower terminal wraps."""
    before = console.width
    needed = Measurement.get(console, console.options.update(max_width=WIDEST), tables).minimum
    console.width = max(before, needed, at_least)
    try:
        console.print(tables)
    finally:
        console.width = before


def drop_output(stream: Any = None) -> None:
    """Send a stream, standard output by default, nowhere, so that no later write or flush fails once more."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # a stream without a descriptor
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, (stream or sys.stdout).fileno())
        os.close(null)
