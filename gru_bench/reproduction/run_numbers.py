"""The numbers of a finished run that claims use, from its record and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gru_bench.claims.claim import curve_columns
from gru_bench.history import METRICS_FILE, read_metrics
from gru_bench.record import RunRecord


def run_numbers(
    record: RunRecord, directory: Path, targets: Sequence[float] = (), train_losses: Sequence[float] = ()
) -> dict[str, float | None]:
    """Return the numbers of a run by name; docs/claims.md says what each is.

    Args:
        record: of a finished run.
        directory: the run's.
        targets: of the validation metric, to which updates are counted.
        train_losses: at which the validation metric is read.
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
    columns = curve_columns("updates_to_target", targets).items()
    found |= {name: updates_to_target(record, directory, target) for name, target in columns}
    columns = curve_columns("valid_at_train_loss", train_losses).items()
    found |= {name: valid_at_train_loss(record, directory, loss) for name, loss in columns}
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


def valid_at_train_loss(record: RunRecord, directory: Path, loss: float) -> float | None:
    """Return the validation metric where the training loss first fell to `loss`; None where it never did.

    The training loss is the mean of `training.log_every` updates, dropout included: the latest at an evaluation.
    Between two evaluations the metric is taken for a straight line over the loss. A run that was below at its first
    evaluation has no value.
    """
    before: tuple[float, float] | None = None
    mean: float | None = None
    for row in read_metrics(directory / METRICS_FILE):
        if row.get("split") == "train":
            mean = float(row["loss"])
        elif row.get("split") == "valid" and mean is not None:
            value = float(row[record.metric])
            if mean <= loss:
                if before is None:
                    return None
                return before[1] + (value - before[1]) * (before[0] - loss) / (before[0] - mean)
            before = mean, value
    return None


def _validations(record: RunRecord, directory: Path) -> list[Mapping[str, Any]]:
    """Return the evaluations on the validation split, in their order."""
    rows = read_metrics(directory / METRICS_FILE)
    return [row for row in rows if row.get("split") == "valid" and record.metric in row]
