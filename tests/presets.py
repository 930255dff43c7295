"""What the presets of gru_bench name: cells, loaders of data, tasks and the kinds of data that they accept."""

from __future__ import annotations

from typing import Any

from gru_bench.cells import cell_class
from gru_bench.classes import load_class, load_object, preset_places
from gru_bench.tasks.task import Task

CELLS = {name: cell_class(name) for name in preset_places("model")}
LOADERS: dict[str, Any] = {name: load_object(place) for name, place in preset_places("data").items()}
TASKS: dict[str, Any] = {name: load_class(place, Task) for name, place in preset_places("task").items()}
ACCEPTS: dict[str, str] = {name: task.accepts for name, task in TASKS.items()}
