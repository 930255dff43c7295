from __future__ import annotations

import io

from rich.console import Console

from gru_bench.reporting.sheet import Sheet

SHEET = Sheet("Times: ms", ["", "a long\nheading", "why"], [["x|y", "1.5", "one two"]], frozenset({2}))


def test_markdown():
    assert SHEET.markdown() == (
        "**Times: ms**\n\n|  | a long heading | why |\n| :-- | --: | :-- |\n| x\\|y | 1.5 | one two |\n"
    )


def test_a_narrow_terminal_cuts_no_digit_off():
    text = io.StringIO()
    numbers = Sheet("", ["", *"abcdef"], [["row", *(["123,456.789"] * 6)]])
    Console(file=text, width=40).print(numbers.terminal(), soft_wrap=True)
    assert text.getvalue().count("123,456.789") == 6
