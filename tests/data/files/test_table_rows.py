from __future__ import annotations

import pytest

from gru_bench.data.files.table_rows import blank_lines, check_width, parse, split_separator_line, without_empty_end


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        ("sep=;", ";"),
        ("SEP=,", ","),
        ('"sep=|"', "|"),
        ("sep=\t", "\t"),
        ("sep=;;;", ";"),
        ("sep;", None),
        ("a=b", None),
    ],
)
def test_a_line_may_name_the_delimiter(line, delimiter):
    text = f"{line}\na;b\n"
    assert split_separator_line(text) == (text if delimiter is None else "\na;b\n", delimiter)


def test_lines_are_blanked_and_the_others_keep_their_numbers():
    assert blank_lines("a\nb\nc\nd", 2) == "\n\nc\nd"
    assert blank_lines("a\nb\nc\nd", (2, 4, 9)) == "a\n\nc\n"
    assert parse(blank_lines("a,b\nunits\n1,2\n", [2]), ",", "own.csv").lines == [1, 3]


def test_rows_begin_on_their_lines_and_blank_ones_are_left_out():
    rows = check_width(parse('a,b\n\n"1\n1",2\n   \n3,4\n', ",", "own.csv"), ",", "own.csv")
    assert rows.lines == [1, 3, 6]
    assert rows.cells == [["a", "b"], ["1\n1", "2"], ["3", "4"]]


def test_quotes_of_two_rows_are_no_pair():
    text = '"I went home.\tIch ging heim.\nThen I slept."\tDann schlief ich.\nEnd\tEnde\n'
    assert parse(text, "\t", "own.tsv").cells == [line.split("\t") for line in text.splitlines()]
    assert parse('a\t"b\tc\nd"\n', "\t", "own.tsv").cells == [["a", "b\tc\nd"]]


def test_columns_that_are_empty_at_the_end_are_left_out():
    rows = parse("a,b,,\n1,,,\n", ",", "own.csv")
    assert without_empty_end(rows).cells == [["a", "b"], ["1", ""]]
    assert without_empty_end(rows, 3).cells == [["a", "b", ""], ["1", "", ""]]
    assert parse(" a   b \n1 2\n", " ", "own.csv").cells == [["a", "b"], ["1", "2"]]
