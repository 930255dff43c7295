from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gru_bench.classes import preset_places
from gru_bench.data.factory import make_data
from gru_bench.declarations import declared
from gru_bench.errors import ConfigError
from gru_bench.sections import DataConfig, PathsConfig, TaskConfig
from gru_bench.tasks.factory import make_task
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.tasks.task import Task
from gru_bench.validation import settings
from tests.presets import CELLS, TASKS
from tests.training.small import make_text
from tests.training.support import ROOT

SLOW = ("captioning", "conversation", "sentiment", "speech", "tagging", "translation")
"""Tasks whose default data takes seconds; their own tests train on it."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in TASKS]
)
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
    assert any(task.goal.metric in metrics for metrics in task.baselines(data).values())


@pytest.mark.parametrize("name", TASKS)
def test_what_is_declared_of_a_task_is_what_it_is(name: str):
    found, cls = declared(preset_places("task")[name]), TASKS[name]
    assert {key: found.constants[key] for key in ("accepts", "causal", "pooled")} == {
        key: getattr(cls, key) for key in ("accepts", "causal", "pooled")
    }
    real = settings(cls)
    assert found.settings == {key: value for key, value in real.items() if key != "description"}


@pytest.mark.parametrize("name", CELLS)
def test_what_is_declared_of_a_cell_is_what_it_is(name: str):
    found, cell = declared(preset_places("model")[name]), CELLS[name](hidden_size=2)
    assert {key: (value.annotation, value.default) for key, value in found.settings.items()} == {
        key: (value.annotation, value.default) for key, value in settings(type(cell)).items()
    }
    assert found.constants["sees_hidden"] == bool(cell.recurrent_kernels) == (cell.associative_form is None)
    assert found.constants["start_options"] == cell.start_options


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
        make_task(TaskConfig(name=name, options=options), make_text().describe())
