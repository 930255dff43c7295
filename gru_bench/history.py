"""Read the metrics and sample outputs of a run. No JAX."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from gru_bench.errors import UserError
from gru_bench.record import SAMPLES_FILE

METRICS_FILE = "metrics.jsonl"

_FROM_TEXT = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return all rows of a metrics file in order, without a half-written last line, as of a run in progress.

    JSON has no NaN or infinity: the strings "NaN", "Infinity" and "-Infinity" are converted to floats.

    Raises:
        UserError: the file cannot be read, or a line other than the last is damaged.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}). Expected the metrics of a run, one JSON object per line; "
            "give a run directory with a metrics.jsonl."
        ) from error
    rows = (decode_line(line, path, number, last=number == len(lines)) for number, line in enumerate(lines, start=1))
    return [{name: _from_text(value) for name, value in row.items()} for row in rows if row is not None]


def decode_line(line: bytes, path: Path, number: int, *, last: bool) -> dict[str, Any] | None:
    """Return the row on one line, or None for a half-written last line.

    Args:
        line: the line, including its newline.
        path: the file, for messages.
        number: the line number, from 1, for messages.
        last: whether it is the last line of the file; only that one may be half-written.

    Raises:
        UserError: the line is not a JSON object.
    """
    if last and not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise UserError(
            f"{path}, line {number}: found {line[:60]!r}, expected one JSON object. The file was edited or damaged; "
            "correct or delete that line, or start the run over with fresh=true."
        )
    return row


def read_samples(run_dir: Path) -> list[tuple[str, str]]:
    """Return the sample outputs of a run as (given, output); empty if it has none.

    Raises:
        UserError: the file exists and is not a list of objects with `given` and `output`.
    """
    path = run_dir / SAMPLES_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return [(str(sample["given"]), str(sample["output"])) for sample in content]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}). Expected a list of objects with the keys given and output; "
            "delete the file, or train the run again."
        ) from error


def _from_text(value: Any) -> Any:
    return _FROM_TEXT.get(value, value) if isinstance(value, str) else value
