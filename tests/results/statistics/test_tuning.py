from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gru_bench.results.statistics import expected_best

trials = arrays(np.float64, st.integers(1, 8), elements=st.floats(-1e3, 1e3))


def test_by_hand():
    # pairs of 1, 2, 4: 2, 4, 4; of one: 7 / 3
    assert expected_best(np.array([2.0, 4.0, 1.0]), maximise=True).tolist() == pytest.approx([7 / 3, 10 / 3, 4])
    assert expected_best(np.array([2.0, 4.0, 1.0]), maximise=False).tolist() == pytest.approx([7 / 3, 4 / 3, 1])


@given(trials)
def test_it_is_the_mean_over_all_subsets(values: np.ndarray):
    for maximise, best in ((True, max), (False, min)):
        expected = [
            np.mean([best(subset) for subset in combinations(values.tolist(), size)])
            for size in range(1, len(values) + 1)
        ]
        assert expected_best(values, maximise=maximise).tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_it_is_unbiased_and_drawing_with_replacement_is_not():
    # the best of k uniform numbers has mean k / (k + 1)
    samples = np.random.default_rng(0).uniform(size=(4000, 6))
    budgets = np.arange(1, 7)
    found = np.mean([expected_best(row, maximise=True) for row in samples], axis=0)
    assert found == pytest.approx(budgets / (budgets + 1), abs=0.012)  # four standard errors: 0.008 at most
    ranks = np.arange(1, 7) / 6
    replaced = np.sort(samples, axis=1) @ (ranks**6 - (ranks - 1 / 6) ** 6)
    assert replaced.mean() < 6 / 7 - 0.03


def test_many_trials_do_not_overflow():
    values = np.arange(2000.0)
    found = expected_best(values, maximise=True)
    # the mean of the best of k of 0..n-1 is (n + 1) k / (k + 1) - 1
    budgets = np.arange(1, 2001)
    assert found == pytest.approx(2001 * budgets / (budgets + 1) - 1, rel=1e-9)
    assert comb(2000, 1000) > 1e300  # what the terms must not pass through


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [1.0, -np.inf]])
def test_trials_without_values(values: list[float]):
    with pytest.raises(ValueError, match="finite values"):
        expected_best(np.array(values, dtype=np.float64), maximise=True)
