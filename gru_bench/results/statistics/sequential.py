"""Decisions while pairs still come: a few planned looks, which together err as rarely as one test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import nctdtr, ndtr, ndtri, stdtrit

from gru_bench.results.statistics.paired import mean_and_deviation
from gru_bench.results.statistics.verdict import Verdict, decide, evidence

ERROR = 0.05
"""Chance of any false verdict, over all looks and all comparisons."""

POWER = 0.8
LOOKS = 3
FEWEST_PAIRS = 3
EARLIEST = 4  # pairs of the first look, where there are so many
MOST_PAIRS = 10_000


@dataclass(frozen=True)
class Look:
    """What the pairs say at a look: a verdict, and the mean with the interval that the verdict is read from."""

    verdict: Verdict
    pairs: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Rule:
    """When to look, and how strictly.

    Attributes:
        margin: the difference that does not matter.
        looks: numbers of pairs at which the pairs are tested.
        levels: of each one-sided test, look by look.
    """

    margin: float
    looks: tuple[int, ...]
    levels: tuple[float, ...]

    def look(self, differences: Float[np.ndarray, " pairs"], number: int) -> Look:
        """Test the pairs of a look.

        Args:
            differences: paired differences, above zero where the first arm is better; those of later looks are ignored.
            number: of the look, from 0.
        """
        pairs, level = self.looks[number], self.levels[number]
        values = differences[:pairs]
        mean, deviation = mean_and_deviation(values)
        half = float(stdtrit(pairs - 1, 1 - level)) * deviation / math.sqrt(pairs)
        return Look(decide(evidence(values, margin=self.margin), level), pairs, mean, mean - half, mean + half)


def make_rule(pairs: int, margin: float, comparisons: int = 1) -> Rule:
    """Return the rule for at most so many pairs, looked at after each third of them.

    The error is spent as by O'Brien and Fleming, in the form of Lan and DeMets: at the share t of the pairs the
    looks so far may have erred with a chance of

        2 - 2 Φ(Φ^-1(1 - error / 2) / sqrt(t))

    and each look tests at what this grows by. The chances of the looks add up to the error whatever their dependence
    (union bound), and each look is Student's test of `decide`, which is exact for few pairs: nothing rests on a normal
    approximation, for a little less power than with boundaries by numerical integration. Several comparisons share the
    error equally (Bonferroni).

    References: O'Brien and Fleming 1979. Lan and DeMets 1983. Jennison and Turnbull 2000, Group sequential methods.

    Raises:
        ValueError: fewer than `FEWEST_PAIRS` pairs.
    """
    if pairs < FEWEST_PAIRS:
        raise ValueError(f"make_rule: expected at least {FEWEST_PAIRS} pairs, found {pairs}")
    looks = sorted({min(pairs, max(EARLIEST, math.ceil(pairs * part / LOOKS))) for part in range(1, LOOKS + 1)})
    spent = [_spent(count / pairs, ERROR / comparisons) for count in looks]
    levels = [(now - before) / 2 for before, now in zip([0.0, *spent], spent, strict=False)]
    return Rule(margin, tuple(looks), tuple(levels))


def _spent(share: float, error: float) -> float:
    return float(2 - 2 * ndtr(ndtri(1 - error / 2) / math.sqrt(share)))


def power(pairs: int, effect: float, spread: float, level: float) -> float:
    """Return the chance that Student's one-sided test finds an effect in normal differences of a standard deviation."""
    if not spread:
        return 1.0
    return 1 - float(nctdtr(pairs - 1, effect / spread * math.sqrt(pairs), stdtrit(pairs - 1, 1 - level)))


def largest_spread(pairs: int, effect: float, level: float) -> float:
    """Return the standard deviation of differences up to which an effect is found with a chance of `POWER`."""
    found = brentq(lambda shift: power(pairs, shift, math.sqrt(pairs), level) - POWER, 0.0, 1e3)
    return effect * math.sqrt(pairs) / float(found)  # type: ignore[arg-type]


def pairs_needed(effect: float, spread: float, level: float) -> int | None:
    """Return the fewest pairs that find an effect with a chance of `POWER`; None beyond `MOST_PAIRS`."""
    low, high = FEWEST_PAIRS, MOST_PAIRS
    if effect <= 0 or power(high, effect, spread, level) < POWER - 1e-9:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, effect, spread, level) >= POWER - 1e-9 else (middle + 1, high)
    return low
