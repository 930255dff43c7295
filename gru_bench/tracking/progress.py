"""Progress in the terminal: a bar with loss, speed and time left; plain lines where there is no terminal."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

_WIDE = 75  # columns from which on the bar itself fits beside loss, speed and time left


class Progress:
    """Shows how far a run is; a context manager.

    On a terminal one bar is kept up to date. Elsewhere (a pipe, a log file, CI) nothing is drawn: each
    evaluation and each note is one plain line without control codes.
    """

    def __init__(
        self,
        total_updates: int | None,
        item: str,
        console: Console | None = None,
        *,
        total_seconds: float | None = None,
        first_update: int = 0,
        runs: int = 1,
    ):
        """Prepare; nothing is shown before the context is entered.

        Args:
            total_updates: optimiser updates of the whole run, or None where a budget in seconds decides.
            item: what is counted per second, such as `tokens` or `sequences`.
            console: where to print; standard output by default.
            total_seconds: the budget in seconds of a run without `total_updates`.
            first_update: updates done before this process began, for a resumed run.
            runs: how many runs are trained at once.
        """
        self._console = console or Console()
        self._total_updates, self._total_seconds = total_updates, total_seconds
        self._item = item
        self._runs = self._live = runs
        self._first_update = self._update = first_update
        self._loss, self._speed, self._seconds = float("nan"), float("nan"), 0.0
        self._began = time.monotonic()
        self._bar: Bar | None = None
        if self._console.is_interactive and self._console.file.isatty():  # FORCE_COLOR makes a pipe look like one
            bar = (BarColumn(bar_width=None), TextColumn("{task.percentage:>3.0f}%"))
            self._bar = Bar(
                *(bar if self._console.width >= _WIDE else ()),
                TextColumn("{task.fields[state]}", markup=False),
                console=self._console,
                refresh_per_second=4,
                transient=True,
                expand=True,
            )
            total = total_updates if total_updates is not None else total_seconds
            self._task = self._bar.add_task("", total=total, state="compiling")
            self._bar.update(self._task, completed=self._done)

    def __enter__(self) -> Progress:
        self._began = time.monotonic()
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, update: int, loss: float, items_per_second: float, seconds: float | None = None) -> None:
        """Show the state after an update.

        Args:
            update: optimiser updates done in the whole run.
            loss: the training loss there, in nats for a language model.
            items_per_second: the present speed.
            seconds: how much of a budget in seconds is used; by default the seconds since the context was entered.
        """
        self._update, self._loss, self._speed = update, loss, items_per_second
        self._seconds = time.monotonic() - self._began if seconds is None else seconds
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, state=self._state())

    def evaluated(self, update: int, metrics: Mapping[str, float | int], live: int = 1) -> None:
        """Print one line with where the run is and the metrics of an evaluation, above the bar where there is one.

        Args:
            update: optimiser updates done in the whole run.
            metrics: of the evaluation; of several runs at once the mean.
            live: how many runs it covers.
        """
        self._update, self._live = update, live
        values = "  ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        self.note(f"{self._share()}{self._state()}  {values}")

    def note(self, text: str) -> None:
        """Print one line, above the bar where there is one."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @property
    def _done(self) -> float:
        return float(self._update) if self._total_updates is not None else self._seconds

    def _share(self) -> str:
        total = self._total_updates if self._total_updates is not None else self._total_seconds
        return f"{100 * self._done / total:3.0f}%  " if total else ""

    def _state(self) -> str:
        of_total = "" if self._total_updates is None else f"/{self._total_updates}"
        state = f"update {self._update}{of_total}"
        if self._runs > 1:
            state += f"  {self._live} of {self._runs} replicas"
        if not math.isnan(self._loss):  # a continued run knows none before its first interval is complete
            state += f"  loss {self._loss:.4f}  {self._speed:,.0f} {self._item}/s"
        left = self._seconds_left()
        return state if left is None else f"{state}  ETA {_clock(left)}"

    def _seconds_left(self) -> float | None:
        if self._total_updates is None:
            return None if self._total_seconds is None else max(0.0, self._total_seconds - self._seconds)
        done = self._update - self._first_update
        if done <= 0:
            return None
        return (time.monotonic() - self._began) * max(0.0, (self._total_updates - self._update) / done)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
