"""Whether a setting can tell cells apart at all, and whether its runs went on until they no longer improved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np

from gru_bench.claims.comparison import Comparison
from gru_bench.claims.estimates import BySeed
from gru_bench.claims.finding import oriented_differences
from gru_bench.claims.rows import Row
from gru_bench.results.statistics import LEVEL, p_above

SETTLED = 0.8
"""Share of an arm's runs whose best update must lie before the last one."""


def told_apart(comparison: Comparison, setting: str, full: BySeed, control: BySeed, better: str) -> bool:
    """Return whether the full arm is surely better than a weaker one, and by more than the margin on average.

    Args:
        comparison: whose margin and scale are taken.
        setting: where.
        full: numbers of the full arm, by seed.
        control: numbers of the control, by seed.
        better: whether less or more of the number is better.
    """
    seeds = sorted(full.keys() & control.keys())
    first, second = (np.array([side[seed] for seed in seeds], dtype=np.float64) for side in (full, control))
    ratio = comparison.scale == "ratio"
    if not seeds or (ratio and not (np.concatenate([first, second]) > 0).all()):
        return False
    differences = oriented_differences(first, second, better, ratio=ratio)
    margin = comparison.margin_of(setting) or (1.0 if ratio else 0.0)
    bound = np.log(margin) if ratio else margin
    return bool(p_above(differences, 0.0) <= LEVEL and differences.mean() > bound)


def still_improving(arms: Iterable[str], rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the arms that were at their best in the last evaluation alone in more than a fifth of their runs.

    Arms whose rows do not say it are left out.
    """
    found = []
    for arm in arms:
        settled = [
            best < last
            for row in rows
            if row.key.arm == arm
            and (best := row.numbers.get("first_best_update", row.numbers.get("best_update"))) is not None
            and (last := row.numbers.get("updates")) is not None
        ]
        if settled and fmean(settled) < SETTLED:
            found.append(arm)
    return tuple(found)
