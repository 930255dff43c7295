import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gru_bench.data.batches.forecast import ForecastEvalWindows, ForecastTrainWindows, ForecastWindows, normaliser
from gru_bench.data.series.readings import Readings
from gru_bench.data.series.series import arrange
from gru_bench.errors import DataError
from tests.data.series_support import SPLITS, hours, small, walk

choices = st.tuples(st.sampled_from(["joint", "shared"]), st.sampled_from(["none", "last", "instance"]))
sizes = st.tuples(st.integers(1, 12), st.integers(1, 8), st.integers(1, 40))


def all_rows(batches):
    """Join batches without the rows that fill them up."""
    batches = [batches[index] for index in range(len(batches))]
    return {key: np.concatenate([batch[key][batch["mask"]] for batch in batches]) for key in batches[0]}


@given(choices, sizes, st.sampled_from(["valid", "test"]))
@settings(max_examples=40)
def test_eval_windows_tile_a_split_once_and_reach_back(choice, size, split):
    (channels, normalise), (context, horizon, batch_size) = choice, size
    series = small(context=context, horizon=horizon)
    windows = ForecastWindows(series, channels, normalise)
    found = all_rows(ForecastEvalWindows(windows, series.splits[split], batch_size))
    first, end = SPLITS[split]
    scaled = series.form.scaler.scale(series.values)
    count = end - first - horizon + 1
    width = 1 if channels == "shared" else 2
    targets = found["targets"].reshape(count, -1, horizon, width).swapaxes(1, 2).reshape(count, horizon, 2)
    inputs = found["inputs"] * found["scale"] + found["location"]
    inputs = inputs.reshape(count, -1, context, width).swapaxes(1, 2).reshape(count, context, 2)
    for window in range(count):
        np.testing.assert_allclose(targets[window], scaled[first + window :][:horizon], rtol=1e-5, atol=1e-5)
        before = scaled[first + window - context : first + window]
        np.testing.assert_allclose(inputs[window], before, rtol=1e-4, atol=1e-4)
    assert found["observed"].all()


@given(choices, sizes, st.integers(1, 5), st.integers(0, 3))
@settings(max_examples=40)
def test_train_windows_come_once_an_epoch_and_stay_in_train(choice, size, stride, epoch):
    (channels, normalise), (context, horizon, batch_size) = choice, size
    values = np.arange(100.0)[:, None] * np.array([1.0, 1000.0])
    series = small(values, context=context, horizon=horizon)
    windows = ForecastWindows(series, channels, normalise)
    train = ForecastTrainWindows(windows, batch_size, stride=stride, seed=1)
    batches = [train.at(epoch, index) for index in range(len(train))]
    assert {batch["inputs"].shape[0] for batch in batches} == {batch_size}
    joined = {key: np.concatenate([batch[key][batch["mask"]] for batch in batches]) for key in batches[0]}
    rows = joined["targets"][:, 0, 0]
    if channels == "shared":
        rows = np.where(joined["channel"] == 0, rows, rows + 1000)
    assert np.unique(rows).size == rows.size
    count = (60 - context - horizon + 1) // min(stride, 60 - context - horizon + 1)
    assert rows.size == count * (2 if channels == "shared" else 1)
    last = series.form.scaler.scale(series.values)[59].max()
    assert joined["targets"].max() <= last + 1e-6
    again = ForecastTrainWindows(windows, batch_size, stride=stride, seed=1).at(epoch, len(train) - 1)
    np.testing.assert_array_equal(again["targets"], batches[-1]["targets"])


def test_the_order_depends_on_seed_and_epoch():
    windows = ForecastWindows(small(), "joint", "none")
    first = ForecastTrainWindows(windows, 10, seed=0)
    assert not np.array_equal(first.at(0, 0)["targets"], first.at(1, 0)["targets"])
    assert not np.array_equal(first.at(0, 0)["targets"], ForecastTrainWindows(windows, 10, seed=1).at(0, 0)["targets"])
    assert first.shapes == ({"time": 8},)
    with pytest.raises(IndexError, match="batch 5 of 5"):
        first.at(0, 5)


