import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gru_bench.data.series.readings import Readings, fill, with_future
from gru_bench.data.series.sampling import Step
from gru_bench.data.series.scaling import Scaler
from gru_bench.data.series.series import SeriesForm, cut_rows, origins
from gru_bench.errors import ConfigError, DataError
from tests.data.series_support import HOUR, SPLITS, hours, small, walk

holes = arrays.arrays(bool, (100, 2), elements=st.booleans())


@given(holes, st.integers(0, 10))
def test_nothing_that_is_measured_comes_from_valid_or_test(hole, seed):
    values = np.where(hole, np.nan, walk())
    values[:2] = walk()[:2]
    other = values.copy()
    other[60:] = walk(40, seed=seed + 1) * 100
    one, two = small(values, calendar=True).form, small(other, calendar=True).form
    assert one == two


def test_the_scaler_by_hand_and_back():
    values = np.array([[1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]])
    scaler = Scaler.fit(values, ["a", "constant"])
    assert scaler == Scaler((2.0, 5.0), (1.0, 1.0))
    np.testing.assert_allclose(scaler.unscale(scaler.scale(values)), values)


def test_a_constant_that_floats_cannot_sum_exactly_is_constant():
    assert Scaler.fit(np.full((1000, 1), 0.1), ["a"]).deviation == (1.0,)


def test_missing_values_by_the_stated_rule():
    values = np.array([[np.nan], [2.0], [np.nan], [np.nan], [4.0], [np.nan]])
    assert fill(values, [7.0])[:, 0].tolist() == [7, 2, 2, 2, 4, 4]


@given(holes)
def test_filled_values_are_the_last_known_ones(hole):
    truth = walk()
    filled = fill(np.where(hole, np.nan, truth), [-1.0, -2.0])
    for column in range(2):
        last = [-1.0, -2.0][column]
        for row in range(100):
            last = last if hole[row, column] else truth[row, column]
            assert filled[row, column] == last


def test_missing_values_are_counted_and_the_rule_is_said():
    values = walk()
    values[[0, 65, 66, 99], [0, 0, 1, 1]] = np.nan
    series = small(values)
    assert series.facts["missing"] == {"train": 1, "valid": 2, "test": 1}
    assert "last known value" in series.facts["missing_rule"]
    assert series.values[0, 0] == pytest.approx(series.form.scaler.mean[0])
    assert not series.observed[0, 0]
    assert "missing_rule" not in small().facts


def test_a_column_without_a_training_value_is_named():
    values = walk()
    values[:60, 1] = np.nan
    with pytest.raises(DataError, match="column 'y1' has no value in the 60 training rows"):
        small(values)


@pytest.mark.parametrize(("context", "horizon", "split", "needs"), [(50, 11, "train", 61), (8, 21, "valid", 21)])
def test_too_few_rows_are_said_in_numbers(context, horizon, split, needs):
    with pytest.raises(DataError, match=rf"the {split} split has \d+ of 100 rows, expected at least {needs}"):
        small(context=context, horizon=horizon)


def test_mase_divides_by_the_seasonal_naive_error_of_train():
    values = np.zeros((100, 2))
    values[:60, 0] = np.arange(60)
    values[60:, 0] = 1000
    series = small(values)
    assert series.form.naive_error == (3.0, None)  # rows three apart differ by 3; a constant has no scale


def test_the_season():
    assert small(season=None).form.season == 24
    assert small(season=None, step=None).form.season == 1
    assert small(season=None, step=Step("time", HOUR.count // 60)).form.season == 1  # a day is longer than the data
    with pytest.raises(ConfigError, match=r"data.season: found 60, allowed: less than the 60 training rows"):
        small(season=60)


def test_calendar_features_join_what_is_known():
    series = small(covariates=np.arange(100.0)[:, None], calendar=True)
    assert series.form.calendar == ("hour of day", "day of week", "day of year")
    assert series.known.shape == (100, 7)
    assert series.known[:60, 0].mean() == pytest.approx(0)
    assert series.known[:60, 0].std() == pytest.approx(1)
    assert np.abs(series.known[:, 1:]).max() <= 1
    with pytest.raises(ConfigError, match=r"data.calendar: found true"):
        small(calendar=True, step=None)


def test_the_description_survives_json():
    form = small(covariates=np.arange(100.0)[:, None], calendar=True).form
    assert SeriesForm.from_dict(json.loads(json.dumps(form.to_dict()))) == form


def test_windows_reach_back_but_not_ahead():
    form = small().form
    assert origins(form, SPLITS["train"]) == range(8, 57)
    assert origins(form, SPLITS["test"]) == range(80, 97)
    assert small().facts["windows"] == {"train": 49, "valid": 17, "test": 17}


def test_the_digest_names_values_times_and_cut():
    digest = small().facts["digest"]
    changed = walk()
    changed[99, 0] += 1e-9
    assert small().facts["digest"] == digest
    assert small(changed).facts["digest"] != digest
    assert small(context=9).facts["digest"] == digest  # the same rows


@pytest.mark.parametrize(("rows", "cut"), [(52_696, (36_887, 42_157, 52_696)), (10, (7, 8, 10))])
def test_rows_are_cut_in_order(rows, cut):
    found = cut_rows(rows, 0.1, 0.2)
    assert found == {"train": (0, cut[0]), "valid": (cut[0], cut[1]), "test": (cut[1], cut[2])}


def test_rows_after_the_last_known_value_are_the_future():
    values = np.array([[1.0], [2.0], [np.nan], [np.nan]])
    rows = Readings(hours(4), values, np.arange(4.0)[:, None])
    ahead = with_future(rows, HOUR, 3)
    assert len(ahead.values) == 5
    np.testing.assert_array_equal(ahead.time, hours(5))
    np.testing.assert_array_equal(ahead.covariates[:, 0], [0, 1, 2, 3, np.nan])
    assert len(with_future(rows, HOUR, 1).values) == 3
    assert dataclasses.replace(rows, time=None).rows(slice(1, 3)).values.shape == (2, 1)
