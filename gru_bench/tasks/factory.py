"""From settings to a task: the only place that knows every task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_bench.config import TaskConfig
from gru_bench.errors import ConfigError, nearest
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.tasks.memory import Memory
from gru_bench.tasks.music import Music
from gru_bench.tasks.sentiment import Sentiment
from gru_bench.tasks.task import Task
from gru_bench.tasks.time_series import TimeSeries
from gru_bench.validation import bind

TASKS: dict[str, Any] = {
    "language_modeling": LanguageModeling,
    "sentiment": Sentiment,
    "time_series": TimeSeries,
    "memory": Memory,
    "music": Music,
}

ACCEPTS: dict[str, str] = {name: task.accepts for name, task in TASKS.items()}
"""The kind of data that each task needs."""


def check_task(config: TaskConfig) -> Any:
    """Check a task's settings without its data; return its class.

    Raises:
        ConfigError: an unknown task or a wrong option.
    """
    if config.name not in TASKS:
        raise ConfigError("task", config.name, " or ".join(TASKS), nearest(config.name, TASKS))
    bind(TASKS[config.name], config.options, "task", supplied=frozenset({"description"}))
    return TASKS[config.name]


def make_task(config: TaskConfig, description: Mapping[str, Any]) -> Task:
    """Return the task.

    Args:
        config: its name and options.
        description: what the data's `describe` or a saved run says of the data.

    Raises:
        ConfigError: see `check_task`.
    """
    cls: Any = check_task(config)
    return cls(description, **bind(cls, config.options, "task", supplied=frozenset({"description"})))
