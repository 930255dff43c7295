"""The user's files, odd ones above all."""

import datetime
import io
import sys
from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.series.own import load_series_csv, read_series
from gru_bench.data.series.sampling import Step
from gru_bench.data.series.series import SeriesForm
from gru_bench.errors import ConfigError, DataError

ROWS = 120
TIMES = [datetime.datetime(2023, 1, 30) + datetime.timedelta(hours=hour) for hour in range(ROWS)]
VALUES = [round(float(value), 2) for value in 10 + 3 * np.sin(np.arange(ROWS) / 24 * 2 * np.pi)]


def write(folder: Path, lines, encoding="utf-8") -> str:
    path = folder / "own.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return str(path)


def load(path: str, **options):
    return load_series_csv(mirror=None, cache=Path(), path=path, **{"context": 8, "horizon": 4, **options})


def plain(**changes):
    rows = [f"{time:%Y-%m-%d %H:%M},{value}" for time, value in zip(TIMES, VALUES, strict=True)]
    for row, text in changes.items():
        rows[int(row[1:])] = text
    return ["date,load", *rows]


def comma(value):
    return str(value).replace(".", ",")


FORMS = {
    "semicolon and decimal comma": (
        ["Datum;Last;Notiz", *(f"{t:%d.%m.%Y %H:%M};{comma(v)};gut" for t, v in zip(TIMES, VALUES, strict=True))],
        {},
    ),
    "day first": (["when,load", *(f"{t:%d/%m/%Y %H:%M},{v}" for t, v in zip(TIMES, VALUES, strict=True))], {}),
    "month first": (["when,load", *(f"{t:%m/%d/%Y %I:%M %p},{v}" for t, v in zip(TIMES, VALUES, strict=True))], {}),
    "seconds since 1970": (
        [
            "timestamp,load",
            *(f"{int(t.replace(tzinfo=datetime.UTC).timestamp())},{v}" for t, v in zip(TIMES, VALUES, strict=True)),
        ],
        {},
    ),
    "milliseconds since 1970": (
        [
            "time\tload",
            *(f"{int(t.replace(tzinfo=datetime.UTC).timestamp())}000\t{v}" for t, v in zip(TIMES, VALUES, strict=True)),
        ],
        {},
    ),
    "iso with offset": (["t,load", *(f"{t:%Y-%m-%dT%H:%M:%S}Z,{v}" for t, v in zip(TIMES, VALUES, strict=True))], {}),
    "date and clock": (
        ["Date;Time;load", *(f"{t:%d/%m/%Y};{t:%H.%M.%S};{comma(v)}" for t, v in zip(TIMES, VALUES, strict=True))],
        {},
    ),
    "month names, quoted": (
        ["when,load", *(f'"{t:%b %d, %Y %H:%M}",{v}' for t, v in zip(TIMES, VALUES, strict=True))],
        {},
    ),
    "thousands": (
        ["date,load", *(f'{t:%Y-%m-%d %H:%M},"{v * 1000:,.1f}"' for t, v in zip(TIMES, VALUES, strict=True))],
        {"factor": 1000},
    ),
    "digits": (["date,load", *(f"{t:%Y%m%d%H%M},{v}" for t, v in zip(TIMES, VALUES, strict=True))], {}),
    "counted rows": ([",date,load", *(f"{n},{row}" for n, row in enumerate(plain()[1:]))], {}),
    "backwards": (["date,load", *reversed(plain()[1:])], {}),
    "no time": (["load", *map(str, VALUES)], {"time": False}),
    "no header": (list(map(str, VALUES)), {"time": False}),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_files_as_people_have_them_work_at_the_first_try(tmp_path, form, encoding):
    lines, about = FORMS[form]
    series = load(write(tmp_path, lines, encoding))
    np.testing.assert_allclose(series.values[:, 0], np.array(VALUES) * about.get("factor", 1), rtol=1e-9)
    assert len(series.form.targets) == 1
    if about.get("time", True):
        assert series.time is not None
        assert series.time.astype("datetime64[s]").tolist() == TIMES
        assert series.form.step == Step("time", 3_600_000_000_000)
        assert series.form.season == 24
    else:
        assert series.time is None
        assert series.form.season == 1


@pytest.mark.parametrize("sign", ["", "-", "NA", "n/a", "NaN", "null", "?"])
def test_signs_of_missing_cells(tmp_path, sign):
    series = load(write(tmp_path, plain(r5=f"{TIMES[5]:%Y-%m-%d %H:%M},{sign}")))
    assert np.flatnonzero(~series.observed[:, 0]).tolist() == [5]
    assert series.values[5, 0] == VALUES[4]


def test_own_signs_of_missing_cells_are_numbers_or_words(tmp_path):
    path = write(tmp_path, plain(r5=f"{TIMES[5]:%Y-%m-%d %H:%M},-999.0", r6=f"{TIMES[6]:%Y-%m-%d %H:%M},bad"))
    series = load(path, missing=[-999, "bad"])
    assert np.flatnonzero(~series.observed[:, 0]).tolist() == [5, 6]


def test_gaps_become_missing_rows_and_are_said(tmp_path, caplog):
    lines = plain()
    path = write(tmp_path, lines[:31] + lines[41:])
    with caplog.at_level("INFO", logger="gru_bench"):
        series = load(path)
    assert len(series.values) == ROWS
    assert np.flatnonzero(~series.observed[:, 0]).tolist() == list(range(30, 40))
    assert series.values[39, 0] == VALUES[29]
    assert "the usual step is 1 h; 10 of 120 steps have no row" in caplog.text
    rows = load(path, steps="rows")
    assert len(rows.values) == ROWS - 10
    assert rows.observed.all()


def test_unsorted_rows_are_sorted_and_said(tmp_path, caplog):
    lines = plain()
    lines[3], lines[60] = lines[60], lines[3]
    with caplog.at_level("INFO", logger="gru_bench"):
        series = load(write(tmp_path, lines))
    np.testing.assert_array_equal(series.values[:, 0], VALUES)
    assert "not in the order of time; they were sorted" in caplog.text


def test_targets_covariates_and_texts(tmp_path):
    rows = [f"{t:%Y-%m-%d %H:%M},{v},{n % 7},shop" for n, (t, v) in enumerate(zip(TIMES, VALUES, strict=True))]
    path = write(tmp_path, ["date,sales,price,name", *rows])
    assert load(path).form.targets == ("sales", "price")
    series = load(path, covariates=["price"], calendar=True)
    assert series.form.targets == ("sales",)
    assert series.form.covariates == ("price",)
    assert series.known.shape == (ROWS, 7)
    assert load(path, targets=["price"]).form.targets == load(path, targets=[3]).form.targets == ("price",)


def test_without_context_and_horizon_short_files_get_fitting_ones(tmp_path):
    series = load_series_csv(mirror=None, cache=Path(), path=write(tmp_path, plain()))
    assert (series.form.context, series.form.horizon) == (26, 6)
    assert series.facts["windows"] == {"train": 53, "valid": 7, "test": 19}


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (plain(r7=f"{TIMES[7]:%Y-%m-%d %H:%M},broken"), {}, r"own.csv: column 'load', line 9: 'broken' is no number"),
        (plain(r7=f"{TIMES[6]:%Y-%m-%d %H:%M},1"), {}, r"2023-01-30 06:00 stands on the lines 8 and 9 \(1 such rows\)"),
        (plain(r7="never,1"), {}, r"column 'date', line 9: 'never' is no time like the others, such as"),
        (plain(r7=",1"), {"time_column": "date"}, r"column 'date', line 9: '': expected a time in every row, 1 have"),
        (["a,b", "x,y", "z,w"], {"header": True}, r"none of the columns a, b holds numbers to forecast"),
        (plain()[:50], {"context": 40, "horizon": 10}, r"train split has 34 of 49 rows, expected at least 50"),
        (
            ["name,load", "x,1", "y,2"],
            {"time_column": "name"},
            r"column 'name', line 2: 'x' is no time. Expected times",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_message(tmp_path, lines, options, message):
    with pytest.raises(DataError, match=message):
        load(write(tmp_path, lines), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"targets": ["lod"]},
            r"data.targets: found 'lod', allowed: columns of the file: date, load. Did you mean 'load'",
        ),
        ({"time_column": "day"}, r"data.time_column: found 'day', allowed: columns of the file"),
        ({"targets": ["load"], "covariates": ["load"]}, r"data.covariates: found 'load', allowed: a column that"),
        ({"season": 500}, r"data.season: found 500, allowed: less than the 84 training rows"),
    ],
)
def test_wrong_settings_are_named(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        load(write(tmp_path, plain()), **options)


def test_several_series_in_one_file_are_told_apart(tmp_path):
    lines = ["store,date,load", *(f"{store},{row}" for store in "AB" for row in plain()[1:])]
    with pytest.raises(DataError, match=r"120 such rows.*Column 'store' tells several series apart"):
        load(write(tmp_path, lines))


def form_of(tmp_path, **options) -> SeriesForm:
    return load(write(tmp_path, plain()), **options).form


def test_another_file_is_read_in_the_same_form(tmp_path):
    form = form_of(tmp_path)
    rows = [f"{t:%Y-%m-%d %H:%M},{v},1" for t, v in zip(TIMES, VALUES, strict=True)]
    other = write(tmp_path, ["Zeitpunkt,LOAD,more", *rows])
    series = read_series(Path(other), form)
    np.testing.assert_allclose(series.values[:, 0], VALUES)
    assert series.form is form
    assert series.splits == {"file": (0, ROWS)}
    with pytest.raises(DataError, match=r"there is no column 'load'. Expected date, load, .* found date, lode"):
        read_series(Path(write(tmp_path, ["date,lode", *plain()[1:]])), form)


def test_the_rows_ahead_are_those_after_the_last_known_value(tmp_path):
    form = form_of(tmp_path)
    lines = [*plain()[:31], f"{TIMES[30]:%Y-%m-%d %H:%M},", f"{TIMES[31]:%Y-%m-%d %H:%M},NA"]
    series = read_series(Path(write(tmp_path, lines)), form, ahead=True)
    assert series.splits == {"ahead": (30, 34)}
    assert series.time is not None
    assert series.time.astype("datetime64[s]").tolist() == TIMES[:34]
    assert not series.observed[30:].any()
    with pytest.raises(DataError, match=r"found 7 rows with a value of load, expected at least the 8 rows"):
        read_series(Path(write(tmp_path, plain()[:8])), form, ahead=True)


def test_covariates_must_be_known_ahead(tmp_path):
    rows = [f"{t:%Y-%m-%d %H:%M},{v},{n % 5}" for n, (t, v) in enumerate(zip(TIMES, VALUES, strict=True))]
    form = load(write(tmp_path, ["date,load,price", *rows]), covariates=["price"]).form
    ahead = [f"{TIMES[30 + n]:%Y-%m-%d %H:%M},,{n}" for n in range(4)]
    series = read_series(Path(write(tmp_path, ["date,load,price", *rows[:30], *ahead])), form, ahead=True)
    np.testing.assert_allclose(
        series.known[30:, 0] * form.covariate_scaler.deviation[0] + form.covariate_scaler.mean[0], range(4)
    )
    with pytest.raises(DataError, match=r"reads price in advance. Expected 4 rows .* found 2"):
        read_series(Path(write(tmp_path, ["date,load,price", *rows[:30], *ahead[:2]])), form, ahead=True)


def test_a_file_without_header_is_read_by_the_order_of_its_columns(tmp_path, monkeypatch):
    form = load(write(tmp_path, ["load", *map(str, VALUES)])).form
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(map(str, VALUES[:20])).encode())))
    series = read_series(Path("-"), form, ahead=True)
    assert series.splits == {"ahead": (20, 24)}
    assert series.form.targets == ("load",)
