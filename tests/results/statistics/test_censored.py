from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from gru_bench.results.statistics import (
    kaplan_meier,
    mean_difference,
    median_time,
    probability_better,
    restricted_mean,
    restricted_times,
)

runs = st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=12)


def arrays(found: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([time for time, _ in found], dtype=np.float64), np.array([reached for _, reached in found])


def test_curve_by_hand():
    # one of five arrives at 1, one is lost at 2, one of three arrives at 3, one of two at 4; the last is lost at 5
    times = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    curve = kaplan_meier(times, np.array([True, False, True, True, False]))
    assert curve.times.tolist() == [0, 1, 3, 4]
    assert curve.share.tolist() == pytest.approx([1, 4 / 5, 4 / 5 * 2 / 3, 4 / 5 * 2 / 3 * 1 / 2])
    assert median_time(curve) == 4
    assert restricted_mean(curve, 4.0) == pytest.approx(1 + 2 * 0.8 + 0.8 * 2 / 3)
    assert restricted_mean(curve, 2.0) == pytest.approx(1.8)
    with pytest.raises(ValueError, match="at most 5"):
        restricted_mean(curve, 6.0)


@given(runs)
def test_curve_is_scipys(found: list[tuple[int, bool]]):
    times, reached = arrays(found)
    curve = kaplan_meier(times, reached)
    expected = ecdf(CensoredData(uncensored=times[reached], right=times[~reached])).sf
    grid = np.arange(0.0, 22.0)
    steps = np.searchsorted(curve.times, grid, side="right") - 1
    assert curve.share[steps] == pytest.approx(expected.evaluate(grid))


@given(runs)
def test_with_one_budget_the_restricted_mean_is_the_mean_of_restricted_times(found: list[tuple[int, bool]]):
    times, _ = arrays(found)
    reached = times <= 10
    times = np.minimum(times, 10)
    for limit in (4.0, 10.0):
        mean = restricted_mean(kaplan_meier(times, reached), limit)
        assert mean == pytest.approx(restricted_times(times, reached, limit).mean())


def test_median_is_unknown_where_half_never_arrive():
    assert median_time(kaplan_meier(np.array([1.0, 9.0, 9.0]), np.array([True, False, False]))) is None
    assert median_time(kaplan_meier(np.array([1.0, 3.0, 9.0]), np.array([True, True, False]))) == 3
    nothing = kaplan_meier(np.array([9.0, 9.0]), np.array([False, False]))
    assert median_time(nothing) is None
    assert restricted_mean(nothing, 9.0) == 9


def test_after_the_last_arrival_nothing_is_added():
    curve = kaplan_meier(np.array([1.0, 3.0]), np.array([True, True]))
    assert restricted_mean(curve, 100.0) == pytest.approx(2)


def test_a_target_reached_at_once():
    curve = kaplan_meier(np.array([0.0, 2.0]), np.array([True, True]))
    assert (curve.times.tolist(), curve.share.tolist()) == ([0, 2], [0.5, 0])
    assert median_time(curve) == 0
    assert restricted_mean(curve, 2.0) == pytest.approx(1)


def test_curve_finds_the_truth_that_leaving_runs_out_misses():
    # exponential times with mean 1, censored independently: the restricted mean up to 1 is 1 - 1/e
    generator = np.random.default_rng(0)
    times, ends = generator.exponential(1, 20_000), generator.uniform(0, 3, 20_000)
    seen, reached = np.minimum(times, ends), times <= ends
    curve = kaplan_meier(seen, reached)
    assert restricted_mean(curve, 1.0) == pytest.approx(1 - np.exp(-1), abs=0.012)  # four standard errors
    assert median_time(curve) == pytest.approx(np.log(2), abs=0.03)
    assert np.median(seen[reached]) < 0.6


def test_pairs_with_runs_that_never_arrive():
    gru = restricted_times(np.array([2.0, 3.0, 9.0, 5.0]), np.array([True, True, False, True]), 8.0)
    lstm = restricted_times(np.array([4.0, 8.0, 9.0, 4.0]), np.array([True, False, False, True]), 8.0)
    earlier = lstm - gru
    assert earlier.tolist() == [2, 5, 0, -1]
    assert mean_difference(earlier, np.random.default_rng(0)).value == 1.5
    assert probability_better(earlier).value == 2.5 / 4


def test_a_run_of_which_the_end_is_unknown():
    with pytest.raises(ValueError, match=r"until the limit 8, found ends at \[5\.0\]"):
        restricted_times(np.array([2.0, 5.0]), np.array([True, False]), 8.0)


@pytest.mark.parametrize("times", [[], [-1.0], [np.inf], [np.nan]])
def test_times_that_are_none(times: list[float]):
    values, reached = np.array(times, dtype=np.float64), np.ones(len(times), dtype=bool)
    with pytest.raises(ValueError, match="none negative and all finite"):
        kaplan_meier(values, reached)
    with pytest.raises(ValueError, match="none negative and all finite"):
        restricted_times(values, reached, 1.0)
