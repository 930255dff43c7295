"""Make the task that the settings name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gru_bench.classes import load_class
from gru_bench.sections import TaskConfig
from gru_bench.tasks.task import Task
from gru_bench.validation import bind

_SUPPLIED = frozenset({"description"})


def make_task(config: TaskConfig, description: Mapping[str, Any]) -> Task:
    """Return the task.

    Args:
        config: its name, class and options.
        description: the description of the data, from its `describe` or from a saved run.

    Raises:
        ConfigError: an unknown task or a wrong option.
    """
    cls: Any = load_class(config.place, Task)
    return cls(description, **bind(cls, config.options, "task", supplied=_SUPPLIED))
