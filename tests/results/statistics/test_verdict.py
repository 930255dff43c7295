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
    decide,
    evidence,
    holm_evidence,
    log_ratios,
    mean_interval,
    p_above,
)

FIRST, SECOND, SAME, OPEN = Verdict
pairs = arrays(np.float64, st.integers(2, 8), elements=st.floats(-1, 1))


def share(margin: float, truth: float, verdict: Verdict, count: int = 8, noise: float = 0.02) -> float:
    samples = np.random.default_rng(0).normal(truth, noise, (3000, count))
    return float(np.mean([decide(evidence(row, margin=margin)) is verdict for row in samples]))


def test_tests_are_scipys():
    values = np.random.default_rng(0).normal(0.3, 1, 9)

    def p_value(bound: float, side: str) -> float:
        found: Any = ttest_1samp(values, bound, alternative=side)
        return float(found.pvalue)

    found = evidence(values, margin=1.0)
    assert found.first == pytest.approx(p_value(0, "greater"))
    assert found.second == pytest.approx(p_value(0, "less"))
    assert found.same == pytest.approx(max(p_value(-1, "greater"), p_value(1, "less")))
    assert p_above(values, 0.2) == pytest.approx(p_value(0.2, "greater"))


def test_p_value_by_hand():
    # differences 1, 2, 3: mean 2, error 1 / sqrt(3); t(2) = 2 sqrt(3) has 1/2 - t / (2 sqrt(2 + t^2)) above it
    distance = 2 * math.sqrt(3)
    expected = 0.5 - distance / (2 * math.sqrt(2 + distance**2))
    assert evidence(np.array([1.0, 2.0, 3.0])).first == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second", "same", "verdict"),
    [
        (0.01, 0.9, 0.01, SAME),
        (0.9, 0.01, 0.01, SAME),
        (0.9, 0.9, 0.01, SAME),
        (0.01, 0.9, 0.9, FIRST),
        (0.9, 0.01, 0.9, SECOND),
        (0.9, 0.9, 0.9, OPEN),
        (0.026, 0.9, 0.026, OPEN),
        (0.025, 0.9, 0.9, FIRST),
    ],
)
def test_truth_table(first: float, second: float, same: float, verdict: Verdict):
    assert decide(Evidence(first, second, same)) is verdict


@given(pairs, st.floats(0.01, 0.5))
def test_verdict_is_read_off_the_interval(values: np.ndarray, margin: float):
    found = mean_interval(values.tolist())
    assert found.low is not None
    assert found.high is not None
    if min(abs(end - bound) for end in (found.low, found.high) for bound in (0.0, -margin, margin)) < 1e-6:
        return  # rounding decides
    inside = -margin < found.low and found.high < margin
    expected = SAME if inside else FIRST if found.low > 0 else SECOND if found.high < 0 else OPEN
    assert decide(evidence(values, margin=margin)) is expected


def test_swapped_arms_swap_the_verdict():
    values = np.array([0.3, 0.4, 0.5, 0.35])
    assert decide(evidence(values, margin=0.1)) is FIRST
    assert decide(evidence(-values, margin=0.1)) is SECOND


def test_a_factor():
    seconds_lstm = np.array([1.50, 1.45, 1.55, 1.52, 1.49])
    assert decide(evidence(log_ratios(seconds_lstm, np.ones(5)), margin=math.log(1.05))) is FIRST
    level = log_ratios(seconds_lstm, seconds_lstm * np.array([1.01, 1.0, 0.99, 1.0, 1.0]))
    assert decide(evidence(level, margin=math.log(1.05))) is SAME


def test_without_a_margin_every_difference_matters():
    assert evidence(np.zeros(5)).same == 1
    assert decide(evidence(np.zeros(5))) is OPEN


def test_equal_differences_are_taken_for_exact():
    same = np.full(5, 0.25)
    assert decide(evidence(same, margin=0.2)) is FIRST
    assert decide(evidence(-same, margin=0.2)) is SECOND
    assert decide(evidence(same, margin=0.3)) is SAME
    assert decide(evidence(same, margin=0.25)) is FIRST
    assert p_above(np.full(3, 0.1), 0.1) == 1.0  # NumPy's mean is above 0.1


@pytest.mark.parametrize("values", [[], [1.0]])
def test_one_pair_proves_nothing(values: list[float]):
    assert decide(evidence(np.array(values, dtype=np.float64), margin=2.0)) is OPEN


def test_size_of_tost_at_the_margin():
    # four standard errors of 3000 simulations at 2.5 %: 1.1 points
    assert share(0.05, 0.05, SAME) == pytest.approx(0.025, abs=0.012)
    assert share(0.05, -0.05, SAME) == pytest.approx(0.025, abs=0.012)


def test_power_of_tost_against_the_formula():
    # at a true difference of 0: P(|mean| < margin - t s / sqrt(n)), integrated over s by simulation from chi-square
    count, noise, margin = 8, 0.02, 0.03
    generator = np.random.default_rng(1)
    deviations = noise * np.sqrt(generator.chisquare(count - 1, 200_000) / (count - 1))
    left = np.maximum(margin - t.ppf(0.975, count - 1) * deviations / math.sqrt(count), 0)
    expected = float((1 - 2 * t.sf(left / (noise / math.sqrt(count)), np.inf)).mean())
    assert 0.5 < expected < 0.95
    assert share(margin, 0.0, SAME, count, noise) == pytest.approx(expected, abs=0.035)


def test_false_verdicts_are_as_rare_as_said():
    assert share(0.0, 0.0, FIRST) == pytest.approx(0.025, abs=0.012)
    assert share(0.0, 0.0, SECOND) == pytest.approx(0.025, abs=0.012)
    assert share(0.01, 0.1, FIRST) > 0.99
    assert share(0.05, 0.0, SAME) > 0.99


def test_holm_corrects_over_the_family():
    family = [Evidence(0.01, 0.99, 1.0), Evidence(0.98, 0.02, 0.01), Evidence(0.5, 0.5, 0.02)]
    found = holm_evidence(family)
    assert [one.first for one in found] == pytest.approx([0.03, 1.0, 0.5])
    assert [one.second for one in found] == pytest.approx([1.0, 0.04, 1.0])
    assert [one.same for one in found] == pytest.approx([1.0, 0.03, 0.04])
    assert holm_evidence([]) == []


def test_margins_and_levels_outside_their_range():
    for margin in (-0.1, math.nan):
        with pytest.raises(ValueError, match="margin of at least 0"):
            evidence(np.zeros(3), margin=margin)
    with pytest.raises(ValueError, match="finite differences"):
        evidence(np.array([0.0, np.nan]), margin=0.1)
    for level in (0.0, 0.5):
        with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
            decide(Evidence(1.0, 1.0, 1.0), level)
