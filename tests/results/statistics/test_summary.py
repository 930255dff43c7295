from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from gru_bench.results.statistics import mean_interval, median, paired_difference, ratio

numbers = st.floats(-1e6, 1e6)
by_seed = st.dictionaries(st.integers(0, 20), numbers)


def test_interval_by_hand():
    # mean 2, standard deviation 1, t(2) at 97.5 % = 4.302653 (printed tables), 4.302653 / sqrt(3) = 2.484138
    found = mean_interval([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.count == 3
    assert found.half_width == pytest.approx(2.484138, abs=1e-6)
    assert found.low == pytest.approx(-0.484138, abs=1e-6)
    assert found.high == pytest.approx(4.484138, abs=1e-6)
    assert not found.excludes_zero


def test_interval_of_two_by_hand():
    # mean 11, s = sqrt(2), t(1) at 97.5 % = 12.7062, 12.7062 * sqrt(2) / sqrt(2) = 12.7062
    assert mean_interval([10.0, 12.0]).half_width == pytest.approx(12.7062, abs=1e-4)


def test_one_value_has_no_interval_and_none_has_no_mean():
    found = mean_interval([0.4])
    assert (found.mean, found.half_width, found.low, found.high, found.count) == (0.4, None, None, None, 1)
    assert not found.excludes_zero
    with pytest.raises(ValueError, match="found none"):
        mean_interval([])


def test_difference_uses_the_shared_seeds_only():
    # seeds 1 and 2: differences -0.1 and -0.3, mean -0.2, s = 0.1 sqrt(2), half width 12.7062 * 0.1 = 1.27062
    found = paired_difference({0: 9.0, 1: 1.0, 2: 2.0}, {1: 1.1, 2: 2.3, 3: 9.0})
    assert found is not None
    assert found.by_seed == {1: pytest.approx(-0.1), 2: pytest.approx(-0.3)}
    assert found.estimate.mean == pytest.approx(-0.2)
    assert found.estimate.half_width == pytest.approx(1.27062, abs=1e-5)
    assert found.estimate.count == 2


def test_pairing_removes_what_seeds_share():
    first = {seed: 10.0 * (seed - 2) + 0.1 for seed in range(5)}
    second = {seed: 10.0 * (seed - 2) for seed in range(5)}
    found = paired_difference(first, second)
    assert found is not None
    assert found.estimate.excludes_zero
    assert not mean_interval(list(first.values())).excludes_zero


def test_no_shared_seed_no_difference():
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_median_and_ratio_skip_what_is_unknown():
    assert median([3.0, None, 1.0]) == 2.0
    assert median([None]) is None
    assert median([]) is None
    assert ratio(1.0, 4.0) == 0.25
    assert ratio(None, 4.0) is None
    assert ratio(1.0, None) is None
    assert ratio(1.0, 0.0) is None


@given(st.lists(numbers, min_size=2, max_size=20), numbers)
def test_a_shift_moves_the_mean_alone(values: list[float], shift: float):
    before, after = mean_interval(values), mean_interval([value + shift for value in values])
    assert before.half_width is not None
    assert after.half_width is not None
    deviation = np.std(np.array(values), ddof=1)
    expected = float(student.ppf(0.975, len(values) - 1) * deviation / len(values) ** 0.5)
    assert before.half_width == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert after.mean == pytest.approx(before.mean + shift, abs=1e-6)
    assert after.half_width == pytest.approx(before.half_width, rel=1e-6, abs=1e-6)


@given(st.lists(numbers, min_size=2, max_size=20))
def test_more_confidence_is_never_narrower(values: list[float]):
    wide, narrow = mean_interval(values, 0.99).half_width, mean_interval(values, 0.9).half_width
    assert wide is not None
    assert narrow is not None
    assert wide >= narrow


@given(by_seed, by_seed)
def test_a_difference_turns_its_sign_with_the_order(first: dict[int, float], second: dict[int, float]):
    there, back = paired_difference(first, second), paired_difference(second, first)
    if there is None or back is None:
        assert there is back is None
        assert not first.keys() & second.keys()
        return
    assert there.estimate.mean == pytest.approx(-back.estimate.mean, abs=1e-9)
    assert there.estimate.excludes_zero == back.estimate.excludes_zero
    assert all(math.isclose(value, -back.by_seed[seed]) for seed, value in there.by_seed.items())
