from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import t, ttest_1samp

from gru_bench.results.statistics import (
    Evidence,
    Verdict,
    advantage_evidence,
    decide,
    equivalence_evidence,
    holm_evidence,
    log_ratios,
    mean_interval,
)

CONFIRMED, EQUIVALENT, REFUTED, UNDERPOWERED = Verdict
pairs = arrays(np.float64, st.integers(2, 8), elements=st.floats(-1, 1))


def share(claim, truth: float, verdict: Verdict, count: int = 8, noise: float = 0.02, simulations: int = 3000) -> float:
    samples = np.random.default_rng(0).normal(truth, noise, (simulations, count))
    return float(np.mean([decide(claim(row)) is verdict for row in samples]))


def test_tests_are_scipys():
    values = np.random.default_rng(0).normal(0.3, 1, 9)

    def p_value(bound: float, side: str) -> float:
        found: Any = ttest_1samp(values, bound, alternative=side)
        return float(found.pvalue)

    found = advantage_evidence(values, at_least=0.2, margin=1.0)
    assert found.confirmed == pytest.approx(p_value(0.2, "greater"))
    assert found.refuted == pytest.approx(p_value(0.2, "less"))
    assert found.equivalent == pytest.approx(max(p_value(-1, "greater"), p_value(1, "less")))
    narrow = equivalence_evidence(values, margin=0.1)
    assert narrow.refuted == pytest.approx(min(p_value(-0.1, "less"), p_value(0.1, "greater")))
    assert equivalence_evidence(values, margin=1.0).confirmed == found.equivalent


def test_p_value_by_hand():
    # differences 1, 2, 3: mean 2, error 1 / sqrt(3); t(2) = 2 sqrt(3) has 1/2 - t / (2 sqrt(2 + t^2)) above it
    distance = 2 * math.sqrt(3)
    expected = 0.5 - distance / (2 * math.sqrt(2 + distance**2))
    assert advantage_evidence(np.array([1.0, 2.0, 3.0])).confirmed == pytest.approx(expected)


@pytest.mark.parametrize(
    ("equivalent", "confirmed", "refuted", "verdict"),
    [
        (0.01, 0.01, 0.9, EQUIVALENT),
        (0.01, 0.9, 0.01, EQUIVALENT),
        (0.01, 0.9, 0.9, EQUIVALENT),
        (0.9, 0.01, 0.9, CONFIRMED),
        (0.9, 0.9, 0.01, REFUTED),
        (0.9, 0.9, 0.9, UNDERPOWERED),
        (0.026, 0.026, 0.9, UNDERPOWERED),
        (0.9, 0.025, 0.9, CONFIRMED),
    ],
)
def test_truth_table(equivalent: float, confirmed: float, refuted: float, verdict: Verdict):
    assert decide(Evidence(confirmed, refuted, equivalent)) is verdict


@given(pairs, st.floats(-0.5, 0.5), st.floats(0.01, 0.5))
def test_verdict_is_read_off_the_interval(values: np.ndarray, at_least: float, margin: float):
    found = mean_interval(values.tolist())
    assert found.low is not None
    assert found.high is not None
    ends = (found.low, found.high)
    if min(abs(end - bound) for end in ends for bound in (at_least, -margin, margin)) < 1e-6:
        return  # rounding decides
    inside = -margin < found.low and found.high < margin
    expected = (
        EQUIVALENT
        if inside
        else CONFIRMED
        if found.low > at_least
        else REFUTED
        if found.high < at_least
        else UNDERPOWERED
    )
    assert decide(advantage_evidence(values, at_least=at_least, margin=margin)) is expected
    apart = found.low > margin or found.high < -margin
    expected = CONFIRMED if inside else REFUTED if apart else UNDERPOWERED
    assert decide(equivalence_evidence(values, margin=margin)) is expected


def test_a_claim_about_a_factor():
    seconds_lstm = np.array([1.50, 1.45, 1.55, 1.52, 1.49])
    ratios = log_ratios(seconds_lstm, np.ones(5))
    for factor, verdict in ((1.3, CONFIRMED), (1.5, UNDERPOWERED), (1.7, REFUTED)):
        assert decide(advantage_evidence(ratios, at_least=math.log(factor), margin=math.log(1.05))) is verdict
    level = log_ratios(seconds_lstm, seconds_lstm * np.array([1.01, 1.0, 0.99, 1.0, 1.0]))
    assert decide(advantage_evidence(level, at_least=math.log(1.3), margin=math.log(1.05))) is EQUIVALENT


