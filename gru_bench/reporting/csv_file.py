"""The comparison as CSV: one row per arm and baseline, or one row per run."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gru_bench.errors import UserError
from gru_bench.results.collect import Run
from gru_bench.results.comparison import COSTS, Arm, Group, cost_of, replicas, set_apart, shared_machine

Row = dict[str, Any]


def arm_rows(groups: Sequence[Group]) -> list[Row]:
    """Return one row per arm and per baseline; numbers are unrounded, unknown ones are absent."""
    rows: list[Row] = []
    for group, apart in zip(groups, set_apart(groups), strict=True):
        shared = _shared(group, apart)
        rows += [{**shared, **_arm_row(group, arm)} for arm in group.arms]
        for name, metrics in group.baselines.items():
            values = {f"test_{metric}_mean": value for metric, value in metrics.items()}
            rows.append({**shared, "kind": "baseline", "arm": name, **values})
    return rows


def run_rows(runs: Iterable[Run]) -> list[Row]:
    """Return one row per run, unfinished ones included; disturbed times are absent."""
    rows: list[Row] = []
    for run in runs:
        record = run.record
        row: Row = {name: getattr(record, name) for name in ("task", "data", "metric", "direction")}
        row |= {"group": group_name(run), "arm": run.arm, "cell": run.cell, "seed": run.seed}
        row |= {"status": record.status, "directory": str(run.directory)}
        for split in ("test", "valid", "train"):
            row |= {f"{split}_{name}": value for name, value in record.metrics.get(split, {}).items()}
        row |= {name: _whole(cost_of(run, name)) for name in COSTS}
        row |= {name: getattr(record, name) for name in ("updates", "epochs", "best_update", "started", "ended")}
        row |= {"shared_machine": shared_machine(run), "replicas": replicas(run), "device": run.device}
        row |= {"config_hash": record.config_hash, "data_digest": run.digest}
        row |= {f"version_{name}": value for name, value in record.versions.items()}
        rows.append(row)
    return rows


def csv_text(rows: Sequence[Row]) -> str:
    """Return rows under the union of their columns, in the order of first appearance."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_text(text: str, path: Path, argument: str) -> None:
    """Write a report to a file, its folder made where needed; see `check_replaceable` for one that exists.

    Args:
        text: the content.
        path: the file.
        argument: the argument that names the file, for the message.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}). Give another file: {argument}=FILE.") from error


def group_name(run: Run) -> str:
    """Return eight hexadecimal digits that name the run's group."""
    return hashlib.sha256(run.group_key.encode()).hexdigest()[:8]


def _arm_row(group: Group, arm: Arm) -> Row:
    options = json.dumps(arm.runs[0].record.cell_options, sort_keys=True)
    row: Row = {"kind": "cell", "arm": arm.name, "cell": arm.cell, "cell_options": options}
    row |= {"runs": len(arm.runs), "seeds": " ".join(map(str, arm.seeds))}
    for split in ("test", "valid"):
        for metric in group.metrics:
            found = arm.estimate(split, metric)
            if found:
                name = f"{split}_{metric}"
                row |= {f"{name}_mean": found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
    reference = group.reference
    if reference and arm is not reference:
        row["reference"] = reference.name
        for metric in group.metrics:
            difference = group.difference(arm, metric)
            if difference:
                name, found = f"difference_{metric}", difference.estimate
                row |= {f"{name}_mean": found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
                row["difference_pairs"] = found.count
    row |= {name: _whole(arm.cost(name)) for name in COSTS}
    if reference:
        row |= {f"{name}_ratio": group.ratio(arm, name) for name in COSTS}
    row |= {"timed_runs": len(arm.timed_runs), "device": group.device}
    return row


def _shared(group: Group, apart: Mapping[str, Any]) -> Row:
    run = group.arms[0].runs[0]
    row: Row = {name: getattr(run.record, name) for name in ("task", "data", "metric", "direction")}
    row |= {"group": group_name(run), "group_differs_in": json.dumps(apart, sort_keys=True) if apart else ""}
    return {**row, "device_kind": run.device_kind, "data_digest": run.digest}


def _whole(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() else value
