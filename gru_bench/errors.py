"""Errors that are for people: one message with what was expected, what was found and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user can mend; entry points print its message alone and exit with `exit_code`."""

    exit_code = 1


class ConfigError(UserError):
    """A setting or argument is wrong; the message names the key, what was found and what is allowed."""

    exit_code = 2

    def __init__(self, key: str, found: object, allowed: str, hint: str = ""):
        self.key, self.found, self.allowed, self.hint = key, found, allowed, hint
        super().__init__(f"{key}: found {found!r}, allowed: {allowed}." + (f" {hint}" if hint else ""))


class DataError(UserError):
    """A data file is missing, damaged, unreadable or not what it should be."""


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `Did you mean 'x'?` for the valid name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"Did you mean '{close[0]}'?" if close else ""
