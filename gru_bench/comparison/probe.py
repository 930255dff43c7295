"""Timed probe runs: what a plan must know of the data, of each cell and of this machine."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console

from gru_bench.config import Config
from gru_bench.errors import ConfigError
from gru_bench.models.sizing import hidden_sizes_around
from gru_bench.record import read_record
from gru_bench.reporting.format import unit
from gru_bench.results.comparison import is_floor
from gru_bench.results.decision import Direction
from gru_bench.session import train_together
from gru_bench.training.blueprint import Blueprint, recurrent_parameters
from gru_bench.training.compilation_cache import compiled_programs_kept
from gru_bench.training.run import total_updates
from gru_bench.training.setup import load_task

BLOCK = 10
"""Updates between the evaluations of a probe run."""
_BLOCKS = 3
_LATENCY_ROUNDS = 5
PROBED = ("training.patience=null", f"training.updates={_BLOCKS * BLOCK}", f"training.eval_every={BLOCK}")
"""Settings of a probe run."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a probe run found.

    Attributes:
        start: seconds of a session beside its updates, evaluations and compilation, such as those for reading data.
        compilation: seconds that a session takes longer whose programs have not been compiled yet.
        update: seconds of an update.
        evaluation: seconds of an evaluation with its checkpoint.
        test: seconds of the end of a run: its best weights on the test split.
        full_updates: how many updates the settings ask for.
        updates_per_epoch: how many updates see the training split once.
        metric: the test metric by which cells are compared.
        direction: whether less (`min`) or more of it is better.
        perfect: its best value, or a floor that is known.
        unit: of the metric.
        selects: the validation metric that selects.
        selects_direction: whether less (`min`) or more of that is better.
        baselines: the metric of predictors that are no networks.
        parameters: of the model, `recurrent` and `total`.
        state_size: numbers that are carried from time step to time step.
        flops_per_update: operations of an update.
        step_bytes: memory that an update needs.
        latency: seconds of one time step of one sequence; None for a network that cannot be streamed.
        device: where it ran.
    """

    start: float
    compilation: float
    update: float
    evaluation: float
    test: float
    full_updates: int
    updates_per_epoch: int
    metric: str
    direction: Direction
    perfect: float
    unit: str
    selects: str
    selects_direction: Direction
    baselines: dict[str, float]
    parameters: dict[str, int]
    state_size: int
    flops_per_update: float
    step_bytes: float | None
    latency: float | None
    device: str

    @property
    def accelerated(self) -> bool:
        """Whether the device is no processor."""
        return not self.device.lower().startswith("cpu")

    def seconds(self, runs: int, updates: int, evaluations: int, *, tested: bool, compiled: bool) -> float:
        """Return the seconds of a session that trains so many runs one after the other.

        Args:
            runs: how many.
            updates: of each.
            evaluations: of each.
            tested: whether they end, with their best weights on the test split.
            compiled: whether a session of as many runs has compiled its programs already.
        """
        each = updates * self.update + evaluations * self.evaluation + self.test * tested
        return self.start + self.compilation * (not compiled) + runs * each


def probe_all(configs: Sequence[Config], wholes: Sequence[Config], processes: Executor) -> list[Probe]:
    """Probe several cells, side by side where there are processes.

    Args:
        configs: settings with the length of a probe run, a cell each.
        wholes: the same with the length of a whole run.
        processes: in which sessions of training run as well.
    """
    return list(processes.map(probe, configs, wholes))


class _Times(NamedTuple):
    """Seconds of a probe run: until its first evaluation has ended, from there to the second one, and to its end."""

    start: float
    block: float
    end: float


def probe(config: Config, whole: Config) -> Probe:
    """Train a few updates in a folder that is removed, and time them: twice, as only the first run compiles."""
    with tempfile.TemporaryDirectory() as folder, compiled_programs_kept(Path(folder)):
        first, again = (config.with_values({"run_dir": str(Path(folder, name))}) for name in ("first", "again"))
        compiling, compiled = _timed(first), _timed(again)
        record = read_record(again.directory)
    step_bytes = record.memory["step_bytes"]
    task, data = load_task(whole)
    goal = task.goal
    update = float(record.speed["seconds_per_update"] or compiled.block / BLOCK)
    updates_per_epoch = len(task.train_batches(data, whole.training, whole.seed))
    values = {name: metrics.get(goal.metric) for name, metrics in task.baselines(data).items()}
    known = {name: float(value) for name, value in values.items() if value is not None}
    floors = [value for name, value in known.items() if is_floor(name)]
    return Probe(
        start=max(0.0, compiled.start - compiled.block),
        compilation=max(0.0, sum(compiling) - sum(compiled)),
        update=update,
        evaluation=max(0.0, compiled.block - BLOCK * update),
        test=max(0.0, compiled.end - compiled.block),
        full_updates=total_updates(whole, updates_per_epoch, record.flops_per_update) or 1,
        updates_per_epoch=updates_per_epoch,
        metric=goal.metric,
        direction=goal.direction,
        perfect=floors[0] if floors else goal.perfect,
        unit=unit(goal.metric, record),
        selects=record.metric,
        selects_direction=record.direction,
        baselines={name: value for name, value in known.items() if not is_floor(name)},
        parameters=record.parameters,
        state_size=record.state_size,
        flops_per_update=record.flops_per_update,
        step_bytes=None if step_bytes is None else float(step_bytes),
        latency=_latency(whole),
        device=record.device,
    )


def _timed(config: Config) -> _Times:
    times: list[float] = []

    def note(_: Config, update: int, value: float) -> str:
        times.append(time.monotonic())
        return ""

    began = time.monotonic()
    train_together([config], Console(file=io.StringIO()), pruner=note, presented=False)
    first, second, ended = *times, time.monotonic()
    return _Times(first - began, second - first, ended - second)


def matching_size(config: Config, reference: Config) -> int:
    """Return the hidden size that brings the recurrent parameters of settings closest to those of other ones."""
    task, _ = load_task(config)
    wanted = Blueprint(reference, task).shapes.parameters["recurrent"]
    return hidden_sizes_around(wanted, recurrent_parameters(config, task))[0]


def _latency(config: Config) -> float | None:
    from gru_bench.measure.streaming import latency

    try:
        return median(latency({"": config}, _LATENCY_ROUNDS)[""])
    except ConfigError:
        return None
