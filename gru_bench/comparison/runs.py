"""The runs of a comparison and what their directories say: trials of each cell, then seeds of its best one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gru_bench.comparison.plan import SELECTION_SEED, Plan
from gru_bench.comparison.request import Arm, Request
from gru_bench.config import Config
from gru_bench.history import METRICS_FILE, read_metrics
from gru_bench.record import FILE_NAME, RunRecord, read_record
from gru_bench.reproduction.plan import last_values
from gru_bench.reproduction.sessions import program_of
from gru_bench.reproduction.trials import drawn
from gru_bench.search.space import Value, overrides

RUNS = "runs"  # in the folder of a comparison

Values = Mapping[str, Value]


@dataclass(frozen=True)
class Job:
    """A run of a cell: its settings, and the arguments of `train` that give them, places left out."""

    arm: Arm
    config: Config
    overrides: tuple[str, ...]

    @property
    def record(self) -> RunRecord | None:
        """Its record; None before it has begun."""
        directory = self.config.directory
        return read_record(directory) if (directory / FILE_NAME).exists() else None

    @property
    def ended(self) -> bool:
        """Whether it is trained to its end, or diverged."""
        return (record := self.record) is not None and record.status in ("finished", "diverged")

    @property
    def diverged(self) -> bool:
        """Whether it diverged."""
        return (record := self.record) is not None and record.status == "diverged"

    def reached(self, update: int) -> bool:
        """Whether it is evaluated at an update, or has ended."""
        return self.ended or any(row["update"] >= update for row in self._evaluations())

    def best_until(self, update: int, metric: str, sign: int) -> float:
        """Return its best validation metric up to an update, times a sign; infinity without an evaluation."""
        rows = [row for row in self._evaluations() if row["update"] <= update]
        return min((sign * row[metric] for row in rows if math.isfinite(row[metric])), default=math.inf)

    def _evaluations(self) -> list[dict]:
        path = self.config.directory / METRICS_FILE
        return [row for row in read_metrics(path) if row["split"] == "valid"] if path.exists() else []


@dataclass(frozen=True)
class StopAt:
    """Stops a run after the evaluation of an update; other processes read it, so it is a class."""

    update: int

    def __call__(self, config: Config, update: int, value: float) -> str:
        """Return why the run stops, or an empty text."""
        return "its validation metric decides whether it goes on" if update >= self.update else ""


def trial_values(request: Request, arm: Arm, count: int, sizes: tuple[int, ...]) -> list[Values]:
    """Return the settings of trials: those of the task first, then random ones, the same points for every cell."""
    space = arm.space(tuple(request.settings), sizes)
    if not space.searched:
        return [space.constants]
    return [space.constants, *(drawn(space, index) for index in range(count - 1))]


@dataclass(frozen=True)
class Runs:
    """Makes and reads the runs of a plan in the folder of a comparison."""

    request: Request
    plan: Plan
    folder: Path

    @property
    def sign(self) -> int:
        """1 if less of the validation metric is better, else -1."""
        return 1 if self.plan.probe.selects_direction == "min" else -1

    @property
    def first_seed(self) -> int:
        """The seed of the first pair."""
        return int(self.request.settings.get("seed", 0))

    def trials(self, arm: Arm) -> list[Job]:
        """Return the trials of a cell."""
        sizes = free_sizes(self.request)
        return [
            self._job(arm, values, self.first_seed + SELECTION_SEED)
            for values in trial_values(self.request, arm, self.plan.size.trials, sizes)
        ]

    def kept(self, arm: Arm) -> list[Job]:
        """Return the trials that go on after the rung: the better half, of equals the first ones."""
        trials, rung = self.trials(arm), self.plan.rung(arm.name)
        alive = {job.config.directory: job for job in trials if not self._lost(job, rung)}
        order = sorted(alive.values(), key=lambda job: self._value(job, rung))
        return order[: math.ceil(len(trials) / 2)] if self.plan.size.pruned else order

    def best(self, arm: Arm) -> Job | None:
        """Return the best trial by validation; None where all diverged."""
        finished = [job for job in self.kept(arm) if not job.diverged]
        return min(finished, key=lambda job: self._value(job, self.plan.updates[arm.name]), default=None)

    def seeds(self, best: Job, first: int, last: int) -> list[Job]:
        """Return the runs of a trial's settings with the seeds of some pairs, from `first` to before `last`."""
        kept = tuple(text for text in best.overrides if not text.startswith("seed="))
        return [self._made(best.arm, kept, self.first_seed + pair) for pair in range(first, last)]

    def score(self, job: Job) -> float | None:
        """Return the test metric of a run that has ended; None where it diverged."""
        record = job.record
        return None if record is None or record.status == "diverged" else record.metrics["test"][self.plan.probe.metric]

    def pruner(self, arm: Arm) -> StopAt | None:
        """Return what stops trials at the rung."""
        return StopAt(self.plan.rung(arm.name)) if self.plan.size.pruned else None

    def _value(self, job: Job, update: int) -> float:
        return job.best_until(update, self.plan.probe.selects, self.sign)

    def _lost(self, job: Job, rung: int) -> bool:
        """Whether a trial diverged before the rung."""
        return job.diverged and (record := job.record) is not None and record.updates < rung

    def _job(self, arm: Arm, values: Values, seed: int) -> Job:
        plan, name = self.plan, arm.name
        chosen = (*self.request.shared, *overrides(values), *plan.matched[name], *arm.options, *plan.budget(name))
        return self._made(arm, chosen, seed)

    def _made(self, arm: Arm, chosen: tuple[str, ...], seed: int) -> Job:
        chosen = last_values((*chosen, f"seed={seed}"))
        config = self.request.config(arm, *chosen, f"paths.runs={self.folder / RUNS}")
        return Job(arm, config, chosen)


def free_sizes(request: Request) -> tuple[int, ...]:
    """Return the hidden sizes that are searched: half, the same, double; none where the size is fixed."""
    size = request.config(request.arms[0]).model.hidden_size
    return (max(1, size // 2), size, 2 * size) if request.size == "free" and size is not None else ()


def programs(request: Request, arm: Arm, count: int) -> tuple[int, ...]:
    """Return for each trial the number of the program that trains it: trials of one program are trained together."""
    sizes = free_sizes(request)
    texts = [program_of(request.config(arm, *overrides(values))) for values in trial_values(request, arm, count, sizes)]
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return tuple(numbers[text] for text in texts)
