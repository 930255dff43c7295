"""From paired differences to a verdict: tests for an advantage and for equivalence, and what follows from both."""

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
    """What the runs of one task say about a claim."""

    CONFIRMED = "confirmed"
    EQUIVALENT = "equivalent"
    REFUTED = "refuted"
    UNDERPOWERED = "underpowered"


@dataclass(frozen=True)
class Evidence:
    """P-values of the tests whose rejection supports a verdict; 1 where a test cannot speak."""

    confirmed: float
    refuted: float
    equivalent: float


def advantage_evidence(
    differences: Float[np.ndarray, " pairs"], *, at_least: float = 0.0, margin: float = 0.0
) -> Evidence:
    """Test the claim "the first arm is better by more than `at_least`" on paired differences.

    Differences are oriented so that above zero the first arm is better; for a claim about a factor they are log ratios,
    and `at_least` and `margin` logarithms of factors. With the true mean difference μ, Student t tests of

        confirmed   μ <= at_least           rejected by a mean far above it
        refuted     μ >= at_least           rejected by a mean far below it
        equivalent  |μ| >= margin           rejected by both of two one-sided tests (TOST); never where margin is 0

    Assumes independent pairs with about normal differences. Fewer than two pairs speak for nothing. Where all
    differences are equal, their mean is taken for exact.

    References: Schuirmann 1987 (TOST). Lakens 2017, doi:10.1177/1948550617697177.

    Raises:
        ValueError: a difference that is not finite, or a negative margin.
    """
    _check(differences, margin)
    return Evidence(
        confirmed=_p_above(differences, at_least),
        refuted=_p_above(-differences, -at_least),
        equivalent=_p_within(differences, margin),
    )


def equivalence_evidence(differences: Float[np.ndarray, " pairs"], *, margin: float) -> Evidence:
    """Test the claim "the arms differ by less than `margin`" on paired differences, in either orientation.

        confirmed   |μ| >= margin           rejected by both of two one-sided tests (TOST)
        refuted     -margin <= μ <= margin  rejected by a mean far outside on one side

    Equivalence is the claim, so it comes out as confirmed, and `equivalent` is always 1. Assumptions, references and
    errors are those of `advantage_evidence`.
    """
    _check(differences, margin)
    outside = min(_p_above(differences, margin), _p_above(-differences, margin))
    return Evidence(confirmed=_p_within(differences, margin), refuted=outside, equivalent=1.0)


def holm_evidence(tasks: Sequence[Evidence]) -> list[Evidence]:
    """Return the evidence of a claim's tasks, corrected for their number: Holm over tasks for each kind of verdict."""
    confirmed, refuted, equivalent = (
        holm(np.array([getattr(task, kind) for task in tasks], dtype=np.float64)).tolist()
        for kind in ("confirmed", "refuted", "equivalent")
    )
    return [Evidence(*values) for values in zip(confirmed, refuted, equivalent, strict=True)]


def decide(evidence: Evidence, level: float = LEVEL) -> Verdict:
    """Return the verdict on a claim, from the tests that reject at `level` (each one-sided).

    | equivalent | confirmed | refuted | verdict      | in words, for the claim "better by more than δ"            |
    | ---------- | --------- | ------- | ------------ | ---------------------------------------------------------- |
    | yes        | any       | any     | equivalent   | whatever difference there is, is below the margin          |
    | no         | yes       | no      | confirmed    | the difference is above δ                                  |
    | no         | no        | yes     | refuted      | the difference is below δ, and not shown to be negligible  |
    | no         | no        | no      | underpowered | these runs leave it open                                   |

    "Confirmed" and "refuted" never hold at once below a level of one half. Without the correction for several tasks the
    verdict is a function of Student's interval with confidence 1 - 2 `level` (its place beside δ and the margin), and
    it is true whenever that interval holds μ: any false verdict has a chance of at most 2 `level`.

    Raises:
        ValueError: a level outside (0, 0.5).
    """
    if not 0 < level < 0.5:
        raise ValueError(f"decide: expected a level between 0 and 0.5, found {level}")
    if evidence.equivalent <= level:
        return Verdict.EQUIVALENT
    if evidence.confirmed <= level:
        return Verdict.CONFIRMED
    if evidence.refuted <= level:
        return Verdict.REFUTED
    return Verdict.UNDERPOWERED


def _check(differences: Float[np.ndarray, " pairs"], margin: float) -> None:
    if not np.isfinite(differences).all():
        raise ValueError(f"expected finite differences, found {differences.tolist()}")
    if not margin >= 0:
        raise ValueError(f"expected a margin of at least 0, found {margin}")


def _p_within(differences: Float[np.ndarray, " pairs"], margin: float) -> float:
    return max(_p_above(differences, -margin), _p_above(-differences, -margin)) if margin else 1.0


def _p_above(differences: Float[np.ndarray, " pairs"], bound: float) -> float:
    """Return the p-value of Student's test that rejects "the mean is at most `bound`"."""
    count = len(differences)
    if count < 2:
        return 1.0
    mean, deviation = mean_and_deviation(differences)
    if not deviation:
        return 0.0 if mean > bound else 1.0
    return float(stdtr(count - 1, (bound - mean) / deviation * count**0.5))
