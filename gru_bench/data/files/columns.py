"""Find the columns of a table: those that the user names, else the only ones that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gru_bench.data.files.cells import Table
from gru_bench.errors import ConfigError, nearest

Column = str | int | None
"""The setting of a column: its name, its number, from 1, or None, which detects it."""


def column_names(frame: Table) -> list[str]:
    """Return the names of the columns of a table."""
    return [str(name) for name in frame.columns]


def find_column(names: Sequence[str], wanted: str | int, option: str) -> str:
    """Return a column from its name, in any case, or, if there is no such name, from its number, from 1.

    Raises:
        ConfigError: there is no such column.
    """
    if str(wanted) in names:
        return str(wanted)
    folded = [name for name in names if name.casefold() == str(wanted).casefold()]
    if len(folded) == 1:
        return folded[0]
    by_number = {str(number): name for number, name in enumerate(names, 1)}
    if str(wanted) in by_number:
        return by_number[str(wanted)]
    allowed = f"one of the columns {', '.join(names)}, or a number from 1 to {len(names)}"
    raise ConfigError(option, wanted, allowed, nearest(str(wanted), names))


def only_column(names: Sequence[str], option: str, *choices: Sequence[str], what: str = "") -> str:
    """Return the column of the first of some choices that is a single one.

    Args:
        names: the columns from which the user may choose.
        option: the setting that names the column.
        choices: the columns that fit, by one rule after the other.
        what: the content of the column, for the message.

    Raises:
        ConfigError: each rule fits several columns or none.
    """
    for fitting in choices:
        if len(fitting) == 1:
            return fitting[0]
    allowed = f"one of the columns {', '.join(names)}" if names else "a further column; there is none"
    raise ConfigError(option, None, allowed, f"Name the column{what and f' of the {what}'}.")


def named_like(names: Sequence[str], known: frozenset[str]) -> list[str]:
    """Return the columns that have one of the known names, in any case."""
    return [name for name in names if name.casefold() in known]


def role_columns(frame: Table, wanted: Mapping[str, Any], known: Mapping[str, frozenset[str]], key: str) -> list[str]:
    """Return a column for each role; those that are not named are known by their usual names.

    Args:
        frame: the table.
        wanted: name or number of the columns by setting, such as `text_column`, or None.
        known: the usual names, in lower case, by setting.
        key: the setting or argument that names the table.

    Raises:
        ConfigError: there is no such column, it must be named, or one column has two roles.
    """
    names, prefix = column_names(frame), "data." if key.startswith("data.") else ""
    columns: dict[str, str] = {}
    for role, usual in known.items():
        option, choice = f"{prefix}{role}", wanted[role]
        fitting = named_like(names, usual)
        column = only_column(names, option, fitting) if choice is None else find_column(names, choice, option)
        if column in columns:
            raise ConfigError(option, column, f"another column than that of {prefix}{columns[column]}")
        columns[column] = role
    return list(columns)
