"""Times as files have them; what pandas makes of the same moments is expected."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gru_bench.data.series.own import load_series_csv, read_series
from gru_bench.data.series.series import Series, SeriesForm
from gru_bench.errors import ConfigError, DataError


def write(folder: Path, head: str, rows) -> Path:
    path = folder / "own.csv"
    lines = [head, *(f"{row};{10 + np.sin(number / 5):.3f}" for number, row in enumerate(rows))]
    path.write_text("\n".join(lines) + "\n")
    return path


def load(folder: Path, rows, head: str = "date;load", **options) -> Series:
    path = write(folder, head, rows)
    options = {"targets": ["load"], "delimiter": ";", "context": 4, "horizon": 2, **options}
    return load_series_csv(mirror=None, cache=Path(), path=str(path), **options)


def moments(start: str, freq: str, rows: int = 60, **options) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=rows, freq=freq, **options)


def utc(index: pd.DatetimeIndex) -> list:
    return index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]").tolist()


FORMATS = {  # first moment, frequency, format, step as it is shown
    "12-hour clock after a hyphen": ("2020-03-13", "h", "%Y-%m-%d %I-%p", "1 h"),
    "month names": ("2020-02-27", "D", "%d-%b-%Y", "1 d"),
    "weekdays and long names": ("2020-02-27", "D", "%A, %B %d, %Y", "1 d"),
    "digits alone": ("2020-02-27", "D", "%Y%m%d", "1 d"),
    "digits and a clock of digits": ("2020-02-27", "15min", "%Y%m%d %H%M", "15 min"),
    "slashes and Z": ("2020-03-13", "h", "%Y/%m/%dT%H:%MZ", "1 h"),
    "months alone": ("1999-11-01", "MS", "%b %Y", "month"),
    "numbers of months": ("1999-11-01", "MS", "%m/%Y", "month"),
    "statistical months": ("1999-11-01", "MS", "%YM%m", "month"),
    "years alone": ("1940-01-01", "YS", "%Y", "12 months"),
    "calendar weeks": ("2018-12-17", "W-MON", "%G-W%V", "7 d"),
    "days of the year": ("2019-12-20", "D", "%Y-%j", "1 d"),
    "a clock with points": ("2020-12-31", "30min", "%d.%m.%Y %H.%M", "30 min"),
    "the clock first": ("2020-12-31", "30min", "%H:%M %d/%m/%Y", "30 min"),
    "ctime": ("2020-12-31", "6h", "%a %b %d %H:%M:%S %Y", "6 h"),
    "logs": ("2020-12-31", "s", "%d/%b/%Y:%H:%M:%S", "1 s"),
    "microseconds": ("2020-12-31", "250us", "%d/%m/%Y %H:%M:%S.%f", "250 µs"),
    "two-digit years": ("1999-12-20", "D", "%d/%m/%y", "1 d"),
    "two-digit years first": ("1999-12-20", "D", "%y-%m-%d", "1 d"),
    "months by the day": ("2000-01-01", "MS", "%d.%m.%Y", "month"),
    "months by the month": ("2000-01-01", "MS", "%m/%d/%Y", "month"),
    "month ends": ("2000-01-31", "ME", "%Y-%m-%d", "month"),
    "business month ends": ("2000-01-31", "BME", "%Y-%m-%d", "month"),
    "business month starts": ("2000-01-03", "BMS", "%m/%d/%Y", "month"),
    "quarter ends": ("2000-03-31", "QE", "%d.%m.%Y", "3 months"),
    "business days": ("2020-01-01", "B", "%m/%d/%Y", "weekday"),
    "Japanese": ("2020-02-27", "D", "%Y年%m月%d日", "1 d"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_read_and_their_step_continues_as_pandas_does(tmp_path, name):
    start, freq, form, step = FORMATS[name]
    expected = moments(start, freq, 62)
    series = load(tmp_path, expected[:60].strftime(form))
    assert series.time is not None
    assert series.time.tolist() == expected[:60].to_numpy().astype("datetime64[ns]").tolist()
    assert str(series.form.step) == step
    assert series.form.reading["time_format"] is not None
    ahead = read_series(write(tmp_path, "date;load", expected[:60].strftime(form)), series.form, ahead=True)
    assert pd.to_datetime(list(ahead.labels[-2:]), utc=True).tz_localize(None).tolist() == expected[60:].tolist()


NANOSECONDS = [10**18 + 10**6 * number + 1 for number in range(60)]
HOURS, DAYS = moments("2011-01-01", "h"), moments("2020-01-01", "D")


@pytest.mark.parametrize(
    ("head", "rows", "options", "expected"),
    [
        ("date;load", [f"Q{n % 4 + 1} {2000 + n // 4}" for n in range(40)], {}, moments("2000-01-01", "QS", 40)),
        ("date;load", [f"{2000 + n // 4}-Q{n % 4 + 1}" for n in range(40)], {}, moments("2000-01-01", "QS", 40)),
        ("ts;load", NANOSECONDS, {}, pd.to_datetime(NANOSECONDS)),
        ("ts;load", [f"{1_600_000_000 + n / 1000:.3f}" for n in range(60)], {}, moments("2020-09-13T12:26:40", "ms")),
        ("ts;load", [1_600_000_000_000 + 500 * n for n in range(60)], {}, moments("2020-09-13T12:26:40", "500ms")),
        ("ts;load", [f"1.6000000{n:02}E+12" for n in range(60)], {}, moments("2020-09-13T12:26:40", "1s")),
        ("date;load", [f"{43831 + n / 2}" for n in range(60)], {"time_format": "excel"}, moments("2020-01-01", "12h")),
        ("date;load", DAYS.strftime("%Y-%d-%m"), {"time_format": "%Y-%d-%m"}, DAYS),
        (
            "day;hr;load",
            [f"2011-01-{n // 24 + 1:02};{n % 24}" for n in range(60)],
            {"time_column": ["day", "hr"]},
            HOURS,
        ),
        (
            "day;hr;load",
            [f"{n // 24 + 1:02}.01.2011;{n % 24 + 1}" for n in range(60)],
            {},
            moments("2011-01-01T01", "h"),
        ),
        (
            "date;time;load",
            [f"2011-01-{n // 24 + 1:02};{n % 24 * 100}" for n in range(60)],
            {"time_column": ["date", "time"]},
            HOURS,
        ),
        ("hour;day;month;year;load", [f"{n % 24};{n // 24 + 1};1;2011" for n in range(60)], {}, HOURS),
        ("Date;Time;load", [f"{n // 24 + 1}/1/2011;{n % 24 * 100}" for n in range(60)], {"day_first": True}, HOURS),
        ("YEAR;MO;DY;HR;load", [f"2011;1;{n // 24 + 1};{n % 24}" for n in range(60)], {}, HOURS),
        ("date;load", [f"{t:%d.%m.%Y %H:%M}".removesuffix(" 00:00") for t in HOURS], {}, HOURS),
        ("date;load", [f"{t - pd.Timedelta('1min'):%Y-%m-%d} {t.hour or 24:02}:00" for t in HOURS], {}, HOURS),
        (
            "date;load",
            [f"{t:%Y-%m-%d %H:%M:%S}" for t in moments("2020-01-01", "24min")],
            {},
            moments("2020-01-01", "24min"),
        ),
        ("t;load", [1_293_840_000 + 3600 * n for n in range(60)], {}, HOURS),
        ("year;month;load", [f"{2000 + n // 12};{n % 12 + 1}" for n in range(60)], {}, moments("2000-01-01", "MS")),
        ("year;doy;load", [f"2000;{n + 1}" for n in range(60)], {}, moments("2000-01-01", "D")),
    ],
)
def test_numbers_and_several_columns(tmp_path, head, rows, options, expected):
    series = load(tmp_path, rows, head, **options)
    assert series.time is not None
    assert series.time.tolist() == expected.to_numpy().astype("datetime64[ns]").tolist()


MONTHS = [f"{n % 12 + 1}/1/{2000 + n // 12}" for n in range(12)]


@pytest.mark.parametrize(
    ("rows", "head", "options", "message"),
    [
        (
            MONTHS,
            "date;load",
            {},
            r"line 3: '2/1/2000' may be 2000-01-02 \(%d/%m/%Y\) or 2000-02-01 .*data.day_first=true",
        ),
        (
            moments("1960-01-01", "MS", 240).strftime("%d/%m/%y"),
            "date;load",
            {},
            r"line 110: .* 1969-01-01, after 2068-12-01.*1969 to 2068",
        ),
        (DAYS.strftime("%Y-%d-%m"), "date;load", {}, r"unknown format.*data.time_format=.*data.time_column=\[\]"),
        (
            [f"{n} days ago" for n in range(60)],
            "Time;load",
            {},
            r"line 2: '0 days ago' .*data.time_format=.*data.time_column=\[\]",
        ),
        ([f"{n % 24:02}:00" for n in range(60)], "time;load", {}, r"time of day without its date.*data.time_column="),
        ([*range(43831, 43891)], "Date;load", {}, r"Excel counts in days \(data.time_format=excel reads it\)"),
        (DAYS.strftime("%m/%d/%Y"), "date;load", {"day_first": True}, r"fits only %m/%d/%Y, .* begin with the day"),
        (
            DAYS.strftime("%m/%d/%Y"),
            "date;load",
            {"time_format": "%d.%m.%Y", "time_column": "date"},
            r"line 2: .* format data.time_format=%d.%m.%Y \(60",
        ),
        (
            ["2020-01-01T00:00Z", *moments("2020-01-01T01", "h").strftime("%Y-%m-%dT%H:%M")],
            "date;load",
            {},
            r"line 3: .* in all rows or in none, found 1 of 61",
        ),
        (
            moments("2022-03-27", "h").strftime("%Y-%m-%d %H:%M"),
            "date;load",
            {"time_zone": "Europe/Berlin"},
            r"line 4: '2022-03-27 02:00' does not exist in Europe/Berlin.*\+01:00",
        ),
        (
            ["2022-01-01;", *(f"2022-01-01;{n}" for n in range(1, 24))],
            "date;hour;load",
            {"time_column": ["date", "hour"]},
            r"column 'hour', line 2: '': expected a time in every row",
        ),
        (
            [f"2022;1;{n + 1}" for n in range(40)],
            "year;month;day;load",
            {},
            r"line 33: '2022-01-32' is no time like the others",
        ),
    ],
)
def test_doubtful_times_are_refused_with_the_setting_that_helps(tmp_path, rows, head, options, message):
    with pytest.raises(DataError, match=message):
        load(tmp_path, rows, head, **options)


@pytest.mark.parametrize("first", ["day", "month"])
@pytest.mark.parametrize("mark", ["/", "-", "."])
def test_day_and_month_are_told_apart_by_the_only_order_of_rows_that_is_in_time(tmp_path, first, mark):
    days = [pd.Timestamp(2020, month, day) for month in range(1, 10) for day in range(1, 10)]
    form = f"%d{mark}%m{mark}%Y" if first == "day" else f"%m{mark}%d{mark}%Y"
    series = load(tmp_path, [f"{day:{form}}" for day in days], steps="rows")
    assert series.time is not None
    assert series.time.tolist() == pd.DatetimeIndex(days).to_numpy().astype("datetime64[ns]").tolist()
    assert series.form.reading["day_first"] is (first == "day")


def test_points_stand_for_the_day_first_where_rows_do_not_tell(tmp_path):
    rows = [row.replace("/", ".") for row in MONTHS]
    assert str(load(tmp_path, rows).form.step) == "1 d"
    assert str(load(tmp_path, rows, day_first=False).form.step) == "month"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"time_format": "%Y-%Q"}, "data.time_format: found '%Y-%Q', allowed: a strptime format"),
        ({"time_format": "YYYY"}, "no directive"),
        (
            {"time_zone": "UTC", "time_column": []},
            "found 'UTC', allowed: null for a series without times",
        ),
        ({"time_zone": "Europe/Berln"}, "data.time_zone: found 'Europe/Berln'.*Did you mean 'Europe/Berlin'"),
    ],
)
def test_wrong_formats_and_zones_are_named(tmp_path, setting, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, DAYS.strftime("%Y-%m-%d"), **setting)


@pytest.mark.parametrize(
    ("head", "rows", "turns"),
    [
        ("time", [f"{(60 - n) * 0.02:.2f}" for n in range(60)], True),  # the newest row first
        ("Time (s)", [f"{n % 20 * 0.02:.2f}" for n in range(60)], True),  # three recordings
        ("year", [f"{1949 + n / 12:.3f}" for n in range(60)], False),  # rounded
    ],
)
def test_elapsed_time_is_no_target_whichever_way_it_runs(tmp_path, caplog, head, rows, turns):
    with caplog.at_level("WARNING", logger="gru_bench"):
        series = load(tmp_path, rows, f"{head};load", targets=None)
    assert series.form.targets == ("load",)
    assert ("does not rise from row to row" in caplog.text) is turns


def test_the_newest_row_may_come_first(tmp_path, caplog):
    with caplog.at_level("WARNING", logger="gru_bench"):
        series = load(tmp_path, moments("2020-03-05T13:00", "h").strftime("%Y-%m-%d %I-%p")[::-1])
    assert "the newest row comes first" in caplog.text
    assert series.values[0, 0] == float(f"{10 + np.sin(59 / 5):.3f}")


NIGHT = moments("2022-10-29T12:00", "h", tz="Europe/Berlin")  # the clock is put back in it


@pytest.mark.parametrize("backwards", [False, True])
def test_an_hour_that_comes_twice_needs_a_zone(tmp_path, backwards):
    rows = NIGHT.strftime("%Y-%m-%d %H:%M")[:: -1 if backwards else 1]
    with pytest.raises(DataError, match=r"2022-10-30 02:00 stands on .*data.time_zone=Europe/Berlin"):
        load(tmp_path, rows)
    series = load(tmp_path, rows, time_zone="Europe/Berlin")
    assert series.time is not None
    assert series.time.tolist() == utc(NIGHT)
    assert list(series.labels) == [moment.isoformat() for moment in NIGHT]
    assert str(series.form.step) == "1 h"


@pytest.mark.parametrize("freq", ["h", "6h", "D", "B", "MS", "ME"])
def test_forecasts_keep_the_clock_of_a_zone_whose_offset_changes(tmp_path, freq):
    rows = {"h": 60, "6h": 60, "D": 60, "B": 60, "MS": 33, "ME": 33}[freq]
    expected = moments("2022-01-03" if rows == 33 else "2022-10-27", freq, rows, tz="Europe/Berlin")
    text = [moment.isoformat() for moment in expected]
    form = load(tmp_path, text[:-4], time_zone="Europe/Berlin").form
    ahead = read_series(write(tmp_path, "date;load", text[:-4]), form, ahead=True)
    assert list(ahead.labels[-2:]) == text[-4:-2]


def test_a_constant_offset_is_that_of_the_forecasts(tmp_path):
    expected = moments("2022-10-19T20:00", "h", 62, tz="Etc/GMT+4")
    text = [moment.isoformat() for moment in expected]
    series = load(tmp_path, text[:60], calendar=True)
    ahead = read_series(write(tmp_path, "date;load", text[:60]), series.form, ahead=True)
    assert list(ahead.labels[-2:]) == text[60:]
    np.testing.assert_allclose(series.known[0, :2], [np.sin(2 * np.pi * 20 / 24), np.cos(2 * np.pi * 20 / 24)])


@pytest.mark.parametrize(("freq", "step"), [("D", "1 d"), ("MS", "month"), ("h", "1 h")])
def test_changing_offsets_without_a_zone_keep_the_clock_and_are_said(tmp_path, caplog, freq, step):
    expected = moments("2022-01-01" if freq == "MS" else "2022-10-28", freq, 40, tz="America/New_York")
    with caplog.at_level("WARNING", logger="gru_bench"):
        series = load(tmp_path, [moment.isoformat() for moment in expected])
    assert str(series.form.step) == step or freq == "h"
    assert series.labels[-1] == [moment.isoformat() for moment in expected][-1]
    changed = len({moment.utcoffset() for moment in expected}) > 1
    assert ("the offsets from UTC change" in caplog.text) is changed


def test_one_format_that_pandas_reads_for_midnights_too(tmp_path):
    labels = list(load(tmp_path, moments("2020-01-01", "12h").strftime("%Y-%m-%d %H:%M")).labels)
    assert labels[:2] == ["2020-01-01T00:00:00", "2020-01-01T12:00:00"]
    assert pd.to_datetime(labels).tolist() == moments("2020-01-01", "12h").tolist()
    assert load(tmp_path, DAYS.strftime("%Y-%m-%d")).labels[0] == "2020-01-01"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (DAYS.strftime("%m/%d/%Y"), r"line 14: '01/13/2020' does not have the format .* %d/%m/%Y"),
        (moments("2020-01-13", "D").strftime("%Y-%m-%d"), r"line 2: '2020-01-13' does not have the format .* %d/%m/%Y"),
    ],
)
def test_another_file_is_read_as_the_training_data_or_refused(tmp_path, rows, message):
    form = load(tmp_path, DAYS.strftime("%d/%m/%Y")).form
    few = read_series(write(tmp_path, "date;load", MONTHS[:12]), form)  # read alone it would be doubtful
    assert few.time is not None
    assert few.time[1] == np.datetime64("2000-01-02")
    with pytest.raises(DataError, match=message):
        read_series(write(tmp_path, "date;load", rows), form)


def test_offsets_must_be_there_as_in_the_training_data(tmp_path):
    local = [moment.isoformat() for moment in moments("2020-01-01", "h")]
    form = load(tmp_path, [f"{text}-04:00" for text in local]).form
    winter = read_series(write(tmp_path, "date;load", [f"{text}-05:00" for text in local]), form)
    assert winter.labels[0] == "2020-01-01T00:00:00-05:00"
    with pytest.raises(DataError, match="expected times with their offset from UTC, as in the training data"):
        read_series(write(tmp_path, "date;load", local), form)
    form = load(tmp_path, local).form
    with pytest.raises(DataError, match="expected times without an offset from UTC"):
        read_series(write(tmp_path, "date;load", [f"{text}Z" for text in local]), form)


def test_records_of_earlier_versions_still_read_files(tmp_path):
    text = [f"{moment:%Y-%m-%dT%H:%M}-04:00" for moment in moments("2020-01-01T00:00", "h")]
    old = load(tmp_path, text, calendar=True).form.to_dict()
    old["reading"] = {name: value for name, value in old["reading"].items() if name not in ("time_format", "time_zone")}
    series = read_series(write(tmp_path, "date;load", text), SeriesForm.from_dict(old))
    assert series.labels[0] == "2020-01-01T00:00:00-04:00"
    np.testing.assert_allclose(series.known[0, :2], [np.sin(2 * np.pi * 4 / 24), np.cos(2 * np.pi * 4 / 24)])  # UTC
