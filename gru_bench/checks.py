"""Check the settings of a run before anything is read or written, and before JAX is loaded."""

from __future__ import annotations

from gru_bench.config import Config
from gru_bench.data.factory import check_data
from gru_bench.models.settings import check_model
from gru_bench.tasks.settings import ACCEPTS, check_task


def check_settings(config: Config) -> None:
    """Check each section, and what depends on several of them.

    Raises:
        ConfigError: a wrong option, the task does not take such data, or there is no such network.
    """
    task = check_task(config.task)
    check_data(config.data, config.task.name, ACCEPTS)
    check_model(config.model, causal=task.causal, pooled=task.pooled)
