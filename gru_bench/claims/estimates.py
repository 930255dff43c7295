"""One number per seed from the rows of an arm: a value, a slope, the longest level solved, a time, a share of skill.

A diverged run has no metric, so a value or a slope leaves its seed out. It surely did not solve its task or reach its
target, though: `longest` and `restricted` count it as a failure, because leaving it out would favour the arm that
fails more often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median

import numpy as np

from gru_bench.claims.comparison import Comparison
from gru_bench.claims.rows import Row, level_text
from gru_bench.results.statistics import restricted_times

BySeed = dict[int, float]


def by_seed(
    comparison: Comparison,
    setting: str,
    better: str,
    rows: Sequence[Row],
    limit: float | None,
    level: str | None,
) -> BySeed:
    """Return one number for each seed that has it at all levels which the estimate needs.

    Args:
        comparison: the rule.
        setting: where.
        better: whether less or more of the number is better.
        rows: of one arm in the setting, at the levels that the estimate needs.
        limit: the updates that all runs of both arms have had at least; None where no run finished.
        level: that of which the skill is taken, for `retained`.
    """
    if comparison.estimate == "retained":
        return _retained(comparison, comparison.floors[setting], rows, level or "")
    if comparison.estimate == "restricted":
        return {} if limit is None else _restricted(comparison.number, rows, limit)
    if comparison.estimate == "value":
        values: dict[int, list[float]] = {}
        for row in rows:
            if (value := _number(row, comparison.number)) is not None:
                values.setdefault(row.key.seed, []).append(value)
        return {seed: fmean(numbers) for seed, numbers in values.items()}
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


def _retained(comparison: Comparison, floor: float, rows: Sequence[Row], level: str) -> BySeed:
    """Return the distance from the floor at a level as a share of the same seed's at the clean level."""
    clean, noisy = (
        {
            row.key.seed: value - floor
            for row in rows
            if row.key.level == at and (value := _number(row, comparison.number))
        }
        for at in (level_text(comparison.clean), level)
    )
    return {seed: skill / clean[seed] for seed, skill in noisy.items() if clean.get(seed)}


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
