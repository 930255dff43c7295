from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from gru_bench.errors import ConfigError
from gru_bench.validation import Fraction, Natural, Positive, PositiveFloat, Range, bind, check, describe


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        (3, int, 3),
        (3.0, int, 3),
        (3, float, 3.0),
        ("3", str, "3"),
        (None, int | None, None),
        (2, Positive | None, 2),
        ("a", Literal["a", "b"], "a"),
        ([1, 2.0], list[int], [1, 2]),
        ("OT", list[str] | None, ["OT"]),
        ("OT", list[str | int] | None, ["OT"]),
        (-999, list[str | int | float] | None, [-999]),
        (0.5, list[float], [0.5]),
        (2, tuple[Natural, ...], (2,)),
        ([1, 2], tuple[float, ...], (1.0, 2.0)),
        (0, Fraction, 0.0),
        ({"any": "thing"}, Any, {"any": "thing"}),
    ],
)
def test_what_fits_is_returned_as_wanted(value: object, annotation: Any, expected: object):
    found = check(value, annotation, "key")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation", "message"),
    [
        ("3", int, "found '3', allowed: an integer"),
        (3.5, int, "found 3.5, allowed: an integer"),
        (True, int, "found true, allowed: an integer"),
        (True, float, "found true, allowed: a number"),
        (1, bool, "found 1, allowed: true or false"),
        (3, str, "found 3, allowed: text"),
        (None, int, "found nothing, allowed: an integer"),
        (math.nan, float, "found nan, allowed: a finite number"),
        (math.inf, PositiveFloat, "found inf, allowed: a finite number"),
        (-math.inf, float | None, "found -inf, allowed: a finite number or null"),
        (10**400, float, "found 10{196}\\.\\.\\., allowed: a finite number"),
        (2**31, int, "found 2147483648, allowed: an integer from -2147483647 to 2147483647"),
        (1e300, Natural | None, "found 1e[+]300, allowed: an integer >= 0 and <= 2147483647 or null"),
        ("x" * 1000, int, "found 'x{196}\\.\\.\\., allowed: an integer"),
        (2**31, Annotated[int, Range(low=1, high=10)], "found 2147483648, allowed: an integer >= 1 and <= 10"),
        (Path("a b"), int, "found 'a b', allowed: an integer"),
        (3.5, list[int] | None, "found 3.5, allowed: a list of an integer or null"),
        (True, list[str], "found true, allowed: a list of text"),
        (0, Positive, "found 0, allowed: an integer >= 1"),
        (-1, Natural | None, "found -1, allowed: an integer >= 0 or null"),
        (0.0, PositiveFloat, "found 0.0, allowed: a number > 0"),
        (1.5, Fraction, "found 1.5, allowed: a number >= 0 and <= 1"),
        ("bb", Literal["aa", "b"], r"found 'bb', allowed: aa or b. Did you mean 'b'\?"),
        (1, Literal[True, "x"], "found 1, allowed: True or x"),
        ("abc", list[int], "found 'abc', allowed: a list of an integer"),
    ],
)
def test_what_does_not_fit_is_named(value: object, annotation: Any, message: str):
    with pytest.raises(ConfigError, match=f"^section.key: {message}") as caught:
        check(value, annotation, "section.key")
    assert caught.value.exit_code == 2


def test_a_number_that_python_does_not_write_is_named_too():
    with pytest.raises(ConfigError, match=r"^key: found a number of thousands of digits, allowed: a finite number\."):
        check(10**5000, float, "key")


def test_items_of_a_list_are_named_by_place():
    with pytest.raises(ConfigError, match=r"key\[1\]: found 'x', allowed: an integer"):
        check([1, "x"], list[int], "key")


def test_bounds_in_words():
    assert describe(Annotated[int, Range(low=2, high=5)]) == "an integer >= 2 and <= 5"
    assert 2 in Range(low=2, high=5)
    assert 6 not in Range(low=2, high=5)
    assert 0 not in Range(above=0)


def load(*, mirror: str, size: Positive, rate: Fraction = 0.5, level: Literal["word", "char"] = "char") -> None:
    """Stand for a function whose settings are checked."""


@dataclass(frozen=True, kw_only=True)
class Options:
    size: Positive
    name: str | None = None


def test_values_are_bound_to_a_signature():
    supplied = frozenset({"mirror"})
    assert bind(load, {"size": 3.0, "rate": 1}, "data", supplied) == {"size": 3, "rate": 1.0}
    assert Options(**bind(Options, {"size": 2, "name": None}, "model")) == Options(size=2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 3, "rat": 1}, r"data.rat: found 1, allowed: data.size, data.rate, data.level. Did you mean 'rate'\?"),
        ({"size": 3, "mirror": "x"}, r"data.mirror: found 'x', allowed: data.size"),
        ({"size": 0}, "data.size: found 0, allowed: an integer >= 1"),
        ({}, r"data.size: found nothing, allowed: an integer >= 1. Set it: data.size=\.\.\."),
        ({"size": None}, r"data.size: found nothing, .*Set it"),
        ({"size": 1, "rate": None}, "data.rate: found nothing, allowed: a number"),
    ],
)
def test_what_does_not_bind_is_named(values: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        bind(load, values, "data", frozenset({"mirror"}))
