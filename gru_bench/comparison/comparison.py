"""Carries a plan out, and reads the decision off the runs: a function of the plan and their records alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gru_bench.comparison.plan import Plan, make_plan, read_plan
from gru_bench.comparison.probe import PROBED, matching_size, probe_all
from gru_bench.comparison.request import Request
from gru_bench.comparison.runs import Job, Runs, free_sizes, programs
from gru_bench.comparison.work import Trainers, lock, sessions_of
from gru_bench.errors import UserError
from gru_bench.results.decision import Standing, standing

MOST_TRIALS = 20


@dataclass(frozen=True)
class Outcome:
    """What a comparison has come to.

    Attributes:
        runs: of its plan.
        best: the best trial of each cell; cells whose trials all diverged are left out.
        pairs: the runs with the seeds of the pairs, by cell.
        standing: the decision.
    """

    runs: Runs
    best: Mapping[str, Job]
    pairs: Mapping[str, list[Job]]
    standing: Standing


def planned(
    request: Request,
    folder: Path,
    processes: Executor,
    cores: int,
    seconds: Callable[[], float],
    say: Callable[[str], None],
) -> Plan:
    """Return the plan of a folder; where there is none, probe, plan and write it down.

    Args:
        request: what is asked for.
        folder: of the comparison.
        processes: for the probes.
        cores: of this machine.
        seconds: returns how many seconds are left.
        say: called to say that it takes a moment.

    Raises:
        UserError: the folder is of another comparison, no plan fits the time, or a setting or file is wrong.
    """
    facts = request.facts()
    with lock(folder, "plan"):
        known = read_plan(folder, facts)
        if known is None:
            _write_plan(request, facts, folder, processes, cores, seconds, say)
            known = read_plan(folder, facts)
    assert known is not None
    return known


def _write_plan(
    request: Request,
    facts: Mapping[str, Any],
    folder: Path,
    processes: Executor,
    cores: int,
    seconds: Callable[[], float],
    say: Callable[[str], None],
) -> None:
    say("Planning: a short run of each cell is timed.")
    matched = _matched(request, processes)
    sizes = free_sizes(request)
    size = (f"model.hidden_size={max(sizes)}",) if sizes else ()
    seed = f"seed={request.settings.get('seed', 0)}"
    chosen = {arm: (*matched[arm.name], *size, *arm.options, seed) for arm in request.arms}
    wholes = [request.config(arm, *request.length, *own) for arm, own in chosen.items()]
    short = [request.config(arm, *own, *PROBED) for arm, own in chosen.items()]
    probes = dict(zip((arm.name for arm in request.arms), probe_all(short, wholes, processes), strict=True))
    trials = request.trials or MOST_TRIALS
    of_programs = {arm.name: programs(request, arm, trials) for arm in request.arms}
    make_plan(request, facts, probes, matched, of_programs, cores, seconds()).write(folder)


def _matched(request: Request, processes: Executor) -> dict[str, tuple[str, ...]]:
    """Return the settings by which other cells come closest to the recurrent parameters of the first one, if asked."""
    first, *others = request.arms
    if request.match != "parameters":
        return {arm.name: () for arm in request.arms}
    configs = [request.config(arm, *request.length) for arm in others]
    found = processes.map(matching_size, configs, [request.config(first, *request.length)] * len(configs))
    sizes = [(f"model.hidden_size={size}", "model.parameter_budget=null") for size in found]
    return {first.name: (), **{arm.name: size for arm, size in zip(others, sizes, strict=True)}}


def carried_out(request: Request, plan: Plan, folder: Path, trainers: Trainers) -> Outcome:
    """Train what is not trained yet, and return the decision.

    Raises:
        UserError: all trials of all cells diverged, or something that a person can mend.
    """
    runs = Runs(request, plan, folder)
    workers = plan.workers
    trials = [job for arm in request.arms for job in runs.trials(arm)]
    if plan.size.pruned:
        trainers.train(sessions_of(trials, workers, runs.pruner))
        trials = [job for arm in request.arms for job in runs.kept(arm)]
    trainers.train(sessions_of(trials, workers))
    best = {arm.name: job for arm in request.arms if (job := runs.best(arm)) is not None}
    if not best:
        raise UserError("All trials of all cells diverged. Give a smaller optimizer.learning_rate=...")
    pairs: dict[str, list[Job]] = {name: [] for name in best}
    while True:
        scores = {name: [runs.score(job) for job in jobs] for name, jobs in pairs.items()}
        found = standing(tuple(best), scores, plan.rule, plan.probe.direction, worst(plan))
        if found.wanted is None:
            return Outcome(runs, best, pairs, found)
        fresh = {name: runs.seeds(best[name], len(pairs[name]), found.wanted) for name in found.left}
        trainers.train(sessions_of([job for jobs in fresh.values() for job in jobs], workers))
        for name, jobs in fresh.items():
            pairs[name] += jobs


def worst(plan: Plan) -> float:
    """Return what a diverged run counts as at least: the worst of the free baselines."""
    order = max if plan.probe.direction == "min" else min
    return order(plan.probe.baselines.values(), default=plan.probe.perfect)
