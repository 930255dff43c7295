import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_bench.data.series.baselines import all_origins, errors, last_value, linear, make_baselines, seasonal_naive
from tests.data.series_support import small, walk


def test_last_value_and_season_by_hand():
    values = np.arange(100.0)[:, None]
    series = small(values, season=3)
    origin = np.array([80, 90])
    back = series.form.scaler.unscale
    np.testing.assert_allclose(back(last_value(series)(origin))[:, :, 0], [[79] * 4, [89] * 4])
    np.testing.assert_allclose(back(seasonal_naive(series)(origin))[:, :, 0], [[77, 78, 79, 77], [87, 88, 89, 87]])


def test_a_season_longer_than_the_context_looks_further_back():
    series = small(np.arange(100.0)[:, None], season=24)
    found = series.form.scaler.unscale(seasonal_naive(series)(np.array([80])))
    np.testing.assert_allclose(found[0, :, 0], [56, 57, 58, 59])


def test_linear_finds_a_linear_rule():
    """y_t = 2 y_(t-1) cos w - y_(t-2) holds for a sine, so one map over the context forecasts it exactly."""
    rows = np.arange(100.0)[:, None]
    series = small(np.concatenate([np.sin(rows * 0.7), 5 + 3 * np.sin(rows * 0.7 + 1)], axis=1))
    sums = errors(series, all_origins(series, "test"), linear(series))
    assert sums["squared"].sum() / sums["count"].sum() < 1e-8


def test_linear_equals_least_squares():
    series = small()
    scaled = series.form.scaler.scale(series.values)
    inputs, targets = [], []
    for origin in all_origins(series, "train"):
        context = scaled[origin - 8 : origin]
        inputs += [np.append((context[:-1, target] - context[-1, target]), 1.0) for target in range(2)]
        targets += [scaled[origin : origin + 4, target] - context[-1, target] for target in range(2)]
    weights = np.linalg.lstsq(np.array(inputs), np.array(targets), rcond=None)[0]
    context = scaled[77:85]
    expected = [context[-1, t] + np.append(context[:-1, t] - context[-1, t], 1.0) @ weights for t in range(2)]
    np.testing.assert_allclose(linear(series)(np.array([85]))[0].T, expected, rtol=1e-4, atol=1e-5)


@given(st.integers(0, 9))
@settings(max_examples=10)
def test_the_fit_sees_nothing_of_valid_and_test(seed):
    values, other = walk(), walk()
    other[60:] = walk(40, seed=seed + 1) * 50
    origin = all_origins(small(), "train")
    for name, forecast in make_baselines(small(values)).items():
        np.testing.assert_array_equal(forecast(origin), make_baselines(small(other))[name](origin))


def test_missing_training_targets_do_not_enter_the_fit():
    values = walk()
    values[30, 0] = np.nan
    wild = small(values)
    wild.values[30, 0] = 1e6  # were it used as a target, the fit would show it
    origin = np.array([70])
    tame = small(values)
    starts = all_origins(tame, "train")
    assert errors(tame, starts, linear(tame))["count"].sum() == len(starts) * 8 - 4
    assert np.isfinite(linear(wild)(origin)).all()


def test_without_a_whole_training_window_linear_is_the_last_value():
    values = walk()
    values[:60:3] = np.nan
    series = small(values)
    origin = all_origins(series, "test")
    np.testing.assert_allclose(linear(series)(origin), last_value(series)(origin))


def test_errors_leave_out_what_is_missing():
    values = walk()
    values[85, 1] = np.nan
    series = small(values)
    sums = errors(series, all_origins(series, "test"), last_value(series))
    assert sums["items"] == 17
    assert sums["count"].sum() == 17 * 4 * 2 - 4
    assert sums["squared"].shape == (4, 2)


@pytest.mark.parametrize("rows", ["valid", "test"])
def test_errors_cover_every_window(rows):
    series = small()
    chosen = all_origins(series, rows)
    scaled = series.form.scaler.scale(series.values)
    expected = np.mean([(scaled[o : o + 4] - scaled[o - 1]) ** 2 for o in chosen])
    sums = errors(series, chosen, last_value(series))
    assert sums["squared"].sum() / sums["count"].sum() == pytest.approx(expected)
