from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import ndtr
from scipy.stats import trim_mean

from gru_bench.results.statistics import holm, interquartile_mean, interquartile_mean_interval


def test_holm_by_hand():
    # ordered 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04, the last one raised to 0.06
    assert holm(np.array([0.04, 0.01, 0.03, 0.02])).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm(np.array([0.6, 0.7])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []


@given(arrays(np.float64, st.integers(1, 10), elements=st.floats(0, 1)))
def test_holm_lies_between_none_and_bonferroni(p_values: np.ndarray):
    adjusted = holm(p_values)
    assert (adjusted >= p_values).all()
    assert (adjusted <= np.minimum(len(p_values) * p_values, 1) + 1e-12).all()
    order = np.argsort(p_values)
    assert (np.diff(adjusted[order]) >= 0).all()


def test_holm_keeps_the_family_wise_error():
    # five tests, one of them of a real effect; four standard errors of 5000 simulations at 5 %: 1.2 points
    values = np.random.default_rng(0).normal(size=(5000, 5))
    values[:, 0] += 3
    p_values = ndtr(-values)
    adjusted = np.array([holm(row) for row in p_values])
    assert (adjusted[:, 1:] <= 0.05).any(axis=1).mean() <= 0.05 + 0.012
    assert (p_values[:, 1:] <= 0.05).any(axis=1).mean() > 0.15
    bonferroni = (5 * p_values[:, 0] <= 0.05).mean()
    assert (adjusted[:, 0] <= 0.05).mean() >= bonferroni > 0.5


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_holm_wants_probabilities(value: float):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(np.array([0.5, value]))


def test_iqm_by_hand():
    # of 1..8 the middle half is 3..6; of 1..3 it is 2, and a quarter of a run on each side
    assert interquartile_mean([np.arange(1.0, 5.0), np.arange(5.0, 9.0)]) == pytest.approx(4.5)
    assert interquartile_mean([np.array([1.0, 2.0, 30.0])]) == pytest.approx((0.25 * 1 + 2 + 0.25 * 30) / 1.5)


def test_iqm_is_scipys_trimmed_mean_where_runs_divide_by_four():
    scores = np.random.default_rng(0).standard_t(2, (6, 10))
    assert interquartile_mean(list(scores)) == pytest.approx(trim_mean(scores.ravel(), 0.25))


def test_tasks_weigh_the_same_whatever_their_seeds():
    low, high = np.zeros(20), np.ones(4)
    assert interquartile_mean([low, high]) == pytest.approx(0.5)
    assert interquartile_mean([np.repeat([1.0, 2.0], 3), np.array([3.0, 4.0])]) == pytest.approx(
        interquartile_mean([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    )


def test_iqm_does_not_see_one_wild_task():
    tasks = [np.array([0.1, 0.2, 0.3])] * 4
    assert interquartile_mean([*tasks, np.full(3, 1e9)]) < 0.3


def test_iqm_interval_draws_within_tasks():
    # tasks without noise, far apart: drawn across tasks the interval would be wide
    found = interquartile_mean_interval([np.full(3, 0.0), np.full(3, 100.0)], np.random.default_rng(0))
    assert (found.value, found.low, found.high, found.count) == (50, 50, 50, 6)


def test_iqm_interval_holds_the_truth():
    generator = np.random.default_rng(0)
    samples = generator.normal(np.arange(-2, 3)[:, None], 1, (600, 5, 30))
    found = [interquartile_mean_interval(list(tasks), generator, resamples=300) for tasks in samples]
    held = np.mean([each.low <= 0 <= each.high for each in found])
    assert held == pytest.approx(0.945, abs=0.04)  # four standard errors: 3.7 points


def test_iqm_of_nothing():
    generator = np.random.default_rng(0)
    for tasks in ([], [np.array([])], [np.array([1.0, np.nan])]):
        with pytest.raises(ValueError, match="finite scores"):
            interquartile_mean(tasks)
        with pytest.raises(ValueError, match="finite scores"):
            interquartile_mean_interval(tasks, generator)
