"""Settings: what is checked, what names a run, and what people read when something is wrong."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gru_bench.classes import preset_place
from gru_bench.config import EXECUTION, Config, identity
from gru_bench.data.factory import find_cache, find_mirror
from gru_bench.errors import ConfigError
from tests.training.support import ROOT, train

PLAIN: dict[str, Any] = {
    "task": {"name": "language_modeling", "state": "carry"},
    "data": {"source": "reber", "train_size": 1000},
    "model": {"cell": "gru", "hidden_size": 8, "reset_after": True},
    "optimizer": {"rule": "sgd", "learning_rate": 1},
    "training": {"updates": 10},
    "tracker": {"name": "none"},
    "paths": {},
}


def changed(**changes: Any) -> dict[str, Any]:
    """Return plain settings with some set by dotted path, `__` for the dot."""
    values = copy.deepcopy(PLAIN)
    for path, value in changes.items():
        *parents, name = path.split("__")
        place = values
        for parent in parents:
            place = place[parent]
        place[name] = value
    return values


def test_round_trip():
    config = Config.from_dict(PLAIN)
    assert Config.from_dict(config.to_dict()) == config
    assert Config.from_dict(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config
    assert config.to_dict()["model"]["reset_after"] is True
    assert config.model.options == {"reset_after": True}
    assert config.optimizer.learning_rate == 1.0


def test_a_run_is_named_by_what_decides_its_numbers():
    config = Config.from_dict(PLAIN)
    same = [{"seed": 3}, {"tracker__name": "wandb"}, {"paths__cache": "x"}, {"fresh": True}, {"debug": True}]
    other = [
        {"task__class": "gru_bench_extras.tasks:Mine"},
        {"model__reset_after": False},
        {"training__updates": 11},
        {"task__state": "reset"},
        {"data__seed": 1},
        {"data__missing_rate": 0.1},
    ]
    assert config.hash == "4fdacf5f"  # later settings, where not set, make no row stale
    for changes in same:
        assert Config.from_dict(changed(**changes)).hash == config.hash, changes
    for changes in other:
        assert Config.from_dict(changed(**changes)).hash != config.hash, changes
    assert Config.from_dict(changed(seed=3)).identity != config.identity
    assert config.directory == Path(f"runs/language_modeling/reber/gru-{config.hash}/seed0")
    assert Config.from_dict(changed(seed=3, paths__runs="a")).directory.parts[-1] == "seed3"
    assert Config.from_dict(changed(run_dir="here")).directory == Path("here")


def test_replicas_are_the_runs_that_they_would_be_alone():
    alone = Config.from_dict(changed(seed=3))
    assert alone.runs == (alone,)
    assert Config.from_dict(changed(seed=3, training__replicas=2)).runs == (
        alone,
        Config.from_dict(changed(seed=4)),
    )
    values = {"training__replica_key": "optimizer.learning_rate", "training__replica_values": [0.25, 1]}
    swept = Config.from_dict(changed(**values)).runs
    assert swept == tuple(Config.from_dict(changed(optimizer__learning_rate=rate)) for rate in (0.25, 1.0))
    with pytest.raises(ConfigError, match=r"optimizer.learning_rate: found -1.0, allowed: a number > 0"):
        _ = Config.from_dict(changed(**{**values, "training__replica_values": [-1.0]})).runs


def test_how_a_run_is_computed_is_no_part_of_what_it_is():
    plain = Config.from_dict(changed())
    for changes in ({"updates_per_dispatch": 3}, {"devices": "all"}, {"replicas": 2}, {"processes": 2}):
        config = Config.from_dict(changed(**{f"training__{name}": value for name, value in changes.items()}))
        assert (config.hash, config.identity) == (plain.hash, plain.identity)
    older = plain.to_dict()
    older["training"] = {name: value for name, value in older["training"].items() if name not in EXECUTION}
    assert identity(older) == plain.identity


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training__epochs": 3}, r"training.updates: found 'updates=10, epochs=3.0', allowed: exactly one budget"),
        ({"training__updates": None}, r"training.updates: found 'none', allowed: exactly one budget"),
        ({"model__parameter_budget": 100}, r"model.hidden_size: .*exactly one of model.hidden_size and"),
        ({"model__hidden_size": None}, r"model.hidden_size: .*exactly one of"),
        ({"model__init_scale": 0.1}, r"model.init_scale: found 0.1, .*null with orthogonal"),
        ({"model__init": "uniform"}, r"model.init_scale: found nothing, allowed: a number > 0 with model.init=uniform"),
        ({"optimizer__momentum": 0.5, "optimizer__rule": "adam"}, r"optimizer.momentum: found 0.5, .*Use sgd"),
        ({"optimizer__weight_decay": 0.5, "optimizer__rule": "adam"}, r"optimizer.weight_decay: .*Use adamw"),
        ({"optimizer__rule": "adma"}, r"optimizer.rule: found 'adma', .*Did you mean 'adam'\?"),
        ({"optimizer__learning_rate": 0}, r"optimizer.learning_rate: found 0, allowed: a number > 0"),
        ({"training__batch_size": 0}, r"training.batch_size: found 0, allowed: an integer >= 1"),
        ({"training__bach_size": 1}, r"training.bach_size: found 1, .*Did you mean 'batch_size'\?"),
        ({"trainig": {}}, r"trainig: found \{\}, .*Did you mean 'training'\?"),
        ({"training": None}, r"training: found nothing, allowed: a choice of the group training, or settings such as"),
        ({"training": "reber"}, r"training: found 'reber', allowed: a choice of the group training"),
        ({"seed": -1}, r"seed: found -1, allowed: an integer >= 0"),
        ({"run_dir": " "}, r"run_dir: found ' ', allowed: a folder"),
        ({"data": {}}, r"data.source: found nothing, allowed: text. Set it"),
        ({"training__replicas": 0}, r"training.replicas: found 0, allowed: an integer >= 1"),
        ({"training__replicas": 2, "run_dir": "here"}, r"run_dir: found 'here', allowed: null with training.replicas"),
        (
            {"training": {"seconds_budget": 3, "replicas": 2}, "optimizer__schedule": "constant"},
            r"training.replicas: found 2, allowed: 1 with training.seconds_budget. Replicas share the time",
        ),
        (
            {"training__replica_key": "optimizer.learning_rate"},
            r"training.replica_values: found nothing, allowed: a list of values for .*optimizer.learning_rate",
        ),
        ({"training__replica_key": "x" * 5000}, r"training.replica_values: found nothing, .{300,500}$"),
        ({"training__replica_values": [0.1]}, r"training.replica_values: found \[0.1\], allowed: null"),
        (
            {"training__replica_key": "optimizer.learning_rat", "training__replica_values": [0.1]},
            r"training.replica_key: .*Did you mean 'optimizer.learning_rate'\?",
        ),
        (
            {"training__replica_key": "model.hidden_size", "training__replica_values": [8, 9]},
            r"training.replica_key: found 'model.hidden_size', allowed: optimizer.learning_rate, .*sweep over them",
        ),
        (
            {"training__replica_key": "optimizer.b1", "training__replica_values": [0.1, 0.1]},
            r"training.replica_values: found \[0.1, 0.1\], allowed: at least one value, and none twice",
        ),
        (
            {"training__replica_key": "optimizer.b1", "training__replica_values": [0.1], "training__replicas": 3},
            r"training.replicas: found 3, allowed: 1, one for each replica value",
        ),
        (
            {"training__replica_key": "optimizer.momentum", "training__replica_values": [0.0, 0.9]},
            r"training.replica_values: .*momenta > 0",
        ),
        ({"training__devices": "some"}, r"training.devices: found 'some', allowed: an integer >= 1 or all"),
        (
            {"training__processes": 2, "training__process": 0},
            r"training.coordinator: found nothing, allowed: HOST:PORT of process 0, with training.process",
        ),
        (
            {"training__processes": 2, "training__process": 2, "training__coordinator": "localhost:1"},
            r"training.process: found 2, allowed: 0 to 1, with training.processes",
        ),
        (
            {"training__processes": 2, "training__replicas": 2},
            r"training.replicas: found 2, allowed: 1 with training.processes",
        ),
        (
            {"training": {"seconds_budget": 3}, "optimizer__schedule": "cosine"},
            r"optimizer.schedule: found 'cosine', allowed: constant or step with training.seconds_budget",
        ),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        Config.from_dict(changed(**changes))


def test_a_missing_section_is_named():
    for name in PLAIN:
        values = {key: value for key, value in PLAIN.items() if key != name}
        with pytest.raises(ConfigError, match=rf"^{name}: found nothing, allowed: a section with settings of {name}"):
            Config.from_dict(values)


# The command line


CASES = {
    "unknown key": (["model.hiden_size=3"], r"model.hiden_size: found '3', .*Did you mean 'model.hidden_size'\?"),
    "unknown key at the top": (["sed=3"], r"sed: found '3', allowed: data, model, .*Did you mean 'seed'\?"),
    "unknown group": (["trainig=reber"], r"trainig: found 'reber', .*Did you mean 'training'\?"),
    "unknown section": (["zzz.y=3"], r"zzz.y: found '3', allowed: data, model, network"),
    "added key": (["+foo=3"], r"foo: found 3, allowed: task, data, model"),
    "key of another cell": (["model=lstm", "model.reset_after=false"], r"model.reset_after: .*model.forget_bias"),
    "added option of a cell": (["+model.reset_aftr=false"], r"model.reset_aftr: .*Did you mean 'reset_after'\?"),
    "option of a cell": (["model.reset_after=maybe"], r"model.reset_after: found 'maybe', allowed: true or false"),
    "option of a task": (["task.state=keep"], r"task.state: found 'keep', allowed: carry or reset"),
    "option of data": (["data.train_size=3"], r"data.train_size: found 3, allowed: an integer >= 100 and <= 50000000"),
    "type": (["model.hidden_size=abc"], r"model.hidden_size: found 'abc', allowed: an integer >= 1 or null"),
    "empty": (["model.hidden_size="], r"model.hidden_size: found '', allowed: an integer >= 1 or null"),
    "range": (["model.input_dropout=1.0"], r"model.input_dropout: found 1.0, allowed: a number >= 0 and <= 0.99"),
    "infinite": (["optimizer.learning_rate=inf"], r"optimizer.learning_rate: found inf, allowed: a finite number"),
    "choice": (["training.precision=float16"], r"training.precision: found 'float16', allowed: float32 or bfloat16"),
    "model": (["model=grru"], r"model: found 'grru', allowed: coupled_lstm, gru, lstm, .*rnn. Did you mean 'gru'\?"),
    "task": (["task=sentimnt"], r"task: found 'sentimnt', allowed: anomaly"),
    "nested choice": (["task=language_modeling/x"], r"task: found 'language_modeling/x', allowed: anomaly"),
    "data": (["data=pbt"], r"data: found 'pbt', allowed: adding, .*Did you mean 'ptb'\?"),
    "launcher": (["hydra/launcher=slurm"], r"hydra/launcher: found 'slurm', allowed: basic"),
    "cell": (
        ["model.cell=grru"],
        r"model.cell: found 'grru', allowed: coupled_lstm or gru or lstm or .*Did you mean 'gru'\?",
    ),
    "source": (["data.source=pbt"], r"data: found 'pbt', .*Did you mean 'ptb'\?"),
    "no path": (["data=text_file"], r"data.path: found nothing, allowed: text. Set it: data.path=\.\.\."),
    "two budgets": (["training.updates=3", "training.epochs=3"], r"training.updates: .*exactly one budget"),
    "no budget": (["training.updates=null"], r"training.updates: found 'none', allowed: exactly one budget"),
    "bidirectional": (["model.bidirectional=true"], r"model.bidirectional: found true, allowed: false for"),
    "bracket": (["model.hidden_size=[1"], r"model.hidden_size: .\[1. cannot be read"),
    "no equals sign": (["foo"], r"arguments: found 'foo', allowed: settings as key=value"),
    "null for a group": (["model=null"], r"model: found nothing, allowed: coupled_lstm, gru, lstm, "),
    "number for a group": (["model=3"], r"model: found 3, allowed: coupled_lstm, gru, lstm, "),
    "settings for a group": (["model={cell: gru}"], r"model: found \{'cell': 'gru'\}, allowed: coupled_lstm, gru, "),
    "list for a group": (["data=[ptb,[1]]"], r"data: found \['ptb', \[1\]\], allowed: adding, "),
    "interpolation for a group": (["data=${.}"], r"data: found '\$\{\.\}', allowed: adding, "),
    "deletion of a number": (["~data=1"], r"data: found 1, allowed: adding, "),
    "no key": (["=null"], r"the command line cannot be read: '=null' has no key\. Settings are written key=value"),
    "no group": (["hydra=null"], r"hydra: found 'null', allowed: data, model, network"),
    "sweeps are no group": (["sweeps=gru"], r"sweeps: found 'gru', allowed: data, model, network"),
    "thousands of digits": (["seed=1" + "0" * 5000], r"the command line cannot be read: 'seed=10+\.\.\.: Exceeds the"),
    "very long name": (
        ["hydra/launcher=" + "x" * 3000],
        r"launcher: found 'x+\.\.\., allowed: the name of a pres",
    ),
    "choice of a sweep": (["-m", "model=gru,3"], r"model: found 3, allowed: coupled_lstm, gru, "),
    "too large": (["seed=1e30"], r"seed: found 1e\+30, allowed: an integer >= 0 and <= 2147483647"),
    "huge number": (["optimizer.learning_rate=1" + "0" * 400], r"learning_rate: found 10+\.\.\., .*a finite number"),
    "interpolation": (["data.seed=${foo}"], r"the command line cannot be read: Interpolation key 'foo' not found\."),
    "commas without -m": (["model=gru,lstm"], r"Ambiguous value .*'model=gru,lstm': add -m for a run with each value"),
    "fixed directory": (["-m", "run_dir=x", "seed=0,1"], r"run_dir: found 'x', allowed: nothing with -m, .*paths.runs"),
    "forced directory": (["seed=0,1", "++run_dir=x", "--multirun"], r"run_dir: found 'x', allowed: nothing with -m"),
    "choice in a sweep": (["-m", "model=gru,grru"], r"model: found 'grru', .*Did you mean 'gru'\?"),
    "key of one job": (["-m", "model=gru,lstm", "model.peepholes=true"], r"model.peepholes: found 'true', allowed: "),
    "key of all but one": (["-m", "model=gru,lstm", "model.reset_after=true"], r"settings that every job of the sweep"),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # the command sets it; this restores it
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_one_message_and_exit_code_2(here: Path, name: str):
    arguments, message = CASES[name]
    found = train("tracker=none", *arguments) if "-m" not in arguments else train(*arguments, "tracker=none")
    assert found.code == 2, found
    assert found.out == ""
    assert found.err.startswith("error: ")
    assert found.err.count("error:") == found.err.count("\n") == 1
    assert re.search(message, found.err), found.err
    assert not [path for path in here.iterdir() if path.name != "runs"]
    assert not list(here.glob("runs/**/record.json"))


def test_data_that_does_not_serve_the_task(here: Path):
    found = train("tracker=none", "task=music", "data=reber")
    assert found.code == 2
    assert "data: found 'reber', allowed: canon, jsb, muse, nottingham, piano" in found.err
    assert "task=music needs pieces, this source gives tokens: choose task=language_modeling." in found.err


def test_a_mirror_that_is_no_folder(here: Path, monkeypatch: pytest.MonkeyPatch):
    found = train("tracker=none", "paths.mirror=/not/there")
    assert found.code == 2
    assert found.err.startswith("error: paths.mirror: found '/not/there', allowed: an existing folder")
    monkeypatch.setenv("GRU_BENCH_MIRROR", "/nor/there")
    found = train("tracker=none")
    assert found.code == 2
    assert "found '/nor/there'" in found.err
    assert "GRU_BENCH_MIRROR" in found.err


@pytest.mark.parametrize("arguments", [["seed=-1"], ["model.hiden=1"]])
def test_debug_shows_the_traceback_before_the_message(here: Path, arguments: list[str]):
    found = train("tracker=none", "debug=true", *arguments)
    assert found.code == 2
    assert found.err.startswith("Traceback (most recent call last):")
    assert 'File "' in found.err
    assert found.err.splitlines()[-1].startswith("error: ")


def test_an_error_without_a_message_is_still_told(here: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(config: Config) -> int:
        raise AssertionError

    from gru_bench.compose import hydra_entry

    monkeypatch.setattr("tests.training.support.main", hydra_entry(broken))
    found = train("-m", "seed=0,1", f"paths.runs={here}")
    assert found.code == 1
    assert found.err.count("error: AssertionError") == 2
    assert "Sweep: 2 jobs, 0 finished, 2 not." in found.out
    assert "(AssertionError)" in found.out


def test_an_alternative_on_the_command_line_rules_out_that_of_the_preset(here: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[Config] = []

    def note(config: Config) -> int:
        seen.append(config)
        return 0

    from gru_bench.compose import hydra_entry

    monkeypatch.setattr("tests.training.support.main", hydra_entry(note))
    for arguments in (
        ["training.epochs=2"],
        ["training.updates=null", "training.epochs=2"],
        ["training.epochs=2", "training.flops_budget=null"],
        ["training.epochs=null"],
        ["model.parameter_budget=5000"],
        ["data=ptb", "training.seconds_budget=60"],
        ["data=ptb", "training=default", "network=char_256"],
        ["task=language_modeling", "data=tiny_shakespeare"],
    ):
        assert train(*arguments).code == 0, arguments
    budgets = [(config.training.updates, config.training.epochs, config.training.seconds_budget) for config in seen]
    assert budgets[:3] == [(None, 2.0, None)] * 3
    assert budgets[3] == (1500, None, None)
    assert (seen[4].model.hidden_size, seen[4].model.parameter_budget) == (None, 5000)
    assert budgets[5] == (None, None, 60.0)
    assert (seen[5].model.layers, seen[5].model.hidden_size, seen[5].optimizer.schedule) == (2, 200, "step")
    assert (seen[6].model.layers, seen[6].model.hidden_size) == (1, 256)
    assert budgets[6] == (None, 10.0, None)
    assert budgets[7][1:] == (None, None)
    assert seen[7].data.source == "tiny_shakespeare"


def test_settings_can_be_printed(here: Path):
    found = train("data=ptb", "model=lstm", "--cfg", "job")
    assert found.code == 0
    printed = yaml.safe_load(found.out)
    whole = {"train_fraction": 1.0, "label_noise": 0.0, "input_noise": 0.0, "missing_rate": 0.0, "draw_seed": 0}
    assert printed["data"] == {"source": "ptb", "class": preset_place("data", "ptb"), **whole}
    assert printed["model"]["cell"] == "lstm"
    assert printed["optimizer"]["decay_after_epochs"] == 4
    assert list(here.iterdir()) == []


def test_help_is_there_without_jax(tmp_path: Path):
    code = (
        "import sys\nfrom gru_bench.train import main\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n    print('code', stop.code, 'jax' in sys.modules, 'wandb' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "code 0 False False"
    for text in (
        "task: anomaly",
        "coupled_lstm, gru, lstm",
        "python -m gru_bench.train -m",
        "fresh=true",
    ):
        assert text in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_tilde_is_the_home_folder_wherever_runs_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Config.from_dict(changed(run_dir="~/exp")).directory == tmp_path / "exp"
    config = Config.from_dict(changed(paths__runs="~", paths__cache="~/cache", paths__mirror="~"))
    assert config.directory.is_relative_to(tmp_path / "language_modeling")
    assert (find_cache(config.paths), find_mirror(config.paths)) == (tmp_path / "cache", tmp_path)
    with pytest.raises(ConfigError, match=r"run_dir: found '~nobody-of-this-name/x', .*no such user"):
        Config.from_dict(changed(run_dir="~nobody-of-this-name/x")).directory  # noqa: B018
