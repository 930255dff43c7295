"""Tables as other programs write them, against pandas: values in training, and of another file of the same run."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from gru_bench.data.series.own import load_series_csv, read_series
from gru_bench.data.series.series import SeriesForm
from gru_bench.errors import DataError

ROWS = 60
DATES = pd.date_range("2023-01-30", periods=ROWS).strftime("%Y-%m-%d").tolist()
UNITS = 700 + 90 * np.sin(np.arange(ROWS) / 3).round(2) * 10  # from below 1000 to above it
PRICES = (12.5 + np.cos(np.arange(ROWS))).round(3)


def text(values, decimal=".", thousands="", digits=3) -> list[str]:
    """Return numbers as a program writes them."""
    plain = [f"{value:,.{digits}f}" for value in values]
    return [cell.replace(",", "_").replace(".", decimal).replace("_", thousands) for cell in plain]


def table(*columns, head=(), delimiter=",", quoted=False) -> str:
    mark = '"' if quoted else ""
    rows = [delimiter.join(f"{mark}{cell}{mark}" for cell in row) for row in zip(*columns, strict=True)]
    return "\n".join([*head, *rows]) + "\n"


WHOLE = UNITS.round().astype(int)
GROUPED = text(WHOLE, thousands=",", digits=0)


class Case(NamedTuple):
    content: str
    pandas: dict[str, Any]
    options: dict[str, Any] = {}  # noqa: RUF012
    targets: tuple[str, ...] = ("units", "price")


CASES = {
    "plain": Case(table(DATES, WHOLE, PRICES, head=["date,units,price"]), {}),
    "thousands in quotes": Case(
        table(DATES, GROUPED, text(PRICES), head=["date,units,price"], quoted=True), {"thousands": ","}
    ),
    "German": Case(
        table(DATES, text(WHOLE, ",", ".", 0), text(PRICES, ","), head=["date;units;price"], delimiter=";"),
        {"sep": ";", "decimal": ",", "thousands": "."},
    ),
    "French": Case(
        table(DATES, text(UNITS, ",", "\u202f", 1), text(PRICES, ","), head=["date;units;price"], delimiter=";"),
        {"sep": ";", "decimal": ","},
    ),
    "Swiss": Case(
        table(DATES, text(UNITS, ".", "'", 2), text(PRICES), head=["date;units;price"], delimiter=";"),
        {"sep": ";", "thousands": "'"},
    ),
    "Excel": Case(
        table(DATES, WHOLE, text(PRICES, ","), head=["sep=;", "date;units;price"], delimiter=";"),
        {"sep": ";", "decimal": ",", "skiprows": 1},
    ),
    "titles": Case(
        table(DATES, WHOLE, PRICES, head=["Sales, all shops", "", "date,units,price"]),
        {"skiprows": 1},
    ),
    "padded titles": Case(
        table(DATES, WHOLE, PRICES, head=["Sales;;", ";;", "date;units;price"], delimiter=";"),
        {"sep": ";", "skiprows": 2},
    ),
    "comments": Case(table(DATES, WHOLE, PRICES, head=["# by a tool", "# v2", "date,units,price"]), {"skiprows": 2}),
    "units in brackets": Case(table(DATES, WHOLE, PRICES, head=["date,units,price", ",[1],(EUR)"]), {"skiprows": [1]}),
    "units": Case(
        table(DATES, WHOLE, PRICES, head=["date,units,price", "UTC,pieces,EUR"]),
        {"skiprows": [1]},
        {"skip_rows": [2]},
    ),
    "odd lines above": Case(
        table(DATES, WHOLE, PRICES, head=['a "b', "1,2,3,4", "date,units,price"]), {"skiprows": 2}, {"skip_rows": 2}
    ),
    "index": Case(table(range(ROWS), DATES, WHOLE, PRICES, head=[",date,units,price"]), {"index_col": 0}),
    "elapsed time": Case(
        table(text(np.arange(ROWS) / 50, digits=2), WHOLE, PRICES, head=["t [s],units,price"]), {"index_col": 0}
    ),
    "delimiters at the ends": Case(
        table(DATES, WHOLE, PRICES, [""] * ROWS, head=["date,units,price,"]), {"usecols": [0, 1, 2]}
    ),
    "blanks": Case(
        table(DATES, WHOLE, PRICES, head=["date   units price"], delimiter="  "),
        {"sep": r"\s+"},
        {"delimiter": "space"},
    ),
    "names that look missing": Case(
        table(DATES, WHOLE, PRICES, head=["date,NA,None"]), {"keep_default_na": False}, {}, ("NA", "None")
    ),
    "a missing value": Case(
        table(DATES, np.where(WHOLE > 1500, -999, WHOLE), PRICES, head=["date,units,price"]),
        {"na_values": -999},
        {"missing": -999},
    ),
    "no header": Case(table(DATES, WHOLE, PRICES), {"header": None, "names": ["d", "2", "3"]}, {}, ("2", "3")),
}


def expected(case: Case) -> np.ndarray:
    return pd.read_csv(io.StringIO(case.content.replace("\u202f", "")), **case.pandas)[list(case.targets)].to_numpy(
        np.float64
    )


@pytest.fixture
def write(tmp_path):
    def write(content: str, name: str = "own.csv") -> Path:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return write


def load(path: Path, **options):
    return load_series_csv(mirror=None, cache=Path(), path=str(path), **{"context": 6, "horizon": 3, **options})


def kept(form: SeriesForm) -> SeriesForm:
    """Return a form as a run directory keeps it."""
    return SeriesForm.from_dict(json.loads(json.dumps(form.to_dict())))


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_pandas_in_training_and_in_the_same_file_later(write, name):
    case = CASES[name]
    path = write(case.content)
    series = load(path, **case.options)
    assert series.form.targets == case.targets
    values = np.where(series.observed, series.values, np.nan)
    np.testing.assert_array_equal(values, expected(case))
    again = read_series(path, kept(series.form))
    np.testing.assert_array_equal(again.values[again.observed], series.values[series.observed])
    assert (again.observed == series.observed).all()


def test_a_later_file_is_read_with_the_marks_of_the_training_data(write):
    form = kept(load(write(table(DATES, text(UNITS, ".", ",", 1), head=["date,units"], quoted=True))).form)
    later = write(
        table(DATES[:20], text(range(1600, 1620), ".", ",", 0), head=["date,units"], quoted=True), "later.csv"
    )
    np.testing.assert_array_equal(read_series(later, form).values[:, 0], np.arange(1600.0, 1620.0))
    form = kept(load(write(table(DATES, PRICES, head=["date,price"]))).form)
    for cells in (text(PRICES[:20], ","), ["1,673"] * 20):
        later = write(table(DATES[:20], cells, head=["date,price"], quoted=True), "later.csv")
        with pytest.raises(DataError, match=r"later.csv: column 'price': .* is ambiguous"):
            read_series(later, form)


def test_columns_that_are_not_forecast_decide_with_the_others(write):
    above = [f"{value + 2000:,}" for value in WHOLE]
    path = write(table(DATES, above, PRICES, head=["date,units,price"], quoted=True))
    np.testing.assert_array_equal(load(path, targets=["units"]).values[:, 0], WHOLE + 2000.0)
    with pytest.raises(DataError, match=r"column 'units': '.,...' may be .... or .[.]..."):
        load(write(table(DATES, above, head=["date,units"], quoted=True)))


def test_columns_without_a_header_keep_their_places(write):
    path = write(table(DATES, PRICES, WHOLE))
    form = kept(load(path, targets=[3], covariates=[2]).form)
    series = read_series(path, form)
    np.testing.assert_array_equal(series.values[:, 0], WHOLE)
    np.testing.assert_allclose(form.covariate_scaler.unscale(series.known)[:, 0], PRICES)
    headed = write(table(DATES, PRICES, WHOLE, head=["date,price,units"]), "headed.csv")
    with pytest.raises(DataError, match=r"column '3', line 1: 'units' is no number.*Delete the line if it is a header"):
        read_series(headed, form)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            table(DATES, ['"a\nb"'] * ROWS, [*PRICES[:-1], "off"], head=["", "date,note,price", ""]),
            {},
            r"column 'price', line 123: 'off' is no number",
        ),
        (
            table(DATES, WHOLE, PRICES, head=["date,units,price", "UTC,pieces,EUR"]),
            {},
            r"line 2: 'pieces' is no number.*data.skip_rows=\[2\]",
        ),
        (table(DATES, GROUPED, head=["date  units"], delimiter=" "), {}, "data.delimiter=space"),
        (
            table(np.repeat(DATES[::2], 2), [1, 2] * 30, WHOLE, head=["date,store,units"]),
            {"steps": "rows"},
            r"stands on the lines 2 and 3 \(30 such rows\).*Column 'store' tells several series apart",
        ),
        (
            table(
                np.repeat(DATES[::4], 4), [1, 1, 2, 2] * 15, list("xyxy") * 15, WHOLE, head=["date,store,kind,units"]
            ),
            {},
            r"Columns 'kind' and 'store' tell several series apart",
        ),
    ],
)
def test_what_cannot_be_read_names_line_column_or_setting(write, content, options, message):
    with pytest.raises(DataError, match=message):
        load(write(content), **options)


def test_an_index_alone_is_a_series_unless_it_is_called_so(write):
    path = write(table(range(1, ROWS + 1), head=["level"]))
    assert load(path).form.targets == ("level",)
    with pytest.raises(DataError, match="none of the columns index holds numbers to forecast"):
        load(write(table(range(ROWS), head=["index"])))
    assert load(write(table(range(ROWS), head=["index"])), targets=["index"]).form.targets == ("index",)


def test_a_target_that_the_test_split_lacks_is_said(write, caplog):
    late = ["" if row > 40 else value for row, value in enumerate(PRICES)]
    load(write(table(DATES, WHOLE, late, head=["date,units,price"])))
    assert "price: no value in the 12 rows of test" in caplog.text
