"""From paired differences to a verdict: which arm is better, or that no difference matters, or that it is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr

from gru_bench.results.statistics.paired import mean_and_deviation
from gru_bench.results.statistics.tasks import holm

LEVEL = 0.025  # of each one-sided test, so that the verdict can be read off the 95 % interval


class Verdict(StrEnum):
    """What paired runs say of two arms."""

    FIRST = "first better"
    SECOND = "second better"
    SAME = "no difference that matters"
    OPEN = "open"


@dataclass(frozen=True)
class Evidence:
    """P-values of the tests whose rejection supports a verdict; 1 where a test cannot speak."""

    first: float
    second: float
    same: float


def evidence(differences: Float[np.ndarray, " pairs"], *, margin: float = 0.0) -> Evidence:
    """Test paired differences, oriented so that above zero the first arm is better.

    For a factor they are log ratios, and `margin` the logarithm of a factor. With the true mean difference μ, Student t
    tests of

        first    μ <= 0            rejected by a mean far above it
        second   μ >= 0            rejected by a mean far below it
        same     |μ| >= margin     rejected by both of two one-sided tests (TOST); never where margin is 0

    Assumes independent pairs with about normal differences. Fewer than two pairs speak for nothing. Where all
    differences are equal, their mean is taken for exact.

    References: Schuirmann 1987 (TOST). Lakens 2017, doi:10.1177/1948550617697177.

    Raises:
        ValueError: a difference that is not finite, or a negative margin.
    """
    if not np.isfinite(differences).all():
        raise ValueError(f"expected finite differences, found {differences.tolist()}")
    if not margin >= 0:
        raise ValueError(f"expected a margin of at least 0, found {margin}")
    outside = max(p_above(differences, -margin), p_above(-differences, -margin)) if margin else 1.0
    return Evidence(first=p_above(differences, 0.0), second=p_above(-differences, 0.0), same=outside)


def holm_evidence(family: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence of a family of comparisons, corrected for their number.

    Holm's correction over the comparisons: of the test for any difference (either direction), and of that for none.
    """
    better = holm(np.array([min(one.first, one.second) for one in family], dtype=np.float64)).tolist()
    same = holm(np.array([one.same for one in family], dtype=np.float64)).tolist()
    return [
        Evidence(
            first=p_better if one.first <= one.second else 1.0,
            second=p_better if one.second < one.first else 1.0,
            same=p_same,
        )
        for one, p_better, p_same in zip(family, better, same, strict=True)
    ]


def decide(found: Evidence, level: float = LEVEL) -> Verdict:
    """Return the verdict, from the tests that reject at `level` (each one-sided).

    | same | first | second | verdict | in words |
    | --- | --- | --- | --- | --- |
    | yes | any | any | no difference that matters | whatever difference there is, is below the margin |
    | no | yes | no | first better | the difference is above zero, and not shown to be negligible |
    | no | no | yes | second better | the difference is below zero, and not shown to be negligible |
    | no | no | no | open | these runs leave it open |

    Without the correction for several comparisons the verdict is a function of Student's interval with confidence
    1 - 2 `level` (its place beside zero and the margin), and it is true whenever that interval holds μ: any false
    verdict has a chance of at most 2 `level`.

    Raises:
        ValueError: a level outside (0, 0.5).
    """
    if not 0 < level < 0.5:
        raise ValueError(f"decide: expected a level between 0 and 0.5, found {level}")
    if found.same <= level:
        return Verdict.SAME
    if found.first <= level:
        return Verdict.FIRST
    if found.second <= level:
        return Verdict.SECOND
    return Verdict.OPEN


def p_above(differences: Float[np.ndarray, " pairs"], bound: float) -> float:
    """Return the p-value of Student's test that rejects "the mean is at most `bound`"; 1 with fewer than two pairs."""
    count = len(differences)
    if count < 2:
        return 1.0
    mean, deviation = mean_and_deviation(differences)
    if not deviation:
        return 0.0 if mean > bound else 1.0
    return float(stdtr(count - 1, (bound - mean) / deviation * count**0.5))
