"""Group runs by equal settings into arms, with statistics over seeds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from gru_bench.record import RunRecord
from gru_bench.results.collect import Run
from gru_bench.results.statistics import Estimate, PairedDifference, mean_interval, median, paired_difference, ratio

REFERENCE = "lstm"  # ratios and differences are taken against this cell
COSTS = {  # costs of an arm: name in reports -> path in the record
    "parameters_recurrent": ("parameters", "recurrent"),
    "parameters_total": ("parameters", "total"),
    "state_size": ("state_size",),
    "flops_per_update": ("flops_per_update",),
    "seconds_per_update": ("speed", "seconds_per_update"),
    "items_per_second": ("speed", "items_per_second"),
    "compile_seconds": ("speed", "compile_seconds"),
    "step_bytes": ("memory", "step_bytes"),
    "peak_rss_bytes": ("memory", "peak_rss_bytes"),
    "wall_seconds": ("wall_seconds",),
}
TIMED = frozenset({"seconds_per_update", "items_per_second", "compile_seconds", "wall_seconds"})
OF_PROCESS = TIMED | {"step_bytes", "peak_rss_bytes"}  # shared by runs that were trained at once


@dataclass(frozen=True, eq=False)
class Arm:
    """One compared condition: a cell with its options, over its seeds."""

    name: str
    runs: tuple[Run, ...]
    timed_runs: tuple[Run, ...]  # runs with valid times: alone on the machine, no replicas, on the group's device

    @property
    def cell(self) -> str:
        """The cell's name in reports."""
        return self.runs[0].cell

    @property
    def seeds(self) -> list[int]:
        """The seeds in order."""
        return sorted(run.seed for run in self.runs)

    def values(self, split: str, metric: str) -> dict[int, float]:
        """Return a metric by seed, for the runs that have it."""
        values = {run.seed: run.record.metrics.get(split, {}).get(metric) for run in self.runs}
        return {seed: float(value) for seed, value in sorted(values.items()) if value is not None}

    def estimate(self, split: str, metric: str) -> Estimate | None:
        """Return a metric's mean and 95 % interval over seeds, or None if no run has it."""
        values = self.values(split, metric)
        return mean_interval(list(values.values())) if values else None

    def cost(self, name: str) -> float | None:
        """Return the median over seeds of one of `COSTS`, in its own unit, or None if unknown."""
        runs = self.timed_runs if name in TIMED else self.runs
        return median([cost_of(run, name) for run in runs])

    def disturbed(self, name: str) -> bool:
        """Return whether one of `COSTS` is unknown because of other processes or replicas."""
        return name in OF_PROCESS and self.cost(name) is None and any(disturbed(run) for run in self.runs)


@dataclass(frozen=True, eq=False)
class Group:
    """Arms whose runs are equal except for seed and cell."""

    arms: tuple[Arm, ...]
    device: str | None  # device of the valid times, None if there are none

    @property
    def first(self) -> RunRecord:
        """A record, for the values shared by all runs of the group."""
        return self.arms[0].runs[0].record

    @property
    def runs(self) -> list[Run]:
        """The runs of all arms."""
        return [run for arm in self.arms for run in arm.runs]

    @property
    def metric(self) -> str:
        """The name of the selection metric."""
        return self.first.metric

    @property
    def maximise(self) -> bool:
        """Whether higher values of the metric are better."""
        return self.first.direction == "max"

    @property
    def metrics(self) -> list[str]:
        """The names of all test metrics, the selection metric first."""
        names = {name: None for run in self.runs for name in run.record.metrics["test"]}
        return [self.metric, *(name for name in names if name != self.metric)]

    @property
    def reference(self) -> Arm | None:
        """The reference of ratios and differences: the LSTM with default options, or its only variant."""
        arms = [arm for arm in self.arms if arm.cell == REFERENCE]
        plain = [arm for arm in arms if arm.name == REFERENCE]
        return plain[0] if plain else arms[0] if len(arms) == 1 else None

    @property
    def others(self) -> list[Arm]:
        """The arms to compare with the reference; empty if there is no reference."""
        reference = self.reference
        return [arm for arm in self.arms if reference and arm is not reference]

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """The mean over runs of each baseline's metrics, by name of the baseline."""
        values: dict[str, dict[str, list[float]]] = {}
        for run in self.runs:
            for name, metrics in run.record.baselines.items():
                for metric, value in metrics.items():
                    if value is None:
                        continue
                    values.setdefault(name, {}).setdefault(metric, []).append(float(value))
        return {name: {metric: fmean(each) for metric, each in metrics.items()} for name, metrics in values.items()}

    def difference(self, arm: Arm, metric: str | None = None) -> PairedDifference | None:
        """Return the difference arm - reference of a test metric, paired by seed."""
        if self.reference is None:
            return None
        metric = metric or self.metric
        return paired_difference(arm.values("test", metric), self.reference.values("test", metric))

    def ratio(self, arm: Arm, name: str) -> float | None:
        """Return the ratio of one of `COSTS`, arm over reference."""
        return ratio(arm.cost(name), self.reference.cost(name)) if self.reference else None

    def beaten_by(self, baseline: str) -> list[Arm]:
        """Return the arms whose mean is no better than a baseline's; none for a floor, which no model can beat."""
        value = self.baselines[baseline].get(self.metric)
        if value is None or is_floor(baseline):
            return []
        estimates = [(arm, arm.estimate("test", self.metric)) for arm in self.arms]
        return [arm for arm, estimate in estimates if estimate and no_better(estimate.mean, value, self.maximise)]


