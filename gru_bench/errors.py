"""Errors that are for people: one message with what was expected, what was found and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import PurePath

LONGEST_SHOWN = 200  # characters of a value in a message


class UserError(Exception):
    """Something the user can mend; entry points print its message alone and exit with `exit_code`."""

    exit_code = 1


class ConfigError(UserError):
    """A setting or argument is wrong; the message names the key, what was found and what is allowed."""

    exit_code = 2

    def __init__(self, key: str, found: object, allowed: str, hint: str = ""):
        self.key, self.found, self.allowed, self.hint = key, found, allowed, hint
        super().__init__(f"{key}: found {shown(found)}, allowed: {allowed}." + (f" {hint}" if hint else ""))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[object, ...]]:
        return type(self), (self.key, self.found, self.allowed, self.hint)  # as processes hand it to each other


class DataError(UserError):
    """A data file is missing, damaged, unreadable or not what it should be."""

    exit_code = 2


class DataUnavailable(DataError):
    """Data cannot be had now, though nothing is wrong with it: no network, no room, or another process holds it."""

    exit_code = 1


def shown(value: object) -> str:
    """Return a value for a message as the user knows it: cut where it is long, never the `repr` of an object."""
    try:
        text = _plain(value)
    except ValueError:  # Python refuses to write integers so long
        return "a number of thousands of digits"
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def _plain(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(str(value) if isinstance(value, PurePath) else value)


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `Did you mean 'x'?` for the valid name closest to `name`, capitals aside, or an empty string."""
    known = {valid.lower(): valid for valid in names}
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f"Did you mean '{known[close[0]]}'?" if close else ""
