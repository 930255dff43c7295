"""The factory of trackers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gru_bench.sections import TrackerConfig
from gru_bench.tracking.tracker import NoTracker, Tracker

logger = logging.getLogger("gru_bench")


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
