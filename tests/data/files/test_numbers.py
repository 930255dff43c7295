from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.files.cells import Place
from gru_bench.data.files.numbers import as_numbers, numbers
from gru_bench.errors import DataError


def column(*cells: str) -> pd.Series:
    return pd.Series(cells, dtype=object)


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [
        ("1,234.5", ".", 1234.5),
        ("1.234,5", ",", 1234.5),
        ("1,234,567", ".", 1234567),
        ("1 234,5", ",", 1234.5),
        ("\u22121'234.5", ".", -1234.5),
        ("- 5", ".", -5),
        (".5", ".", 0.5),
        ("1,5e3", ",", 1500),
        ("0,085", ".", np.nan),  # no thousands begin with 0
        ("12,34", ".", np.nan),
        ("1.5", ",", np.nan),
        ("1,2345.6", ".", np.nan),
        ("1 2", ".", np.nan),
        ("inf", ".", np.nan),
        ("", ".", np.nan),
    ],
)
def test_cells_are_the_numbers_they_say_or_none(cell, decimal, value):
    np.testing.assert_array_equal(as_numbers(column("7", cell), decimal), [7, value])


@given(st.lists(st.decimals(-1_000_000, 1_000_000, places=2), min_size=1), st.sampled_from(".,"))
def test_grouped_numbers_are_read_back(values, decimal):
    cells = [f"{value:,}".translate(str.maketrans({",": ".", ".": ","}) if decimal == "," else {}) for value in values]
    np.testing.assert_array_equal(as_numbers(column(*cells), decimal), [float(value) for value in values])


def test_messages_name_line_and_what_to_do():
    lines = Place("own.csv", [2, 3, 7])
    with pytest.raises(DataError, match=r"own.csv: column 'a', line 7: 'off' is no number.*data.missing=\[off\]"):
        numbers(column("1", "2", "off"), "a", ".", [], lines)
    with pytest.raises(DataError, match=r"line 2: 'kW' is no number.*data.skip_rows=\[2\]"):
        numbers(column("kW", "1", "2"), "a", ".", [], lines)
    with pytest.raises(DataError, match=r"line 2: 'kW' is no number.*the training data was read without one"):
        numbers(column("kW", "1", "2"), "a", ".", [], lines._replace(known=True))
    np.testing.assert_array_equal(
        numbers(column("1", "off", "-999.0"), "a", ".", ["OFF", "-999"], lines), [1, np.nan, np.nan]
    )