@given(st.integers(0, 5), choices)
@settings(max_examples=20)
def test_training_batches_see_nothing_of_valid_and_test(seed, choice):
    values = walk()
    other = values.copy()
    other[60:] = walk(40, seed=seed + 1) * 50
    one, two = (ForecastTrainWindows(ForecastWindows(small(rows), *choice), 16) for rows in (values, other))
    for index in range(len(one)):
        for key, array in one.at(0, index).items():
            np.testing.assert_array_equal(array, two.at(0, index)[key])


@given(st.sampled_from(["last", "instance"]), st.floats(-50, 50), st.floats(0.5, 20))
@settings(max_examples=30)
def test_normalised_inputs_do_not_depend_on_level_and_size(normalise, level, size):
    contexts = walk(24, 3).reshape(2, 12, 3)
    location, scale = normaliser(contexts, normalise)
    factor = 1.0 if normalise == "last" else size
    moved_location, moved_scale = normaliser(contexts * factor + level, normalise)
    plain = (contexts - location) / scale
    moved = (contexts * factor + level - moved_location) / moved_scale
    np.testing.assert_allclose(plain, moved, atol=1e-3)
    np.testing.assert_allclose(plain * scale + location, contexts, atol=1e-12)


def test_a_constant_context_stays_finite():
    location, scale = normaliser(np.full((1, 5, 1), 3.0), "instance")
    assert np.isfinite((np.full((1, 5, 1), 3.0) - location) / scale).all()


@given(st.sampled_from(["joint", "shared"]), st.integers(60, 99), st.integers(0, 1))
@settings(max_examples=20)
def test_a_missing_target_is_not_observed_where_it_is_missing(channels, row, column):
    values = walk()
    values[row, column] = np.nan
    series = small(values)
    windows = ForecastEvalWindows(ForecastWindows(series, channels, "none"), (60, 100), 7)
    found = all_rows(windows)
    covering = sum(origin <= row < origin + 4 for origin in windows.origins)
    assert (~found["observed"]).sum() == covering


def test_rows_that_fill_up_a_batch_are_never_observed():
    windows = ForecastWindows(small(), "shared", "last")
    batch = windows.batch(np.array([40, 41]), 5)
    assert batch["mask"].tolist() == [True, True, False, False, False]
    assert not batch["observed"][2:].any()
    assert batch["channel"].tolist()[:2] == [0, 1]
    assert batch["inputs"].dtype == batch["targets"].dtype == np.float32


@pytest.mark.parametrize("channels", ["joint", "shared"])
def test_what_is_known_in_advance_joins_inputs_and_horizon(channels):
    known = np.arange(100.0)[:, None]
    series = small(covariates=known, calendar=True)
    batch = ForecastWindows(series, channels, "last").batch(np.array([30]), 1)
    first = 30 if channels == "joint" else 15
    own = 2 if channels == "joint" else 1
    assert batch["inputs"].shape == (1, 8, own + 7)
    np.testing.assert_allclose(batch["inputs"][0, :, own:], series.known[first - 8 : first], rtol=1e-6)
    np.testing.assert_allclose(batch["features"][0], series.known[first : first + 4].reshape(-1), rtol=1e-6)


def test_a_file_too_short_for_a_window_is_said_in_numbers():
    form = small().form
    short = arrange(form, Readings(hours(11), walk(11), np.zeros((11, 0))), {})
    longer = arrange(form, Readings(hours(12), walk(12), np.zeros((12, 0))), {})
    assert len(ForecastEvalWindows(ForecastWindows(longer, "joint", "none"), (0, 12), 4)) == 1
    with pytest.raises(DataError, match=r"found 11 rows, expected at least 12: a context of 8"):
        ForecastEvalWindows(ForecastWindows(short, "joint", "none"), (0, 11), 4)
