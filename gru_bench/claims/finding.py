"""What one comparison says in one setting: an effect, a verdict, and whether the verdict may be given."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from gru_bench.claims.comparison import Comparison
from gru_bench.results.statistics import (
    Evidence,
    Interval,
    Verdict,
    effect_size,
    evidence,
    mean_difference,
    mean_ratio,
    probability_better,
)

Oriented = tuple[float, ...]


class Answer(StrEnum):
    """What a setting answers, in the order in which tables sort."""

    FIRST = "first"
    SECOND = "second"
    SAME = "same"
    OPEN = "open"
    INSENSITIVE = "insensitive"
    UNCONTROLLED = "uncontrolled"
    WITHDRAWN = "withdrawn"
    FLOOR = "floor"
    NO_DATA = "none"


_OF_VERDICT = {
    Verdict.FIRST: Answer.FIRST,
    Verdict.SECOND: Answer.SECOND,
    Verdict.SAME: Answer.SAME,
    Verdict.OPEN: Answer.OPEN,
}
WORDS = {
    Answer.SAME: Verdict.SAME.value,
    Answer.OPEN: Verdict.OPEN.value,
    Answer.INSENSITIVE: "not sensitive",
    Answer.UNCONTROLLED: "no sensitivity control",
    Answer.WITHDRAWN: "withdrawn",
    Answer.FLOOR: "at the floor",
    Answer.NO_DATA: "no data",
}
"""Answers in words; FIRST and SECOND name the arm, see `Finding.answer`."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one comparison says in one setting.

    Attributes:
        comparison: the rule.
        setting: its name; `title` for people.
        sides: names of both arms for people.
        level: the level, where each is by itself, or the one that was chosen; `factor` says of what.
        unit: of a difference.
        effect: by how much the first arm is better, with its bootstrap interval: a difference above zero, or a factor
            above one; None where no pair is there.
        first: mean of the first arm over the pairs; of ratios the geometric one.
        second: likewise.
        oriented: differences, or log ratios, pair by pair, above zero where the first arm is better.
        probability: that the first arm is better, with Wilson's interval; None where numbers are counted.
        size: d_z with Hedges' correction; None where all differences are equal, or with one pair.
        verdict: corrected for the comparisons of the claim; None where there is no pair.
        withdrawn: whether a caveat of the claim withdraws the verdict.
        exact: whether the numbers are counted, without sampling.
        at_floor: whether an arm has lost nearly all of its clean skill, so that nothing is compared.
        told_apart: of each sensitivity control, whether the setting tells it from its full arm.
        controlled: whether the comparison needs a control for a verdict of no difference.
        parameters: recurrent parameters of each side's runs, where one arm is matched to the other by them; else empty.
        improving: arms whose best update is the last one in more than a fifth of the runs.
        missing: runs of both arms that diverged: they have no number, or count as failures (see `estimates`).
    """

    comparison: Comparison
    setting: str
    title: str
    sides: tuple[str, str]
    level: str
    factor: str
    unit: str
    effect: Interval | None = None
    first: float | None = None
    second: float | None = None
    oriented: Oriented = ()
    probability: Interval | None = None
    size: float | None = None
    verdict: Verdict | None = None
    withdrawn: bool = False
    exact: bool = False
    at_floor: bool = False
    told_apart: Mapping[str, bool] = field(default_factory=dict)
    controlled: bool = True
    parameters: tuple[float, ...] = ()
    improving: tuple[str, ...] = ()
    missing: int = 0

    @property
    def kind(self) -> Answer:
        """The answer: the verdict, or why none is given."""
        if self.at_floor:
            return Answer.FLOOR
        if self.verdict is None:
            return Answer.NO_DATA
        if self.withdrawn:
            return Answer.WITHDRAWN
        if self.told_apart and not any(self.told_apart.values()):
            return Answer.INSENSITIVE
        if self.verdict is Verdict.SAME and not self.told_apart and not self.controlled:
            return Answer.UNCONTROLLED
        return _OF_VERDICT[self.verdict]

    @property
    def answer(self) -> str:
        """The answer in words, such as `GRU better`."""
        kind = self.kind
        if kind in (Answer.FIRST, Answer.SECOND):
            return f"{self.sides[kind is Answer.SECOND]} better"
        return WORDS[kind]

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self.oriented)

    @property
    def margins(self) -> float | None:
        """The effect in units of the margin, above zero where the first arm is better; None without either."""
        return self.in_margins(self.effect.value) if self.effect is not None else None

    def in_margins(self, effect: float) -> float | None:
        """Return an effect, or an end of its interval, in units of the margin; None where there is no margin."""
        margin = self.comparison.margin_of(self.setting)
        return self._natural(effect) / self._natural(margin) if margin else None

    def evidence(self) -> Evidence | None:
        """Test the pairs; None where there is none."""
        if not self.oriented:
            return None
        differences = np.array(self.oriented, dtype=np.float64)
        if self.exact:
            differences = np.repeat(differences.mean(), 2)  # counted: nothing varies, the tests take it for exact
        margin = self.comparison.margin_of(self.setting)
        return evidence(differences, margin=0.0 if margin is None else self._natural(margin))

    def reaches(self, factor: float) -> bool:
        """Return whether the effect is surely at least a factor."""
        return self.effect is not None and self.effect.low >= factor - 1e-9

    def _natural(self, value: float) -> float:
        return math.log(value) if self.comparison.scale == "ratio" else value


def with_effect(finding: Finding, first: np.ndarray, second: np.ndarray, better: str) -> Finding:
    """Return a finding with the effect of paired numbers of both arms; without one where a ratio has no sense."""
    ratio = finding.comparison.scale == "ratio"
    if not len(first) or (ratio and not (np.concatenate([first, second]) > 0).all()):
        return finding
    oriented = oriented_differences(first, second, better, ratio=ratio)
    middle = float(oriented.mean())
    if len(oriented) == 1:
        value = math.exp(middle) if ratio else middle
        effect = Interval(value, value, value, 1) if finding.exact else Interval(value, math.nan, math.nan, 1)
    else:
        generator = np.random.default_rng(zlib.crc32(f"{finding.comparison.name}/{finding.setting}".encode()))
        ahead, behind = (first, second) if better == "more" else (second, first)
        effect = mean_ratio(ahead, behind, generator) if ratio else mean_difference(oriented, generator)
    sampled = not finding.exact and len(oriented) > 1
    means = [float(np.exp(np.log(side).mean())) if ratio else float(side.mean()) for side in (first, second)]
    return replace(
        finding,
        effect=effect,
        first=means[0],
        second=means[1],
        oriented=tuple(float(value) for value in oriented),
        probability=probability_better(oriented) if sampled else None,
        size=effect_size(oriented) if sampled else None,
    )


def oriented_differences(first: np.ndarray, second: np.ndarray, better: str, *, ratio: bool) -> np.ndarray:
    """Return differences, or log ratios, of pairs: above zero where the first is better."""
    natural = np.log(first / second) if ratio else first - second
    return natural if better == "more" else -natural
