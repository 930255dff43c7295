"""Columns of tables: as the user names them, else the only ones that fit, and one message for all readers."""

from __future__ import annotations

import pandas as pd
import pytest

from gru_bench.data.files.columns import find_column, named_like, only_column, role_columns
from gru_bench.errors import ConfigError

TABLE = pd.DataFrame([["1", "x", "y"]], columns=["id", "Text", "3"], dtype=object)
KNOWN = {"dialogue_column": frozenset({"id", "thread"}), "text_column": frozenset({"text"})}


@pytest.mark.parametrize(("wanted", "column"), [("Text", "Text"), ("tEXT", "Text"), (2, "Text"), ("3", "3"), (1, "id")])
def test_a_name_comes_before_a_number(wanted: str | int, column: str):
    assert find_column(list(TABLE.columns), wanted, "data.text_column") == column


@pytest.mark.parametrize("wanted", ["txt", 0, 4, "\u00b2", "-1"])
def test_a_column_that_is_missing_names_those_that_are_there(wanted: str | int):
    with pytest.raises(
        ConfigError, match=r"data\.text_column: found .*one of the columns id, Text, 3, or a number from"
    ):
        find_column(list(TABLE.columns), wanted, "data.text_column")


def test_two_names_that_differ_in_case_alone_need_the_exact_one():
    assert find_column(["a", "A"], "A", "x") == "A"
    with pytest.raises(ConfigError):
        find_column(["Ab", "aB"], "ab", "x")


def test_the_first_rule_that_leaves_one_column_decides():
    names = ["a", "b", "c"]
    assert only_column(names, "x", names, ["b"], ["c"]) == "b"
    with pytest.raises(ConfigError, match=r"x: found nothing, .*columns a, b, c. Name the column of the texts"):
        only_column(names, "x", names, [], what="texts")
    with pytest.raises(ConfigError, match="there is none"):
        only_column([], "x", [])
    assert named_like(["Text", "b"], frozenset({"text"})) == ["Text"]


def test_roles_are_found_by_their_usual_names_and_differ():
    nothing = {"dialogue_column": None, "text_column": None}
    assert role_columns(TABLE, nothing, KNOWN, "data.path") == ["id", "Text"]
    assert role_columns(TABLE, {**nothing, "dialogue_column": 3}, KNOWN, "path") == ["3", "Text"]
    with pytest.raises(ConfigError, match=r"data\.text_column: .*another column than that of data\.dialogue_column"):
        role_columns(TABLE, {**nothing, "text_column": "id"}, KNOWN, "data.path")
    with pytest.raises(ConfigError, match=r"(?<!data\.)text_column: found nothing"):
        role_columns(TABLE.rename(columns={"Text": "said"}), nothing, KNOWN, "path")
