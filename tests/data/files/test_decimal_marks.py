from __future__ import annotations

import logging

import pandas as pd
import pytest

from gru_bench.data.files.cells import Place
from gru_bench.data.files.decimal_marks import Marks, decimal_of, describe_marks, find_marks, known_marks
from gru_bench.data.files.numbers import as_numbers
from gru_bench.errors import DataError

PLACE = Place("own.csv", range(1, 100))


def column(*cells: str) -> pd.Series:
    return pd.Series(cells, dtype=object)


def read(columns, delimiter, setting=None):
    cells = {name: column(*texts) for name, texts in columns.items()}
    marks = find_marks(cells, delimiter, setting)
    return {name: as_numbers(cells[name], decimal_of(name, marks[name], PLACE)).tolist() for name in cells}


@pytest.mark.parametrize(
    ("columns", "delimiter", "values"),
    [
        ({"a": ["800", "1,085"]}, ",", {"a": [800, 1085]}),
        ({"a": ["800", "1,085"], "b": ["12.175", "11.900"]}, ",", {"a": [800, 1085], "b": [12.175, 11.9]}),
        ({"a": ["800", "1.085"], "b": ["12,175", "11,900"]}, ";", {"a": [800, 1085], "b": [12.175, 11.9]}),
        ({"a": ["1,085", "2,300"], "b": ["0.5", "7"]}, ",", {"a": [1085, 2300], "b": [0.5, 7]}),
        ({"a": ["1.085", "2.300"], "b": ["0,5", "7"]}, ";", {"a": [1085, 2300], "b": [0.5, 7]}),
        ({"a": ["0,085", "1,300"]}, ",", {"a": [0.085, 1.3]}),
        ({"a": ["1,5", "2,25"], "b": ["1.5", "2.25"]}, ";", {"a": [1.5, 2.25], "b": [1.5, 2.25]}),
        ({"a": ["1,085.5", "2,300"]}, "\t", {"a": [1085.5, 2300]}),
        ({"a": ["1.085,5", "2.300"]}, "\t", {"a": [1085.5, 2300]}),
        ({"a": ["1,085,000", "2,300"]}, ";", {"a": [1085000, 2300]}),
        ({"a": ["1085,125", "2,300"]}, "\t", {"a": [1085.125, 2.3]}),
        ({"a": ["1.085", "2.300"]}, ",", {"a": [1.085, 2.3]}),
        ({"a": ["-900", "-1,085"]}, ",", {"a": [-900, -1085]}),
        ({"a": ["1 085,5", "\u2212900,25"]}, ";", {"a": [1085.5, -900.25]}),
        ({"a": ["1'085.5", "900"]}, ",", {"a": [1085.5, 900]}),
        ({"a": ["1.5e3", "2E-3"]}, ",", {"a": [1500, 0.002]}),
        ({"a": ["800", "900"]}, ",", {"a": [800, 900]}),
        ({"a": ["1,085"], "notes": ["so 3,5"]}, ";", {"a": [1.085], "notes": [float("nan")]}),
    ],
)
def test_each_column_is_decided_by_all_its_cells(columns, delimiter, values):
    assert str(read(columns, delimiter)) == str({name: list(map(float, numbers)) for name, numbers in values.items()})


@pytest.mark.parametrize(
    ("cells", "delimiter"),
    [
        (["1,085", "2,300"], ","),  # 1085 or 1.085
        (["1,085", "2,300"], "\t"),
        (["12,175", "800"], ";"),  # a European file, but 800 speaks for thousands
        (["1.085", "800"], ","),
        (["1,085", "1.085"], ","),
        (["1,085", "0"], ","),
    ],
)
def test_what_stays_in_doubt_is_refused_until_the_mark_is_named(cells, delimiter):
    with pytest.raises(DataError, match=r"own.csv: column 'a': '.*' may be \d+ or \d\S*\. Name .* data.decimal="):
        read({"a": cells}, delimiter)
    thousands, decimals = ([float(cell.replace(",", new).replace(".", new)) for cell in cells] for new in ("", "."))
    if not any("." in cell for cell in cells):
        assert read({"a": cells}, delimiter, ".") == {"a": thousands}
        assert read({"a": cells}, delimiter, ",") == {"a": decimals}


def test_likely_decimals_in_files_with_semicolons_are_said(caplog):
    with caplog.at_level(logging.WARNING):
        assert read({"a": ["20,125", "21,500"]}, ";") == {"a": [20.125, 21.5]}
    assert "'20,125' is read as 20.125 (data.decimal=" in caplog.text


def test_the_marks_of_the_training_data_hold():
    def known(cells, decimal, thousands=False):
        return known_marks(column(*cells), decimal, thousands=thousands, delimiter=",")

    assert known(["1,673", "1,693"], ".", thousands=True) == Marks(".", True)
    assert known(["0.5", "1,673"], ".") == Marks(".", True)
    assert known(["800", "1,673"], ".") == Marks(".", True)
    assert known(["1,673", "1,693"], ".").decimal is None
    assert known(["0,5", "0,7"], ".").decimal is None
    assert known(["0.5", "0.7"], ",").decimal is None
    assert known(["1,673", "1,693"], ",") == Marks(",")
    with pytest.raises(DataError, match=r"'1,673' is ambiguous: the training data has .* '\.'"):
        decimal_of("a", known(["1,673"], "."), PLACE._replace(known=True), ".")


def test_marks_are_described():
    assert (
        describe_marks({"a": ".", "b": ","}, ["b"]) == "decimal mark '.' in a and ',' in b, thousands are grouped in b"
    )
    assert describe_marks({}, []) == "numbers without marks"
