"""SIGINT and SIGTERM: noted when they come, acted upon when the current update is done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A run was stopped by a signal; `exit_code` is 128 + the signal's number.

    No Exception, so that it also ends a sweep.
    """

    def __init__(self, number: int):
        self.number, self.exit_code = number, 128 + number
        super().__init__(signal.Signals(number).name)


@contextmanager
def terminated() -> Iterator[None]:
    """Let SIGTERM raise `Interrupted`, as SIGINT raises KeyboardInterrupt, so that a run can write how it ended."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


class SignalWatch:
    """Context manager that notes the first signal in `received`; a second one acts at once."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> SignalWatch:
        for number in _SIGNALS:
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._restore()

    def _restore(self) -> None:
        while self._previous:
            number, handler = self._previous.popitem()
            signal.signal(number, handler)
