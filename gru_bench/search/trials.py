"""The trials of a search: values and outcomes. No Optuna."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gru_bench.search.space import Space, Value

Outcome = Literal["finished", "pruned", "diverged", "failed", "unfinished"]
Direction = Literal["min", "max"]
Method = Literal["random", "optuna"]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One trial of a search.

    Attributes:
        number: from 0, in order of creation.
        outcome: unfinished: running or stopped; failed: its settings are incompatible, or an error ended it.
        values: settings by dotted key.
        value: its best validation value; None if it was never evaluated.
        updates: number of updates trained.
        reason: why it did not finish.
        run: its run directory.
    """

    number: int
    outcome: Outcome
    values: Mapping[str, Value]
    value: float | None = None
    updates: int = 0
    reason: str = ""
    run: str = ""


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search and its trials.

    Attributes:
        space: the search space.
        method: random, or optuna (guided by earlier trials).
        metric: the validation metric that selects.
        direction: whether lower (`min`) or higher (`max`) is better.
        title: task and data of the search.
        trials: all trials so far.
    """

    space: Space
    method: Method
    metric: str
    direction: Direction
    title: str
    trials: Sequence[Trial] = field(default_factory=tuple)

    @property
    def best(self) -> Trial | None:
        """The finished trial with the best validation value, the first of equal ones; None if none has finished."""
        finished = [trial for trial in self.trials if trial.outcome == "finished" and trial.value is not None]
        return min(finished, key=lambda trial: self.sign * (trial.value or 0.0), default=None)

    @property
    def sign(self) -> int:
        """1 if lower is better, else -1."""
        return 1 if self.direction == "min" else -1

    @property
    def ended(self) -> list[Trial]:
        """The trials that were trained and have ended: finished, pruned or diverged."""
        return [trial for trial in self.trials if trial.outcome in ("finished", "pruned", "diverged")]

    def value_or_worst(self, trial: Trial) -> float | None:
        """Return a trial's value; a trial without an evaluation counts as the worst of the others."""
        values = [other.value for other in self.ended if other.value is not None]
        if trial.value is not None or not values:
            return trial.value
        return max(values, key=lambda value: self.sign * value)
