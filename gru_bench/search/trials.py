"""The trials of a search as rows: what was tried and what came of it. No Optuna."""

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
        number: from 0 on, in the order of asking.
        outcome: unfinished also where a process is at it; failed: its settings are not possible, or an error ended it.
        values: what was tried, by dotted key.
        value: the best validation value that it reached; None where it was never evaluated.
        updates: how far it was trained.
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
        space: what was searched.
        method: random, or optuna (guided by the trials before).
        metric: the validation metric that selects, of which less (`min`) or more (`max`) is better.
        title: the task and data that it was searched for.
    """

    space: Space
    method: Method
    metric: str
    direction: Direction
    title: str
    trials: Sequence[Trial] = field(default_factory=tuple)

    @property
    def best(self) -> Trial | None:
        """The finished trial with the best validation value, of equal ones the first; None where none has finished."""
        finished = [trial for trial in self.trials if trial.outcome == "finished" and trial.value is not None]
        return min(finished, key=lambda trial: self.sign * (trial.value or 0.0), default=None)

    @property
    def sign(self) -> int:
        """1 where less is better, else -1."""
        return 1 if self.direction == "min" else -1

    @property
    def told(self) -> list[Trial]:
        """The trials whose settings were possible and that are over."""
        return [trial for trial in self.trials if trial.outcome in ("finished", "pruned", "diverged")]

    def value_or_worst(self, trial: Trial) -> float | None:
        """Return a trial's value; one that was never evaluated counts as the worst of those that were."""
        values = [other.value for other in self.told if other.value is not None]
        if trial.value is not None or not values:
            return trial.value
        return max(values, key=lambda value: self.sign * value)
