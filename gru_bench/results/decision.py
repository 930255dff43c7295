"""From the test scores of paired seeds to a decision between cells, look by look."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gru_bench.results.statistics import LEVEL, Verdict, p_above
from gru_bench.results.statistics.sequential import Look, Rule

Direction = Literal["min", "max"]
Scores = Mapping[str, Sequence[float | None]]
"""Test scores by cell, in the order of the seeds; None where the run diverged."""


@dataclass(frozen=True)
class Pairing:
    """Two cells and the last look at their pairs; above zero the first one is better."""

    first: str
    second: str
    look: Look

    @property
    def worse(self) -> str | None:
        """The cell that is surely worse, if one is."""
        return {Verdict.FIRST: self.second, Verdict.SECOND: self.first}.get(self.look.verdict)


@dataclass(frozen=True)
class Standing:
    """How far a decision is.

    Attributes:
        left: cells that are not surely worse than another one.
        pairings: of cells, those of a cell that is out as they were then.
        wanted: the number of seeds that the next look needs of the cells that are left; None: it is decided.
    """

    left: tuple[str, ...]
    pairings: tuple[Pairing, ...]
    wanted: int | None

    @property
    def kind(self) -> Literal["better", "either", "open"]:
        """What is decided: one cell is better, the difference does not matter, or these runs leave it open."""
        if len(self.left) == 1:
            return "better"
        return "open" if self.undecided else "either"

    @property
    def undecided(self) -> tuple[Pairing, ...]:
        """The pairings of cells that are left which leave it open."""
        return tuple(
            pairing
            for pairing in self.pairings
            if pairing.look.verdict is Verdict.OPEN and {pairing.first, pairing.second} <= set(self.left)
        )


def standing(cells: Sequence[str], scores: Scores, rule: Rule, direction: Direction, worst: float) -> Standing:
    """Go through the planned looks as far as the scores reach.

    A cell that is surely worse than another one is out and needs no further seeds. It stops where the pairings of the
    cells that are left are all decided. The result depends on the scores up to that look alone.

    Args:
        cells: by name; those without scores from the start are left out by the caller.
        scores: of each cell.
        rule: the looks.
        direction: whether less (`min`) or more of the score is better.
        worst: what a diverged run counts as, where no finished one is worse.
    """
    left, found = tuple(cells), dict[tuple[str, str], Pairing]()
    for number, count in enumerate(rule.looks):
        if len(left) == 1 and number:
            break
        if any(len(scores[cell]) < count for cell in left):
            return Standing(left, tuple(found.values()), count)
        values = _filled({cell: scores[cell][:count] for cell in left}, direction, worst)
        pairs = itertools.combinations(left, 2)
        found |= {pair: Pairing(*pair, rule.look(values[pair[0]] - values[pair[1]], number)) for pair in pairs}
        out = {found[pair].worse for pair in itertools.combinations(left, 2)}
        left = tuple(cell for cell in left if cell not in out) or left
        if not Standing(left, tuple(found.values()), None).undecided:
            break
    return Standing(left, tuple(found.values()), None)


def _filled(scores: Scores, direction: Direction, worst: float) -> dict[str, np.ndarray]:
    """Return scores turned so that more is better, with diverged runs at the worst of all."""
    sign = -1.0 if direction == "min" else 1.0
    reached = [sign * value for values in scores.values() for value in values if value is not None]
    lowest = min([sign * worst, *reached])
    return {
        cell: np.array([lowest if value is None else sign * value for value in values], dtype=np.float64)
        for cell, values in scores.items()
    }


def beats(scores: Sequence[float | None], baseline: float, direction: Direction) -> bool:
    """Return whether the runs of a cell are surely better than a baseline; a diverged run is not."""
    sign = -1.0 if direction == "min" else 1.0
    values = np.array([0.0 if value is None else sign * (value - baseline) for value in scores], dtype=np.float64)
    return p_above(values, 0.0) <= LEVEL


def best_baseline(baselines: Mapping[str, float], direction: Direction) -> tuple[str, float] | None:
    """Return the best of some baselines; None where there is none."""
    order = min if direction == "min" else max
    return order(baselines.items(), key=lambda item: item[1], default=None)


def default_margin(baseline: float, perfect: float, share: float) -> float:
    """Return a share of the distance between a baseline and the best possible score."""
    return share * abs(baseline - perfect) if math.isfinite(perfect) else math.nan
