"""The terminal, or the pipe in its place, whose reader may go away: `python -m gru_bench.report | head -1`."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from rich.console import Console

BROKEN_PIPE = 141  # exit code: 128 + SIGPIPE, as shells report it

logger = logging.getLogger("gru_bench")


class Terminal(Console):
    """A console that takes the end of its reader as what it is, and no error of the program."""

    def __init__(self, *, go_on: bool = False, **options: Any):
        """Open standard output, or what `options` of `rich.console.Console` say.

        Args:
            go_on: whether the program goes on without output, for work that is worth more than its display;
                otherwise `BrokenPipeError` ends it.
            **options: of `rich.console.Console`.
        """
        self._go_on = go_on
        super().__init__(**options)

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


def drop_output() -> None:
    """Send standard output nowhere, so that no later write or flush fails once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
