"""What a comparison of cells answers, as plain values: for a page, for programs, for a notebook."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gru_bench.results.decision import Direction, Pairing
from gru_bench.results.statistics import Estimate


@dataclass(frozen=True, kw_only=True)
class CellAnswer:
    """What is known of a cell.

    Attributes:
        name: as it was given.
        title: for people.
        scores: test scores by seed; None where the run diverged.
        estimate: their mean with its 95 % interval, without diverged runs; None where there is no score.
        beats_baseline: whether its runs are surely better than the best free baseline.
        trials: best validation value of each trial, in order; None for one that was never evaluated.
        settings: of its best trial, beside those that all cells share.
        command: trains it with these settings.
        parameters: of the network.
        recurrent_parameters: those of the recurrent kernels.
        state_size: numbers that are carried from time step to time step.
        flops_per_update: operations of an update.
        seconds_per_epoch: of training on one core, or on the accelerator.
        step_bytes: memory of an update.
        latency: seconds of one time step of one sequence; None: the network cannot be streamed.
        improving: the share of its runs that were at their best at their end.
        runs: run directories of its pairs, from the folder of the comparison.
    """

    name: str
    title: str
    scores: Mapping[int, float | None]
    estimate: Estimate | None
    beats_baseline: bool
    trials: tuple[float | None, ...]
    settings: tuple[str, ...]
    command: str
    parameters: int
    recurrent_parameters: int
    state_size: int
    flops_per_update: float
    seconds_per_epoch: float
    step_bytes: float | None
    latency: float | None
    improving: float
    runs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer of a comparison.

    Attributes:
        task: its name.
        data: its name.
        metric: the test metric that decides; `unit` and `direction` say how to read it.
        unit: of the metric, or empty.
        direction: whether less (`min`) or more is better.
        selects: the validation metric that selects.
        selects_direction: whether less or more of it is better.
        kind: one cell is better, the difference does not matter, or it is open.
        pick: the name of the cell to take; empty where it is open.
        margin: the difference that does not matter; `reason` says where it is from.
        reason: see `margin`.
        error: the chance of a false verdict, at most.
        seeds: pairs of seeds that were planned.
        baselines: test metric of predictors that are no networks, by name.
        baseline: the name of the best one, or empty.
        cells: by name; those whose trials all diverged are in `lost`.
        lost: titles of the cells whose trials all diverged.
        pairings: the last look at each pair of cells.
        needed: where it is open: how many pairs it would take, about; None: more than can be foreseen.
        needed_minutes: the time for that, about.
        not_tested: what this answer does not cover, a line each.
    """

    task: str
    data: str
    metric: str
    unit: str
    direction: Direction
    selects: str
    selects_direction: Direction
    kind: Literal["better", "either", "open"]
    pick: str
    margin: float
    reason: str
    error: float
    seeds: int
    baselines: Mapping[str, float]
    baseline: str
    cells: Mapping[str, CellAnswer]
    lost: tuple[str, ...]
    pairings: tuple[Pairing, ...]
    needed: int | None
    needed_minutes: int | None
    not_tested: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return dataclasses.asdict(self)
