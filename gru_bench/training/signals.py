"""SIGINT, SIGTERM and SIGHUP: noted when they come, acted upon when the current update is done.

SIGHUP, which the end of a terminal or an SSH session sends, is left alone where it is ignored, as under nohup. Signals
reach the main thread alone, so nothing here does anything in another one; what was there before comes back at the end.

So are SIGUSR1 and SIGUSR2 where a launcher listens to them: submitit has Slurm send one before a job's time is up, and
starts the job anew. The launcher hears it when the run is written down.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_HANGUP = getattr(signal, "SIGHUP", None)  # Windows has none
_ENDING = tuple(number for number in (signal.SIGTERM, _HANGUP) if number is not None)
_OF_LAUNCHERS = (signal.SIGUSR1, signal.SIGUSR2)
_AGAIN = 0.05  # seconds after which a signal that was lost in a callback is sent once more


class Interrupted(KeyboardInterrupt):
    """A run was stopped by a signal; `exit_code` is 128 + the signal's number.

    No Exception, so that it also ends a sweep.
    """

    def __init__(self, number: int):
        self.number, self.exit_code = number, 128 + number
        super().__init__(signal.Signals(number).name)

    def __reduce__(self) -> tuple[type[Interrupted], tuple[int]]:
        return Interrupted, (self.number,)  # or processes of a launcher could not hand it back


@contextmanager
def terminated() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise `Interrupted`, as SIGINT raises KeyboardInterrupt, so that a run can record its end.

    So do the signals that a launcher listens to; see `pass_on`. Any may come while Python runs a callback whose
    errors it only reports; JAX has one at every garbage collection. It would be lost there, and is sent once more.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    def send_again(unraisable: sys.UnraisableHookArgs) -> None:
        error = unraisable.exc_value
        if isinstance(error, KeyboardInterrupt):
            number = error.number if isinstance(error, Interrupted) else signal.SIGINT
            timer = threading.Timer(_AGAIN, os.kill, [os.getpid(), number])
            timer.daemon = True
            timer.start()
        else:
            previous_hook(unraisable)

    previous_hook = sys.unraisablehook
    previous = _handled(_ENDING, stop)
    sys.unraisablehook = send_again
    try:
        yield
    finally:
        sys.unraisablehook = previous_hook
        _restore(previous)


def pass_on(stop: Interrupted) -> None:
    """Let the launcher hear the signal that stopped a run, where it is one that the launcher listens to."""
    if stop.number in _of_launcher():
        signal.raise_signal(stop.number)


def leave_at_once(code: int) -> None:
    """Let a further SIGINT end the process without a word: what is left to do is Python's own end.

    For a process that is about to end, never for one that called us, such as a notebook.
    """
    signal.signal(signal.SIGINT, lambda *_: os._exit(code))


def _of_launcher() -> list[int]:
    """Return the signals of launchers that somebody listens to."""
    return [number for number in _OF_LAUNCHERS if callable(signal.getsignal(number))]


class SignalWatch:
    """Context manager that notes the first signal in `received`; a second one acts at once."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> SignalWatch:
        self._previous = _handled((signal.SIGINT, *_ENDING), self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _restore(self._previous)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        _restore(self._previous)


def _handled(numbers: Sequence[int], handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Let a handler have signals and those of a launcher; return the handlers before it, for `_restore`."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    ours = [number for number in numbers if number != _HANGUP or signal.getsignal(number) != signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in (*ours, *_of_launcher())}


def _restore(previous: dict[int, Any]) -> None:
    while previous:
        number, handler = previous.popitem()
        if handler is not None:  # one that no Python code has set cannot be set again
            signal.signal(number, handler)
