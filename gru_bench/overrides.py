"""Arguments of `train` in the grammar of Hydra; what it cannot read can only be plain text, and is quoted."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from hydra.core.override_parser import overrides_parser, overrides_visitor
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, QuotedString
from hydra.errors import HydraException

from gru_bench.asserts import keep_asserts
from gru_bench.errors import UserError, shown

if not __debug__:  # the visitor reads on within its asserts
    keep_asserts(overrides_visitor)
    overrides_parser.__dict__["HydraOverrideVisitor"] = overrides_visitor.HydraOverrideVisitor

PATHS = ("run_dir", "paths.mirror", "paths.cache", "paths.runs", "data.path", "data.valid_path", "data.test_path")
TEXTS = (*PATHS, "data.data_dir", "tracker.project", "tracker.entity")
"""Settings that hold one text: a comma, a number or brackets in them are a part of it."""

_KEY = re.compile(r"\+{0,2}([A-Za-z_]\w*(?:\.\w+)+|run_dir)")
_PIECE = re.compile(r"""(?:"[^"]*"|[^,])+""")


class Unreadable(UserError):
    """The command line cannot be read."""

    exit_code = 2


def readable(arguments: Sequence[str], *, multirun: bool = False) -> list[str]:
    """Return arguments as Hydra reads them, with values quoted that are plain text beyond its grammar.

    Args:
        arguments: as they were typed; values that Hydra reads stay as they are.
        multirun: whether commas part the values of a sweep.

    Raises:
        Unreadable: an argument is not UTF-8, or is a list that Hydra cannot read.
    """
    return [_readable(argument, multirun) for argument in arguments]


def as_argument(key: str, text: str) -> str:
    """Return the argument that means in a sweep what `key=text` means for one run: its commas part nothing."""
    argument = f"{key}={text}"
    found = _parse(argument)
    if found is None or found.is_sweep_override() or (key in TEXTS and not _is_as_typed(found, text)):
        return f"{key}={_quoted(text)}"
    return argument


def _readable(argument: str, multirun: bool) -> str:
    if not argument.isascii():
        _check_encoding(argument)
    key, separator, text = argument.partition("=")
    found = _KEY.fullmatch(key)
    if not separator or found is None or key.startswith("hydra."):
        return argument
    parsed = _parse(argument)
    if parsed is not None:
        swept = multirun and parsed.is_sweep_override()
        if swept or found[1] not in TEXTS or _is_as_typed(parsed, text):
            return argument
    if text.lstrip().startswith(("[", "{")) and found[1] not in TEXTS:
        raise Unreadable(
            f"{key}: {shown(text)} cannot be read. Quote the texts in it, for a shell as in '{key}={_example(text)}'."
        )
    pieces = _PIECE.findall(text) if multirun else []
    if len(pieces) < 2:
        return f"{key}={_quoted(text)}"
    return f"{key}=" + ",".join(piece if _parse(f"{key}={piece}") else _quoted(piece) for piece in pieces)


def _is_as_typed(found: Override, text: str) -> bool:
    """Say whether Hydra reads a text as it was typed, or as its quotes, escapes and `null` ask for."""
    if found.is_sweep_override():
        return False
    value = found.value()
    return value is None or value == text or isinstance(found._value, QuotedString) or "\\" in text


@functools.cache
def parsed(argument: str) -> Override:
    """Return what Hydra reads in an argument; plans of claims have the same ones in thousands of commands."""
    return OverridesParser.create().parse_override(argument)


def _parse(argument: str) -> Override | None:
    try:
        found = parsed(argument)
        if not found.is_sweep_override():
            found.value()
    except (HydraException, ValueError):  # ValueError: thousands of digits
        return None
    return found


def _quoted(text: str) -> str:
    """Return a text as a quoted string of Hydra: backslashes count before a quote alone."""
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', text)
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'


def _example(text: str) -> str:
    return re.sub(r"""[^\[\]{},:"'\s][^\[\]{},:"']*""", lambda found: _quoted(found[0].rstrip()), text)


def _check_encoding(argument: str) -> None:
    try:
        argument.encode()
    except UnicodeEncodeError:
        raise Unreadable(f"the command line cannot be read: {shown(argument)} is not UTF-8.") from None
