"""Check the settings of a run before anything is read or written, and before JAX is loaded."""

from __future__ import annotations

from gru_bench.config import Config, TrackerConfig
from gru_bench.data.factory import check_data, check_files
from gru_bench.errors import ConfigError
from gru_bench.models.settings import check_model
from gru_bench.record import FILE_NAME
from gru_bench.tasks.settings import ACCEPTS, check_task

_LONGEST_NAME = 128
_NO_NAME = "/\\#?%:"  # characters that names at W&B do not hold


def check_settings(config: Config) -> None:
    """Check each section, and what depends on several of them.

    Raises:
        ConfigError: a wrong option; data that the task does not take; no such network; a name that W&B refuses.
    """
    task = check_task(config.task)
    check_data(config.data, config.task.name, ACCEPTS)
    check_model(config.model, causal=task.causal, pooled=task.pooled)
    _check_tracker(config.tracker)


def check_own_files(config: Config) -> None:
    """Check that the user's files are there for a run to begin; one that has begun may be shown without them.

    Raises:
        DataError: a file is missing.
    """
    if not (config.directory / FILE_NAME).exists():
        check_files(config.data)


def _check_tracker(config: TrackerConfig) -> None:
    """Refuse names that W&B refuses, which it would say when the run begins, or when an offline run is sent."""
    if config.name != "wandb":
        return
    for key, name in (("project", config.project), ("entity", config.entity)):
        if name is None:
            continue
        if not name.strip() or len(name) > _LONGEST_NAME or any(sign in name for sign in _NO_NAME):
            allowed = f"1 to {_LONGEST_NAME} characters without {' '.join(_NO_NAME)}"
            raise ConfigError(f"tracker.{key}", name, allowed, "W&B takes no other names.")
