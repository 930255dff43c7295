"""The interface of trackers, the one that records nothing, and the summary of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Tracker(Protocol):
    """Receives what a run measures. No method raises, waits for a network or changes the run."""

    def log(self, metrics: Mapping[str, float | int], update: int) -> None:
        """Record metrics such as `train/loss` or `valid/nll` after an optimiser update."""
        ...

    def image(self, name: str, path: Path, update: int) -> None:
        """Record a picture in a PNG file."""
        ...

    def text(self, name: str, rows: Sequence[Sequence[str]], columns: Sequence[str], update: int) -> None:
        """Record a table of texts, such as samples of a language model."""
        ...

    def finish(self, summary: Mapping[str, Any], failed: bool) -> None:
        """End the run with the values that compare it at a glance (see `summarise`); later calls do nothing."""
        ...


class NoTracker:
    """Records nothing: `metrics.jsonl` and `record.json` of the run directory hold everything anyway."""

    def log(self, metrics: Mapping[str, float | int], update: int) -> None:
        """Record nothing."""

    def image(self, name: str, path: Path, update: int) -> None:
        """Record nothing."""

    def text(self, name: str, rows: Sequence[Sequence[str]], columns: Sequence[str], update: int) -> None:
        """Record nothing."""

    def finish(self, summary: Mapping[str, Any], failed: bool) -> None:
        """Record nothing."""


def summarise(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the comparable facts of a run record, flat: the columns of a W&B table.

    They are `status`, `metric` (the one that decides) and its `direction`, `state_size`, `flops_per_update`,
    `wall_seconds`, `updates`, `best_update`, `parameters/recurrent`, `parameters/total`, `speed/*`, `memory/*`,
    `valid/<metric>`, `test/<metric>` and `baselines/<name>/<metric>`; what the record lacks is left out.

    Args:
        record: the content of `record.json`.
    """
    facts = (
        "status",
        "metric",
        "direction",
        "state_size",
        "flops_per_update",
        "wall_seconds",
        "updates",
        "best_update",
    )
    sections = ("parameters", "speed", "memory", "baselines")
    chosen = {key: record[key] for key in (*facts, *sections) if key in record}
    return flatten({**chosen, **record.get("metrics", {})})


def flatten(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings as one, the keys joined by `/`; None is left out."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}/{inner}": leaf for inner, leaf in flatten(value).items()}
        elif value is not None:
            flat[key] = value
    return flat
