from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from gru_bench.config import DataConfig, PathsConfig, TaskConfig
from gru_bench.data.factory import make_data
from gru_bench.errors import ConfigError
from gru_bench.models.cells import CELLS
from gru_bench.models.settings import CELL_OPTIONS
from gru_bench.tasks.factory import TASKS, make_task
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.tasks.settings import ACCEPTS, TASK_SETTINGS, check_task
from gru_bench.tasks.task import Task
from tests.data.kinds import load
from tests.training.small import make_text
from tests.training.support import ROOT


@pytest.mark.parametrize("name", TASKS)
def test_every_task_keeps_the_contract(name: str, tmp_path: Path):
    """With the data set that the task itself names."""
    preset = (ROOT / f"configs/task/{name}.yaml").read_text(encoding="utf-8")
    found = re.search(r"/data@_global_.data: (\w+)", preset)
    assert found is not None
    data = make_data(DataConfig(source=found[1]), PathsConfig(cache=str(tmp_path)), TASKS[name].accepts)
    task = make_task(TaskConfig(name=name), data.describe())
    assert isinstance(task, Task)
    plain = json.loads(json.dumps(task.describe()))
    assert make_task(TaskConfig(name=name), plain).describe() == task.describe()


def test_what_is_declared_without_jax_is_what_tasks_and_cells_are(tmp_path: Path):
    assert list(TASK_SETTINGS) == list(TASKS)
    for name, kind in ACCEPTS.items():
        signature = make_task(TaskConfig(name=name), load(kind, tmp_path).describe()).signature
        assert (signature.causal, signature.pooled) == (TASK_SETTINGS[name].causal, TASK_SETTINGS[name].pooled)
    assert list(CELL_OPTIONS) == list(CELLS)
    for name, cell in CELLS.items():
        declared = {entry.name for entry in dataclasses.fields(CELL_OPTIONS[name])}
        assert declared == {entry.name for entry in dataclasses.fields(cell)} - {"hidden_size", "layer_norm"}
        made = cell(hidden_size=2)
        assert CELL_OPTIONS[name].sees_hidden == bool(made.recurrent_kernels) == (made.associative_form is None)


def test_options_reach_the_task():
    task = make_task(
        TaskConfig(name="language_modeling", options={"state": "reset", "sample_length": 3}), make_text().describe()
    )
    assert isinstance(task, LanguageModeling)
    assert (task.state, task.sample_length, task.shift_epochs) == ("reset", 3, False)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("language_modelling", {}, r"task: found 'language_modelling', .*Did you mean 'language_modeling'\?"),
        ("language_modeling", {"stat": "reset"}, r"task.stat: found 'reset', .*Did you mean 'state'\?"),
        ("language_modeling", {"state": "keep"}, r"task.state: found 'keep', allowed: carry or reset"),
        ("language_modeling", {"sample_length": -1}, r"task.sample_length: found -1, allowed: an integer >= 0"),
        ("language_modeling", {"description": {}}, r"task.description: found"),
    ],
)
def test_wrong_settings_are_named(name: str, options: dict[str, object], message: str):
    with pytest.raises(ConfigError, match=message):
        check_task(TaskConfig(name=name, options=options))
