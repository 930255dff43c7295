from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.reporting import format
from gru_bench.results.statistics import Estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0, "0"),
        (0.41072, "0.4107"),
        (0.099999999, "0.1000"),
        (114.52, "114.5"),
        (12345.6, "12,346"),
        (-2.5, "-2.500"),
        (1.5e-7, "1.500e-07"),
        (float("inf"), "inf"),
    ],
)
def test_number(value: float | None, text: str):
    assert format.number(value) == text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, ""),
        (Estimate(0.41072, None, 1), "0.4107"),
        (Estimate(0.41072, 0.00123, 3), "0.4107 ± 0.0012"),
        (Estimate(114.52, 1.26, 3), "114.5 ± 1.3"),
        (Estimate(12345.6, 1234.5, 2), "12,346 ± 1,234"),
        (Estimate(1.9, 0.0, 3), "1.900 ± 0"),
        (Estimate(1.9, 6e-16, 3), "1.900 ± 0"),
    ],
)
def test_estimate(found: Estimate | None, text: str):
    assert format.estimate(found) == text


def test_a_difference_carries_its_sign():
    assert format.estimate(Estimate(0.01, 0.002, 3), signed=True) == "+0.0100 ± 0.0020"
    assert format.estimate(Estimate(-0.01, None, 1), signed=True) == "-0.01000"


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_any_estimate_can_be_written(mean: float, half_width: float):
    assert "±" in format.estimate(Estimate(mean, half_width, 2), signed=True)


def test_units():
    assert format.mebibytes(3.5 * 2**20) == "3.50"
    assert format.mebibytes(6 * 2**30) == "6,144"
    assert format.milliseconds(0.01234) == "12.3"
    assert format.milliseconds(1.234) == "1,234"
    assert format.times(0.7526) == "0.753×"
    assert format.times(None) == format.mebibytes(None) == format.milliseconds(None) == format.count(None) == ""
    assert format.count(1234567) == "1,234,567"
    assert [format.duration(seconds) for seconds in (12.34, 245, 7383)] == ["12.3 s", "4 min 5 s", "2 h 3 min"]
    assert [format.setting(value) for value in (None, True, 0.003, "adam", 3)] == ["null", "true", "0.003", "adam", "3"]
    assert format.heading("bits_per_character") == "bits per\ncharacter"
