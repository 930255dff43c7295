from __future__ import annotations

import random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gru_bench.data.texts.labels import check_classes, match_labels, named_labels, sorted_classes, warn_of_absent
from gru_bench.errors import DataError


@pytest.mark.parametrize("missing", ["", "\u200b", "nan", "NaN", "NAN", "-nan", "\ufeffnan", "<NA>", "NaT", "#N/A"])
def test_a_missing_label_is_refused_with_its_place(missing):
    frame = pd.DataFrame({"label": ["1", "2", missing, "1"]}, index=[2, 3, 7, 8])
    with pytest.raises(DataError, match=r"data.path: x.csv: 1 of 4 rows have no label in column 'label', .*line 7"):
        named_labels(frame, "label", "data.path: x.csv")


@pytest.mark.parametrize("name", ["None", "NA", "n/a", "null", "-", "?"])
def test_a_class_that_may_mean_no_label_is_a_class_and_warned_of(name, caplog):
    frame = pd.DataFrame({"label": ["yes", name]})
    assert named_labels(frame, "label", "data.path: x.csv") == ["yes", name]
    check_classes(["yes", name], {"all": ["yes", name]}, "label", 2)
    assert f"{name!r} counts as a class" in caplog.text


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["10", "9", "1"], ["1", "9", "10"]),
        (["10", "1e1", "01", "1", "2"], ["01", "1", "2", "10", "1e1"]),
        (["inf", "1", "-inf", "0.5"], ["-inf", "0.5", "1", "inf"]),
        (["10", "9", "many"], ["10", "9", "many"]),
        (["2", "nan", "1"], ["1", "2", "nan"]),
    ],
)
def test_the_order_of_classes(names, classes):
    assert sorted_classes(names) == classes


NUMERALS = st.sampled_from(["nan", "NaN", "-nan", "inf", "1e1", "10", "01", "1", "1.0", "1_0", "0", "-0", "1e999", "x"])


@given(st.lists(NUMERALS | st.text(max_size=3), max_size=12), st.randoms())
def test_the_order_of_classes_depends_on_their_set_alone(names, shuffled: random.Random):
    other = shuffled.sample(names, len(names)) + names[:1]
    assert sorted_classes(names) == sorted_classes(other)


@pytest.mark.parametrize(
    "alike", [("Pos", "pos"), ("0", "0.0"), ("1", "01"), ("so  so", "so so"), ("é", "e\u0301"), ("a", "a\u200b")]
)
def test_classes_that_are_spelled_alike_are_warned_of(alike, caplog):
    check_classes([*alike, "other"], {}, "label", 3)
    assert f"the classes {alike[0]!r} and {alike[1]!r} differ only in letter case" in caplog.text


def test_ordinary_classes_are_not_warned_of(caplog):
    check_classes(["neg", "pos"], {"all": ["neg", "pos"]}, "label", 2)
    check_classes(["1", "2", "3"], {}, "label", 3)
    warn_of_absent(["neg", "pos"], {"valid": {"neg": 1, "pos": 1}, "test": {"neg": 2, "pos": 1}})
    assert not caplog.records


def test_a_class_that_a_split_lacks_is_warned_of(caplog):
    warn_of_absent(["a", "b", "c"], {"valid": {"a": 1, "b": 1, "c": 1}, "test": {"a": 2, "b": 0, "c": 0}})
    assert [record.getMessage() for record in caplog.records] == [
        "no text of test has the class 'b', 'c': its metrics do not cover it"
    ]


@pytest.mark.parametrize(
    ("classes", "names", "numbers"),
    [
        (["bad", "good"], ["good", "bad"], [1, 0]),
        (["bad", "good"], ["GOOD", "Bad"], [1, 0]),
        (["a", "A"], ["A", "a"], [1, 0]),
        (["1", "2", "3"], ["3", "1"], [2, 0]),
        (["1", "2", "3"], ["3.0", "1"], [2, 0]),
        (["0", "1"], ["1", "0"], [1, 0]),
        (["1", "0", "2"], ["2", "0"], [2, 1]),
    ],
)
def test_labels_of_another_file_are_names(classes, names, numbers, caplog):
    assert match_labels(names, classes, "label", "path: x.csv") == numbers
    assert not caplog.records


def test_numbers_of_classes_are_taken_where_no_class_is_called_so_and_that_is_said(caplog):
    assert match_labels(["1", "0", "2"], ["bad", "good", "so-so"], "label", "path: x.csv") == [1, 0, 2]
    assert "read as class numbers: 0 = bad, 1 = good, 2 = so-so" in caplog.text


@pytest.mark.parametrize(
    ("classes", "names", "strange"),
    [
        (["1", "2", "3"], ["0", "1", "2"], "0"),
        (["1", "2", "other"], ["0", "1"], "0"),
        (["bad", "good"], ["bad", "1"], "1"),
        (["bad", "good"], ["1", "2"], "1"),
        (["a", "A"], ["B", "a"], "B"),
        (["a", "A", "b"], ["B", "a"], "B"),
    ],
)
def test_a_label_that_is_no_class_is_refused(classes, names, strange):
    with pytest.raises(DataError, match=rf"x.csv has the label '{strange}' in column 'label', expected one of"):
        match_labels(names, classes, "label", "path: x.csv")
