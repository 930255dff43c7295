"""How large a comparison can be in the time that there is: trials, seeds and updates, and the seconds they take."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from heapq import heapify, heapreplace
from typing import NamedTuple

from gru_bench.comparison.probe import Probe
from gru_bench.comparison.request import Request
from gru_bench.results.statistics.sequential import FEWEST_PAIRS, make_rule

RUNG = 3
"""Trials are pruned after this part of their updates, the better half goes on."""
AT_ONCE = 10  # runs of one program, at most

_OF_PAIRS = -1  # the program of the best trial: any one of those of the trials, so it counts as one of its own
_EVALUATIONS = (12, 6)
_LADDER = (  # trials, seeds and share of the whole training: what is tried, the largest first
    *(
        (20, 48, 1.0),
        (20, 36, 1.0),
        (20, 24, 1.0),
        (20, 16, 1.0),
        (16, 12, 1.0),
        (12, 12, 1.0),
        (10, 10, 1.0),
        (8, 10, 1.0),
        (8, 9, 0.7),
    ),
    *((8, 8, 0.5), (6, 8, 0.4), (6, 8, 0.3), (6, 7, 0.2), (5, 7, 0.15), (5, 6, 0.1), (4, 6, 0.07), (4, 5, 0.05)),
    *((4, 5, 0.03), (3, 4, 0.03), (3, 4, 0.02), (3, 3, 0.02), (2, 3, 0.02), (2, 3, 0.01)),
)
_LEAST_UPDATES = 48


class Size(NamedTuple):
    """How large a comparison is.

    Attributes:
        trials: of each cell.
        seeds: paired seeds at most.
        updates: of a run of the first cell.
        evaluations: of a run.
        pruned: whether half of the trials stop early.
    """

    trials: int
    seeds: int
    updates: int
    evaluations: int
    pruned: bool


def sizes(request: Request, probe: Probe) -> Iterator[Size]:
    """Yield the sizes that are allowed, the largest first."""
    for (trials, seeds, share), (_, _, less) in itertools.pairwise([*_LADDER, _LADDER[-1]]):
        for length in _lengths(probe.full_updates, share, less, fixed=bool(request.length)):
            for evaluations, pruned in itertools.product(_EVALUATIONS, (False, True)):
                kept = request.trials or trials
                yield Size(kept, request.seeds or seeds, length, evaluations, pruned and kept > 2)


def _lengths(full: int, share: float, less: float, *, fixed: bool) -> list[int]:
    """Return lengths of a run from one share of the whole training down to the next, which is left out."""
    if fixed:
        return [full]
    steps = {round(full * share * (less / share) ** (step / 4)) for step in range(4)}
    return sorted({max(length, min(full, _LEAST_UPDATES)) for length in steps}, reverse=True)


def updates_of(name: str, size: Size, request: Request, probes: Mapping[str, Probe]) -> int:
    """Return the updates of a run of a cell: those of the first one, or as many operations."""
    first = next(iter(probes.values()))
    ratio = first.flops_per_update / probes[name].flops_per_update if request.match == "compute" else 1.0
    return max(1, round(size.updates * ratio))


def estimated_seconds(
    size: Size, request: Request, probes: Mapping[str, Probe], programs: Mapping[str, tuple[int, ...]], workers: int
) -> float:
    """Estimate the time of all runs, stage by stage: trials, the better half of them, seeds of each look."""
    updates = {name: updates_of(name, size, request, probes) for name in probes}
    share = 1 / RUNG if size.pruned else 1.0
    compiled: set[tuple[str, int, int]] = set()

    def stage(runs: Mapping[str, tuple[int, ...]], part: float, *, tested: bool) -> float:
        """Return the seconds until all sessions have ended; runs are the programs of a cell's runs."""
        total = sum(map(len, runs.values()))
        at_once = runs_at_once(total, workers)
        sessions: list[float] = []
        for name, of_cell in runs.items():
            evaluated = round(part * updates[name]), round(part * size.evaluations)
            for program in sorted(set(of_cell)):
                for together in _shares(of_cell.count(program), at_once):
                    known = (name, program, together) in compiled
                    compiled.add((name, program, together))
                    sessions.append(probes[name].seconds(together, *evaluated, tested=tested, compiled=known))
        return makespan(sessions, workers)

    trials = {name: programs[name][: size.trials] for name in probes}
    total = stage(trials, share, tested=not size.pruned)
    if size.pruned:
        kept = {name: of_cell[: math.ceil(size.trials / 2)] for name, of_cell in trials.items()}
        total += stage(kept, 1 - share, tested=True)
    looks = make_rule(max(FEWEST_PAIRS, size.seeds), 1.0).looks
    for before, count in itertools.pairwise((0, *looks)):
        total += stage(dict.fromkeys(probes, (_OF_PAIRS,) * (count - before)), 1.0, tested=True)
    return total


def _shares(runs: int, at_once: int) -> list[int]:
    return [min(at_once, runs - first) for first in range(0, runs, at_once)]


def runs_at_once(runs: int, workers: int) -> int:
    """Return how many runs a session trains at most, so that all workers have one."""
    return min(AT_ONCE, max(1, math.ceil(runs / workers)))


def makespan(sessions: Iterable[float], workers: int) -> float:
    """Return when the last of some sessions ends, where each worker takes the longest one that is left."""
    ends = [0.0] * workers
    heapify(ends)
    for seconds in sorted(sessions, reverse=True):
        heapreplace(ends, ends[0] + seconds)
    return max(ends)
