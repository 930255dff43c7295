"""One number per seed from the rows of an arm: a value, a slope, the longest level solved, a time, a share of skill.

Of a search it is one per trial. A diverged run has no metric, so a value or a slope leaves its seed out. It surely did
not solve its task, reach its target or come near the best, though: `longest`, `restricted` and `near_best` count it as
a failure, because leaving it out would favour the arm that fails more often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median

import numpy as np

from gru_bench.claims.comparison import Comparison
from gru_bench.claims.rows import Row
from gru_bench.results.statistics import restricted_times

BySeed = dict[int, float]


def by_seed(comparison: Comparison, better: str, rows: Sequence[Row], limit: float | None, drawn: int | None) -> BySeed:
    """Return one number for each seed that has it at all levels which the estimate needs.

    Args:
        comparison: the rule; its estimate is not `retained`, see there.
        better: whether less or more of the number is better.
        rows: of one arm in one setting.
        limit: the updates that all runs of both arms have had at least; None where no run finished.
        drawn: how many trials a search has before its range is extended; None where there is no search.
    """
    if comparison.estimate == "restricted":
        return {} if limit is None else _restricted(comparison.number, rows, limit)
    if comparison.estimate == "near_best":
        return _near_best(comparison.number, comparison.within or 0.0, better, rows, drawn)
    if comparison.estimate == "value":
        return _values(comparison.number, rows)
    levels = sorted({float(row.key.level) for row in rows})
    by_level: dict[int, dict[float, Row]] = {}
    for row in rows:
        by_level.setdefault(row.key.seed, {})[float(row.key.level)] = row
    complete = {seed: at for seed, at in by_level.items() if len(at) == len(levels)}
    if comparison.estimate == "longest":
        solved = comparison.solved or 0.0
        lengths = {seed: _longest(comparison.number, solved, better, at) for seed, at in complete.items()}
        return {seed: length for seed, length in lengths.items() if length is not None}
    slopes = {seed: _slope(comparison.number, at) for seed, at in complete.items()}
    return {seed: slope for seed, slope in slopes.items() if slope is not None}


def retained(number: str, floor: float, rows: Iterable[Row], clean: Iterable[Row]) -> BySeed:
    """Return the distance of a number from its floor as a share of that of the same seed's clean run.

    Args:
        number: the column.
        floor: the value that costs nothing, such as chance.
        rows: of one arm in one setting, at one level.
        clean: of the arm whose skill is the whole, at the level without noise or with all data.
    """
    skill = {seed: value - floor for seed, value in _values(number, clean).items()}
    return {seed: (value - floor) / skill[seed] for seed, value in _values(number, rows).items() if skill.get(seed)}


def shared_updates(rows: Iterable[Row]) -> float | None:
    """Return the updates that all finished runs had at least; None where there is none."""
    return min((row.numbers.get("updates") or 0.0 for row in rows if row.finished), default=None)


def times_cost(values: BySeed, comparison: Comparison, rows: Iterable[Row]) -> BySeed:
    """Return the counts times the cost of one: the median of a column over the rows of a part."""
    if not comparison.cost:
        return values
    part, number = comparison.cost
    costs = [value for row in rows if row.key.part == part and (value := row.numbers.get(number)) is not None]
    return {seed: value * median(costs) for seed, value in values.items()} if costs else {}


def _number(row: Row, number: str) -> float | None:
    return row.numbers.get(number) if row.finished else None


def _values(number: str, rows: Iterable[Row]) -> BySeed:
    values: dict[int, list[float]] = {}
    for row in rows:
        if (value := _number(row, number)) is not None:
            values.setdefault(row.key.seed, []).append(value)
    return {seed: fmean(numbers) for seed, numbers in values.items()}


def _slope(number: str, rows: Mapping[float, Row]) -> float | None:
    values = {level: value for level, row in rows.items() if (value := _number(row, number)) is not None}
    return float(np.polyfit(list(values), list(values.values()), 1)[0]) if len(values) == len(rows) else None


def _longest(number: str, solved: float, better: str, rows: Mapping[float, Row]) -> float | None:
    """Return the greatest level that is solved, half of the least where none is; None where a number is missing."""
    if any(row.finished and row.numbers.get(number) is None for row in rows.values()):
        return None
    values = {level: value for level, row in rows.items() if (value := _number(row, number)) is not None}
    passed = [level for level, value in values.items() if (value >= solved if better == "more" else value <= solved)]
    return max(passed, default=min(rows) / 2)


def _near_best(number: str, within: float, better: str, rows: Sequence[Row], drawn: int | None) -> BySeed:
    """Return whether each trial, by its number, is within a share of the best one.

    Trials of an extended range may be the best one; they are no draws of the search space and do not count.
    """
    values = {int(row.key.level): _number(row, number) for row in rows}
    known = [value for value in values.values() if value is not None]
    if not known:
        return {}
    best, sign = (max(known), 1) if better == "more" else (min(known), -1)
    bound = best - sign * within * abs(best)
    return {
        trial: float(value is not None and sign * value >= sign * bound)
        for trial, value in values.items()
        if drawn is None or trial < drawn
    }


def _restricted(number: str, rows: Sequence[Row], limit: float) -> BySeed:
    """Return updates to a target, at most `limit`; runs that diverged or never came there count as the limit."""
    if not rows:
        return {}
    times = [_number(row, number) for row in rows]
    restricted = restricted_times(
        np.array([limit if time is None else time for time in times], dtype=np.float64),
        np.array([time is not None for time in times]),
        limit,
    )
    return {row.key.seed: float(time) for row, time in zip(rows, restricted, strict=True)}
