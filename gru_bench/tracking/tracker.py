"""What a training loop may ask of a tracker, and the factory that makes the one in the settings."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from gru_bench.sections import TrackerConfig

logger = logging.getLogger("gru_bench")


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


def make_tracker(
    config: TrackerConfig,
    *,
    run_config: Mapping[str, Any],
    run_dir: Path,
    group: str,
    tags: Sequence[str],
    name: str,
    run_id: str | None = None,
) -> Tracker:
    """Make the tracker that the settings name; it never raises, and never imports W&B for `none`.

    Args:
        config: the settings of the tracker.
        run_config: all settings of the run, nested (`Config.to_dict`).
        run_dir: the run directory; W&B keeps its files in `run_dir/wandb`.
        group: runs to compare with each other, `task/data`.
        tags: labels to filter by; the cell.
        name: how the run is called in lists.
        run_id: identity at W&B; None continues the one stored in `run_dir/wandb`, or begins a new one there.
    """
    if config.name == "none":
        return NoTracker()
    try:
        from gru_bench.tracking.weights_and_biases import start  # importing wandb takes about a second
    except Exception as error:
        logger.warning(
            "W&B: off, it cannot be imported, the run goes on without it: %s: %s", type(error).__name__, error
        )
        return NoTracker()
    return start(
        project=config.project,
        entity=config.entity,
        mode=config.mode,
        run_config=run_config,
        run_dir=run_dir,
        group=group,
        tags=tags,
        name=name,
        run_id=run_id,
    )


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