def cost_of(run: Run, name: str) -> float | None:
    """Return one of `COSTS` of a run; disturbed times and costs shared by replicas are unknown."""
    if (name in TIMED and shared_machine(run)) or (name in OF_PROCESS and replicas(run) > 1):
        return None
    field, *keys = COSTS[name]
    value: Any = getattr(run.record, field)
    for key in keys:
        value = value.get(key)
    return None if value is None else float(value)


def shared_machine(run: Run) -> bool:
    """Return whether other processes kept the machine busy while the run was timed."""
    return bool(run.record.speed.get("shared_machine", False))


def replicas(run: Run) -> int:
    """Return the number of runs trained at once in one program, which share speed and memory."""
    return int(run.record.speed.get("replicas", 1))


def disturbed(run: Run) -> bool:
    """Return whether other processes or replicas affected the times of a run."""
    return shared_machine(run) or replicas(run) > 1


def no_better(value: float, baseline: float, maximise: bool) -> bool:
    """Return whether a value of a metric is no better than a baseline's."""
    return value <= baseline if maximise else value >= baseline


def is_floor(baseline: str) -> bool:
    """Return whether a baseline is a floor, a bound that no model can beat; its name says so."""
    return baseline.endswith("floor")


def compare(runs: Iterable[Run]) -> list[Group]:
    """Group runs that are equal except for seed and cell."""
    groups: dict[str, dict[str, list[Run]]] = {}
    for run in sorted(runs, key=lambda run: (run.group_key, run.arm)):
        groups.setdefault(run.group_key, {}).setdefault(run.arm, []).append(run)
    return sorted((_group(arms) for arms in groups.values()), key=_order)


def differing(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return for each group the settings, by dotted name, that differ between groups."""
    flat = [
        {**_flatten(group.arms[0].runs[0].settings), "data digest": run.digest[:12], "device": run.device_kind}
        for group in groups
        for run in [group.arms[0].runs[0]]
    ]
    names = sorted({name for settings in flat for name in settings})
    changing = [name for name in names if any(settings.get(name) != flat[0].get(name) for settings in flat)]
    return [{name: settings.get(name) for name in changing} for settings in flat]


def set_apart(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return for each group the settings that differ between the groups of its task and data."""
    places: dict[tuple[str, str], list[int]] = {}
    for index, group in enumerate(groups):
        places.setdefault((group.first.task, group.first.data), []).append(index)
    differences: list[dict[str, Any]] = [{} for _ in groups]
    for indices in places.values():
        if len(indices) > 1:
            for index, settings in zip(indices, differing([groups[index] for index in indices]), strict=True):
                differences[index] = settings
    return differences


def _order(group: Group) -> tuple[str, str, float]:
    sizes = [arm.cost("parameters_recurrent") for arm in group.arms]
    return group.first.task, group.first.data, max(size or 0.0 for size in sizes)


def _group(arms: Mapping[str, Sequence[Run]]) -> Group:
    device = _timing_device(arms)
    return Group(
        arms=tuple(
            Arm(
                name,
                tuple(sorted(runs, key=lambda run: run.seed)),
                tuple(run for run in runs if _timed(run) and run.device == device),
            )
            for name, runs in arms.items()
        ),
        device=device,
    )


def _timed(run: Run) -> bool:
    seconds = cost_of(run, "seconds_per_update")
    return seconds is not None and math.isfinite(seconds)


def _timing_device(arms: Mapping[str, Sequence[Run]]) -> str | None:
    """Return the device with times of most arms, then of most runs; times of different devices are not comparable."""
    timed = [(arm, run.device) for arm, runs in arms.items() for run in runs if _timed(run)]
    counts = Counter(device for _, device in timed)
    covered = {device: len({arm for arm, where in timed if where == device}) for device in counts}
    return min(counts, key=lambda device: (-covered[device], -counts[device], device), default=None)


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
