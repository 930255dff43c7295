"""The rows of experiments/<claim>/results.csv: one per finished run or measurement, appended as they come."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import filelock

from gru_bench.claims.claim import SCALES, Level, Part
from gru_bench.errors import UserError

FIXED = (
    "scale",
    "part",
    "setting",
    "arm",
    "level",
    "seed",
    "status",
    "config_hash",
    "overrides",
    "code_version",
    "device",
    "at_once",
    "other_load",
    "seconds",
    "ended",
)
"""Columns that every claim has."""


class Key(NamedTuple):
    """What a row is about."""

    scale: str
    part: str
    setting: str
    arm: str
    level: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """One finished run or measurement.

    Attributes:
        key: what it is about.
        config_hash: of all settings but the seed.
        overrides: the command line of `train`, so that anybody can run it again.
        code_version: version and commit of gru_bench.
        device: where it ran.
        at_once: how many runs shared the machine in one program; times of more than one are no measurement.
        other_load: cores that other processes kept busy; None where it was not watched.
        seconds: wall time of it.
        ended: local time.
        status: `finished`, or `diverged`: it then has no numbers.
        numbers: by column; None where there is none, as of a target that was not reached.
    """

    key: Key
    config_hash: str
    overrides: str
    code_version: str
    device: str
    at_once: int
    other_load: float | None
    seconds: float
    ended: str
    status: str = "finished"
    numbers: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether the run ended well; its numbers count then."""
        return self.status == "finished"


def level_text(level: Level | None) -> str:
    """Write a level as the column holds it."""
    return "" if level is None else f"{level:g}" if isinstance(level, int | float) else level


def level_number(level: str) -> float | None:
    """Return the number that a level is; None where it is a word."""
    try:
        return float(level)
    except ValueError:
        return None


def levels_in_order(part: Part, levels: Iterable[str]) -> list[str]:
    """Return each level once: numbers from small to large, words as the claim lists them."""
    listed = [level_text(level) for scale in SCALES for level in part.levels.at(scale)] if part.levels else []

    def key(level: str) -> tuple[float, int]:
        number = level_number(level)
        return (math.inf if number is None else number, listed.index(level) if level in listed else len(listed))

    return sorted(dict.fromkeys(levels), key=key)


def append_rows(path: Path, rows: Sequence[Row], numbers: Sequence[str]) -> None:
    """Append rows to a file, with a heading where it is new; half a row of a writer that was killed is dropped.

    Raises:
        UserError: the file cannot be written, or is of other columns.
    """
    columns = [*FIXED, *numbers]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_suffix(".lock")):
            known = _heading(path)
            if known is None:
                writer.writeheader()
            elif known != columns:
                _rewrite(path, columns)
            writer.writerows(_plain(row) for row in rows)
            with path.open("ab") as file:
                file.truncate(_whole_lines(path))
                file.write(text.getvalue().encode())
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror or error}). Give another folder: out=..."
        ) from error


def read_rows(path: Path) -> list[Row]:
    """Read a file; of rows about the same, the last one counts. A half-written last row is left out.

    Raises:
        UserError: the file cannot be read, or a row is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}).") from error
    complete = text[: text.rfind("\n") + 1]
    reader = csv.DictReader(io.StringIO(complete))
    if reader.fieldnames is None:
        return []
    missing = [name for name in FIXED if name not in reader.fieldnames]
    if missing:
        raise UserError(f"{path}: found no column {', '.join(missing)}. It is no file of gru_bench.reproduce.")
    found: dict[Key, Row] = {}
    for number, values in enumerate(reader, start=2):
        try:
            row = _parse(values)
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: line {number} is damaged ({error}). Remove it; it is then run again.") from error
        found.pop(row.key, None)
        found[row.key] = row
    return list(found.values())


def current(rows: Iterable[Row]) -> list[Row]:
    """Return the rows whose settings are those of the newest row of the same arm, setting and level.

    Seeds that were run with settings that have been changed since are not mixed with those that were run after it.
    """
    rows = list(rows)
    newest = {row.key._replace(seed=0): row.config_hash for row in sorted(rows, key=lambda row: row.ended)}
    return [row for row in rows if row.config_hash == newest[row.key._replace(seed=0)]]


def _plain(row: Row) -> dict[str, object]:
    values: dict[str, object] = row.key._asdict()
    for name in FIXED:
        if name not in values:
            value = getattr(row, name)
            values[name] = "" if value is None else value
    for name, value in row.numbers.items():
        values[name] = "" if value is None or not math.isfinite(value) else f"{value:.9g}"
    return values


def _parse(values: Mapping[str, str]) -> Row:
    key = Key(*(values[name] for name in Key._fields[:-1]), seed=int(values["seed"]))
    numbers = {name: float(text) if text else None for name, text in values.items() if name not in FIXED}
    return Row(
        key=key,
        config_hash=values["config_hash"],
        overrides=values["overrides"],
        code_version=values["code_version"],
        device=values["device"],
        at_once=int(values["at_once"]),
        other_load=float(values["other_load"]) if values["other_load"] else None,
        seconds=float(values["seconds"]),
        ended=values["ended"],
        status=values["status"],
        numbers=numbers,
    )


def _heading(path: Path) -> list[str] | None:
    if not path.exists():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file), None)


def _whole_lines(path: Path) -> int:
    """Return how many bytes of a file are whole lines; a writer that was killed may have left half of one."""
    return path.read_bytes().rfind(b"\n") + 1


def _rewrite(path: Path, columns: Sequence[str]) -> None:
    """Bring a file to the columns that the claim has now."""
    rows = read_rows(path)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_plain(row) for row in rows)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text.getvalue(), encoding="utf-8")
    temporary.replace(path)
