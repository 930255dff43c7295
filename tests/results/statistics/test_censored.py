from __future__ import annotations

import numpy as np
import pytest

from gru_bench.results.statistics import mean_difference, probability_better, restricted_times


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
        restricted_times(values, reached, 1.0)
