"""From an outcome to its answer: picks, costs, commands, and what was not tested."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from gru_bench.comparison.comparison import Outcome
from gru_bench.comparison.runs import Job, Runs
from gru_bench.record import RunRecord
from gru_bench.reproduction.run_numbers import first_best_update
from gru_bench.results.answer import Answer, CellAnswer
from gru_bench.results.decision import Standing, beats
from gru_bench.results.statistics import mean_interval
from gru_bench.results.statistics.sequential import ERROR, pairs_needed

_LENGTH = ("training.eval_every=", "training.patience=")


def answer_of(outcome: Outcome) -> Answer:
    """Return what an outcome answers; nothing in it depends on when or how often the comparison was stopped."""
    runs, standing = outcome.runs, outcome.standing
    plan, request = runs.plan, runs.request
    probe, baseline = plan.probe, plan.baseline
    cells = {arm.name: _cell(outcome, arm.name) for arm in request.arms if arm.name in outcome.best}
    cheapest = min(standing.left, key=lambda name: (cells[name].flops_per_update, cells[name].parameters))
    needed = _needed(outcome, standing)
    more = max(1.0, needed / plan.size.seeds) if needed else None
    return Answer(
        task=request.base.task.name,
        data=request.base.data.source,
        metric=probe.metric,
        unit=probe.unit,
        direction=probe.direction,
        selects=probe.selects,
        selects_direction=probe.selects_direction,
        kind=standing.kind,
        pick="" if standing.kind == "open" else cheapest,
        margin=plan.margin,
        reason=plan.reason,
        error=ERROR,
        seeds=plan.size.seeds,
        baselines=probe.baselines,
        baseline="" if baseline is None else baseline[0],
        cells=cells,
        lost=tuple(arm.title for arm in request.arms if arm.name not in outcome.best),
        pairings=standing.pairings,
        needed=needed,
        needed_minutes=None if more is None else math.ceil(more * request.minutes),
        not_tested=tuple(_not_tested(runs)),
    )


def _cell(outcome: Outcome, name: str) -> CellAnswer:
    runs, best, jobs = outcome.runs, outcome.best[name], outcome.pairs[name]
    plan, baseline = runs.plan, runs.plan.baseline
    probe = plan.probes[name]
    scores = {job.config.seed: runs.score(job) for job in jobs}
    reached = [value for value in scores.values() if value is not None]
    ends = [_best_at_end(job) for job in jobs]
    selected = [
        runs.sign * job.best_until(plan.updates[name], probe.selects, runs.sign) for job in runs.trials(best.arm)
    ]
    record = _record(best)
    return CellAnswer(
        name=name,
        title=best.arm.title,
        scores=scores,
        estimate=mean_interval(reached) if reached else None,
        beats_baseline=baseline is None or beats(list(scores.values()), baseline[1], plan.probe.direction),
        trials=tuple(value if math.isfinite(value) else None for value in selected),
        settings=_own_settings(runs, best),
        command=_command(runs, best),
        parameters=record.parameters["total"],
        recurrent_parameters=record.parameters["recurrent"],
        state_size=record.state_size,
        flops_per_update=record.flops_per_update,
        seconds_per_epoch=probe.update * probe.updates_per_epoch,
        step_bytes=probe.step_bytes,
        latency=probe.latency,
        improving=fmean(ends or [0]),
        runs=tuple(job.config.directory.relative_to(runs.folder).as_posix() for job in jobs),
    )


def _record(job: Job) -> RunRecord:
    record = job.record
    assert record is not None
    return record


def _best_at_end(job: Job) -> bool:
    """Return whether a run reached its best validation metric in its last evaluation alone."""
    record = _record(job)
    return first_best_update(record, job.config.directory) == record.updates


def _own_settings(runs: Runs, best: Job) -> tuple[str, ...]:
    shared = {*runs.request.shared, *runs.plan.budget(best.arm.name)}
    return tuple(text for text in best.overrides if text not in shared and not text.startswith("seed="))


def _command(runs: Runs, best: Job) -> str:
    """Return the command that trains a cell as its pairs were trained, with the first of their seeds."""
    kept = [text for text in best.overrides if not text.startswith("seed=")]
    places = [f"{key}={value}" for key, value in runs.request.settings.items() if key.startswith(("paths.", "tracker"))]
    return shlex.join(["python", "-m", "gru_bench.train", *kept, *places, f"seed={runs.first_seed}"])


def _needed(outcome: Outcome, standing: Standing) -> int | None:
    """Return how many pairs would settle what is open, by the spread of the pairs so far."""
    rule, needed = outcome.runs.plan.rule, 0
    for pairing in standing.undecided:
        first, second = (_scores(outcome, name, pairing.look.pairs) for name in (pairing.first, pairing.second))
        both = [(one, other) for one, other in zip(first, second, strict=True) if one is not None and other is not None]
        spread = float(np.std([one - other for one, other in both], ddof=1)) if len(both) > 1 else math.inf
        mean = abs(pairing.look.mean)
        count = pairs_needed(max(mean, rule.margin - mean), spread, rule.levels[-1]) if math.isfinite(spread) else None
        if count is None:
            return None
        needed = max(needed, count, pairing.look.pairs + 1)
    return needed or None


def _scores(outcome: Outcome, name: str, count: int) -> Sequence[float | None]:
    return [outcome.runs.score(job) for job in outcome.pairs[name][:count]]


def _not_tested(runs: Runs) -> list[str]:
    plan, request = runs.plan, runs.request
    first = request.arms[0].name
    lines = ["other data than this: a pair differs in first weights, order of the data and dropout, not in the data"]
    if plan.updates[first] < plan.probe.full_updates:
        lines.append(
            f"training as long as the task's settings ask for: {plan.probe.full_updates:,} updates, "
            f"of which there was time for {plan.updates[first]:,}"
        )
    if request.size == "fixed":
        lines.append(f"other sizes: {request.match.replace('_', ' ')} is that of the settings")
    lines.append("settings beyond the search: optimiser, layers, batch size and the like are those of the settings")
    lines.append(f"more than {plan.size.trials} trials of a cell, and more than one seed of each")
    return lines
