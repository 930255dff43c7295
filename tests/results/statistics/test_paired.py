from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import ndtr, stdtrit
from scipy.stats import binomtest, bootstrap, gmean

from gru_bench.results.statistics import effect_size, log_ratios, mean_difference, mean_ratio, probability_better

pairs = arrays(np.float64, st.integers(2, 12), elements=st.floats(-1e3, 1e3))


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("count", [5, 10, 30])
def test_interval_is_scipys_percentile_interval_at_the_expanded_level(count: int):
    values = draws(1).exponential(size=count)
    level = 1 - 2 * float(ndtr(-math.sqrt(count / (count - 1)) * stdtrit(count - 1, 0.975)))
    expected = bootstrap(
        (values,), np.mean, confidence_level=level, method="percentile", rng=draws(2), n_resamples=10_000
    ).confidence_interval
    found = mean_difference(values, draws(2))
    assert (found.value, found.count) == (pytest.approx(values.mean()), count)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_interval_of_two_pairs_by_hand():
    # the means of two draws from {0, 1} are 0, 1/2, 1 with 1/4, 1/2, 1/4; the expanded level is Φ(-sqrt(2) * 12.7) = 0
    found = mean_difference(np.array([0.0, 1.0]), draws())
    assert (found.low, found.value, found.high) == (0.0, 0.5, 1.0)


def test_interval_holds_the_truth_as_often_as_documented():
    # 95 % at n = 30, and about 91 % at n = 5; four standard errors of 1500 simulations are 2.3 and 3 points
    for count, share, error in ((30, 0.95, 0.023), (5, 0.915, 0.03)):
        generator = draws(count)
        found = [mean_difference(row, generator, resamples=1000) for row in generator.normal(1, 2, (1500, count))]
        assert np.mean([each.low <= 1 <= each.high for each in found]) == pytest.approx(share, abs=error)


def test_equal_values_give_no_width():
    found = mean_difference(np.full(4, 0.25), draws())
    assert (found.low, found.value, found.high) == (0.25, 0.25, 0.25)


def test_generator_decides_the_draws():
    values = draws(3).normal(size=8)
    assert mean_difference(values, draws(4)) == mean_difference(values, draws(4))
    assert mean_difference(values, draws(4), resamples=100) != mean_difference(values, draws(5), resamples=100)


def test_ratio_by_hand():
    # ratios 2 and 1/2 average to 1, and 8 times 1/2 to sqrt(4)
    assert mean_ratio(np.array([2.0, 1.0]), np.array([1.0, 2.0]), draws()).value == pytest.approx(1)
    found = mean_ratio(np.array([8.0, 1.0]), np.array([1.0, 2.0]), draws())
    assert found.value == pytest.approx(2)
    assert (found.low, found.high) == (pytest.approx(0.5), pytest.approx(8))


def test_exchanged_arms_invert_the_ratio():
    first, second = draws(1).lognormal(size=(2, 9))
    there, back = mean_ratio(first, second, draws(2)), mean_ratio(second, first, draws(2))
    assert there.value == pytest.approx(gmean(first / second))
    assert (there.value, there.low, there.high) == (
        pytest.approx(1 / back.value),
        pytest.approx(1 / back.high),
        pytest.approx(1 / back.low),
    )


def test_ratio_needs_positive_values():
    with pytest.raises(ValueError, match="positive finite"):
        log_ratios(np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="positive finite"):
        log_ratios(np.array([1.0]), np.array([np.inf]))


def test_probability_by_hand():
    # two wins, a tie and a loss: 2.5 / 4; Wilson with z = 1.96: middle (0.625 + 0.4802) / 1.9604
    found = probability_better(np.array([0.1, 0.2, 0.0, -5.0]))
    assert found.value == 0.625
    assert (found.low + found.high) / 2 == pytest.approx(1.10518 / 1.96036, abs=1e-4)


def test_probability_has_scipys_interval_without_ties():
    expected = binomtest(7, 10).proportion_ci(method="wilson")
    found = probability_better(np.array([1.0] * 7 + [-1.0] * 3))
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_five_wins_of_five_do_not_prove_certainty():
    found = probability_better(np.ones(5))
    assert found.value == 1
    assert found.low == pytest.approx(5 / (5 + 1.959964**2), abs=1e-6)  # n / (n + z^2), Wilson at a share of 1
    assert found.high == 1


@given(pairs)
def test_exchanged_arms_mirror_the_probability(differences: np.ndarray):
    there, back = probability_better(differences), probability_better(-differences)
    assert there.value == pytest.approx(1 - back.value)
    assert there.low == pytest.approx(1 - back.high)


def test_effect_size_by_hand():
    # differences 1, 2, 3: mean 2, s = 1; with m = 2 the correction is Γ(1) / (1 Γ(1/2)) = 1 / sqrt(π)
    assert effect_size(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / math.sqrt(math.pi))
    # Hedges' approximation 1 - 3 / (4 m - 1) at m = 29
    values = draws().normal(1, 1, 30)
    plain = values.mean() / values.std(ddof=1)
    assert effect_size(values) == pytest.approx(plain * (1 - 3 / (4 * 29 - 1)), rel=2e-4)


def test_effect_size_is_unbiased():
    samples = draws().normal(0.8, 1, (20_000, 6))
    found = [effect_size(row) for row in samples]
    assert np.mean(np.array(found, dtype=np.float64)) == pytest.approx(0.8, abs=0.02)  # 4 standard errors: 0.018
    assert (samples.mean(axis=1) / samples.std(axis=1, ddof=1)).mean() > 0.9  # without the correction


def test_effect_size_where_it_has_no_meaning():
    assert effect_size(np.full(3, 0.1)) is None  # NumPy's deviation of them is not 0
    assert effect_size(np.array([1.0, 2.0])) == 0.0


@pytest.mark.parametrize("values", [[], [1.0], [1.0, np.nan], [1.0, np.inf]])
def test_too_few_or_unknown_values(values: list[float]):
    for statistic in (effect_size, lambda found: mean_difference(found, draws())):
        with pytest.raises(ValueError, match="at least two finite"):
            statistic(np.array(values, dtype=np.float64))


def test_probability_of_nothing():
    for values in ([], [np.nan]):
        with pytest.raises(ValueError, match="at least one pair"):
            probability_better(np.array(values, dtype=np.float64))
