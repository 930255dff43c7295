"""From settings to a task: the only place that knows the class of every task."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gru_bench.config import TaskConfig
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.tasks.memory import Memory
from gru_bench.tasks.music import Music
from gru_bench.tasks.sentiment import Sentiment
from gru_bench.tasks.settings import check_task
from gru_bench.tasks.task import Task
from gru_bench.tasks.time_series import TimeSeries

TASKS: dict[str, Any] = {
    "language_modeling": LanguageModeling,
    "sentiment": Sentiment,
    "time_series": TimeSeries,
    "memory": Memory,
    "music": Music,
}


def make_task(config: TaskConfig, description: Mapping[str, Any]) -> Task:
    """Return the task.

    Args:
        config: its name and options.
        description: what the data's `describe` or a saved run says of the data.

    Raises:
        ConfigError: see `check_task`.
    """
    options = dataclasses.asdict(check_task(config))
    return TASKS[config.name](description, **options)
