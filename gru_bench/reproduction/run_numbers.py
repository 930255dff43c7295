"""The numbers of a finished run that claims use, from its record and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gru_bench.history import METRICS_FILE, read_metrics
from gru_bench.record import RunRecord


def run_numbers(record: RunRecord, directory: Path, targets: Sequence[float] = ()) -> dict[str, float | None]:
    """Return the numbers of a run by name; docs/claims.md says what each is.

    Args:
        record: of a finished run.
        directory: the run's.
        targets: of the validation metric, to which updates are counted.
    """
    found: dict[str, float | None] = {
        f"{split}_{name}": value for split, metrics in record.metrics.items() for name, value in metrics.items()
    }
    found |= {split: metrics[record.metric] for split, metrics in record.metrics.items()}
    found |= {f"parameters_{name}": float(value) for name, value in record.parameters.items()}
    found |= {
        "updates": float(record.updates),
        "best_update": None if record.best_update is None else float(record.best_update),
        "first_best_update": first_best_update(record, directory),
        "flops_per_update": record.flops_per_update,
        "state_size": float(record.state_size),
    }
    numbered = len(targets) > 1
    for index, target in enumerate(targets, start=1):
        name = f"updates_to_target_{index}" if numbered else "updates_to_target"
        found[name] = updates_to_target(record, directory, target)
    test, train = found.get("test"), found.get("train")
    if test is not None and train is not None:
        found["gap"] = test - train if record.direction == "min" else train - test
    return found


def first_best_update(record: RunRecord, directory: Path) -> float | None:
    """Return the first update at which validation was at its best; `best_update` is the last one of equals."""
    known = [(float(row[record.metric]), float(row["update"])) for row in _validations(record, directory)]
    best = (min if record.direction == "min" else max)((value for value, _ in known), default=None)
    return next((update for value, update in known if value == best), None)


def updates_to_target(record: RunRecord, directory: Path, target: float) -> float | None:
    """Return the first update at which the validation metric was at the target or better; None where it never was.

    Between the two evaluations around it the metric is taken for a straight line.
    """
    sign = 1 if record.direction == "min" else -1
    before: tuple[float, float] | None = None
    for row in _validations(record, directory):
        update, value = float(row["update"]), float(row[record.metric])
        if sign * value <= sign * target:
            if before is None or before[1] == value:
                return update
            return before[0] + (update - before[0]) * (before[1] - target) / (before[1] - value)
        before = update, value
    return None


def _validations(record: RunRecord, directory: Path) -> list[Mapping[str, Any]]:
    """Return the evaluations on the validation split, in their order."""
    rows = read_metrics(directory / METRICS_FILE)
    return [row for row in rows if row.get("split") == "valid" and record.metric in row]
