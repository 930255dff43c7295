import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.series.sampling import (
    DAY,
    SECOND,
    Step,
    calendar_features,
    calendar_names,
    find_step,
    future,
    onto_grid,
    show_time,
    usual_season,
)
from gru_bench.errors import DataError

HOUR = Step("time", 3600 * SECOND)


def times(*texts):
    return np.array(texts, "datetime64[ns]")


def months(count, day=1):
    return np.array([f"{2000 + n // 12}-{n % 12 + 1:02d}-{day:02d}" for n in range(count)], "datetime64[ns]")


WEEKDAYS = np.array([day for day in np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]") if np.is_busday(day)])
ENDS = (months(24).astype("datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[ns]") - np.timedelta64(1, "D")


@pytest.mark.parametrize(
    ("moments", "step"),
    [
        (np.datetime64("2020", "ns") + np.arange(50) * np.timedelta64(15, "m"), Step("time", 900 * SECOND)),
        (months(24), Step("months", 1)),
        (months(24)[::3], Step("months", 3)),
        (months(24, 15), Step("months", 1)),
        (ENDS, Step("month ends", 1)),
        (WEEKDAYS.astype("datetime64[ns]"), Step("weekdays", 1)),
        (np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]").astype("datetime64[ns]"), Step("time", DAY)),
    ],
)
def test_the_step_is_found_and_goes_on(moments, step):
    assert find_step(moments) == step
    np.testing.assert_array_equal(future(moments[:1], step, len(moments) - 1), moments[1:])
    grid, slots = onto_grid(moments, step, "file")
    np.testing.assert_array_equal(grid, moments)
    np.testing.assert_array_equal(slots, np.arange(len(moments)))


@given(st.lists(st.booleans(), min_size=60, max_size=60))
def test_missing_rows_leave_their_slots_empty(kept):
    whole = np.datetime64("2020", "ns") + np.arange(60) * np.timedelta64(1, "h")
    chosen = whole[np.array([True, True, True, *kept[3:]])]
    if len(chosen) < 40:
        return
    grid, slots = onto_grid(chosen, HOUR, "file")
    np.testing.assert_array_equal(grid[slots], chosen)
    np.testing.assert_array_equal(grid, whole[: len(grid)])


def test_months_keep_their_day_where_they_have_it():
    assert future(times("2021-01-31"), Step("months", 1), 2).astype("datetime64[D]").tolist() == [
        np.datetime64("2021-02-28").item(),
        np.datetime64("2021-03-31").item(),
    ]


def test_hopeless_times_are_refused():
    draw = np.random.default_rng(0)
    moments = np.datetime64("2020", "ns") + np.cumsum(draw.exponential(3600, 200)).astype("timedelta64[s]")
    with pytest.raises(DataError, match=r"times are irregular: the usual step is .*data.steps=rows"):
        onto_grid(moments, find_step(moments), "file.csv")
    sparse = np.datetime64("2020", "ns") + np.array([0, 1, 2, 3, 500]) * np.timedelta64(1, "h")
    with pytest.raises(DataError, match="501 rows would be expected from 2020-01-01 to 2020-01-21 20:00, found 5"):
        onto_grid(sparse, HOUR, "file.csv")


def test_small_deviations_are_moved_onto_the_grid():
    moments = np.datetime64("2020", "ns") + (np.arange(30) * 3600 + np.arange(30) % 2 * 20).astype("timedelta64[s]")
    grid, slots = onto_grid(moments, HOUR, "file")
    assert slots.tolist() == list(range(30))
    assert (np.diff(grid) == np.timedelta64(1, "h")).all()


def test_calendar_by_hand():
    monday, newyear = times("2024-01-01T06:00", "2023-01-01")
    features = calendar_features(np.array([monday, newyear]), ("hour of day", "day of week", "day of year"))
    assert features.shape == (2, 6)
    np.testing.assert_allclose(features[0, :2], [1, 0], atol=1e-12)  # a quarter of a day
    np.testing.assert_allclose(features[0, 2], np.sin(2 * np.pi * 0.25 / 7), atol=1e-12)  # Monday begins the week
    np.testing.assert_allclose(features[1, 2], np.sin(2 * np.pi * 6 / 7), atol=1e-12)  # a Sunday
    np.testing.assert_allclose(features[1, 4:], [0, 1], atol=1e-12)


@pytest.mark.parametrize(
    ("step", "names", "season", "text"),
    [
        (HOUR, ("hour of day", "day of week", "day of year"), 24, "1 h"),
        (Step("time", 600 * SECOND), ("hour of day", "day of week", "day of year"), 144, "10 min"),
        (Step("time", SECOND), ("hour of day", "day of week", "day of year"), 3600, "1 s"),
        (Step("time", DAY), ("day of week", "day of year"), 7, "1 d"),
        (Step("weekdays", 1), ("day of week", "day of year"), 5, "weekday"),
        (Step("time", 7 * DAY), ("day of year",), 52, "7 d"),
        (Step("months", 1), ("day of year",), 12, "month"),
        (Step("month ends", 3), ("day of year",), 4, "3 months"),
        (Step("months", 12), (), 1, "12 months"),
    ],
)
def test_what_a_step_implies(step, names, season, text):
    assert calendar_names(step) == names
    assert usual_season(step) == season
    assert str(step) == text


def test_times_for_people():
    assert [show_time(time) for time in times("2020-01-01", "2020-01-01T10:30", "2020-01-01T10:30:05.5")] == [
        "2020-01-01",
        "2020-01-01 10:30",
        "2020-01-01 10:30:05.5",
    ]