def test_without_a_margin_nothing_is_equivalent():
    assert advantage_evidence(np.zeros(5)).equivalent == 1
    assert decide(advantage_evidence(np.zeros(5))) is UNDERPOWERED


def test_equal_differences_are_taken_for_exact():
    same = np.full(5, 0.25)
    assert decide(advantage_evidence(same, at_least=0.2)) is CONFIRMED
    assert decide(advantage_evidence(same, at_least=0.3)) is REFUTED
    assert decide(equivalence_evidence(same, margin=0.3)) is CONFIRMED
    assert decide(equivalence_evidence(same, margin=0.25)) is UNDERPOWERED
    assert decide(equivalence_evidence(-same, margin=0.2)) is REFUTED
    assert decide(advantage_evidence(np.full(3, 0.1), at_least=0.1)) is UNDERPOWERED  # NumPy's mean is above 0.1


@pytest.mark.parametrize("values", [[], [1.0]])
def test_one_pair_proves_nothing(values: list[float]):
    differences = np.array(values, dtype=np.float64)
    assert decide(advantage_evidence(differences, margin=2.0)) is UNDERPOWERED
    assert decide(equivalence_evidence(differences, margin=2.0)) is UNDERPOWERED


def test_size_of_tost_at_the_margin():
    # four standard errors of 3000 simulations at 2.5 %: 1.1 points
    assert share(lambda row: equivalence_evidence(row, margin=0.05), 0.05, CONFIRMED) == pytest.approx(0.025, abs=0.012)
    assert share(lambda row: equivalence_evidence(row, margin=0.05), -0.05, CONFIRMED) == pytest.approx(
        0.025, abs=0.012
    )


def test_power_of_tost_against_the_formula():
    # at a true difference of 0: P(|mean| < margin - t s / sqrt(n)), integrated over s by simulation from chi-square
    count, noise, margin = 8, 0.02, 0.03
    generator = np.random.default_rng(1)
    deviations = noise * np.sqrt(generator.chisquare(count - 1, 200_000) / (count - 1))
    room = np.maximum(margin - t.ppf(0.975, count - 1) * deviations / math.sqrt(count), 0)
    expected = float((1 - 2 * t.sf(room / (noise / math.sqrt(count)), np.inf)).mean())
    assert 0.5 < expected < 0.95
    found = share(lambda row: equivalence_evidence(row, margin=margin), 0.0, CONFIRMED, count, noise)
    assert found == pytest.approx(expected, abs=0.035)


def test_false_verdicts_are_as_rare_as_said():
    def claim(row: np.ndarray) -> Evidence:
        return advantage_evidence(row, at_least=0.1, margin=0.05)

    assert share(claim, 0.1, UNDERPOWERED) == pytest.approx(0.95, abs=0.016)  # on the bound itself, all else is false
    assert share(claim, 0.05, EQUIVALENT) == pytest.approx(0.025, abs=0.012)
    assert share(claim, 0.2, CONFIRMED, simulations=300) > 0.99
    assert share(claim, 0.0, EQUIVALENT, simulations=300) > 0.99


def test_holm_corrects_each_kind_over_tasks():
    tasks = [Evidence(0.01, 0.9, 1.0), Evidence(0.02, 0.01, 1.0), Evidence(0.5, 0.3, 1.0)]
    found = holm_evidence(tasks)
    assert [task.confirmed for task in found] == pytest.approx([0.03, 0.04, 0.5])
    assert [task.refuted for task in found] == pytest.approx([0.9, 0.03, 0.6])
    assert [task.equivalent for task in found] == [1.0, 1.0, 1.0]
    assert holm_evidence([]) == []


def test_margins_and_levels_outside_their_range():
    for margin in (-0.1, math.nan):
        with pytest.raises(ValueError, match="margin of at least 0"):
            advantage_evidence(np.zeros(3), margin=margin)
    with pytest.raises(ValueError, match="finite differences"):
        equivalence_evidence(np.array([0.0, np.nan]), margin=0.1)
    for level in (0.0, 0.5):
        with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
            decide(Evidence(1.0, 1.0, 1.0), level)
