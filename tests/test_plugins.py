"""Tasks, data and a cell of a package outside gru_bench, through every command."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gru_bench import load_run
from gru_bench.errors import UserError
from gru_bench.evaluate import evaluate
from gru_bench.predict import main as predict
from gru_bench.report import report
from tests.training.support import ROOT, arrays, command, record, rows, stopped, train

CONFIGS = Path(__file__).parent / "plugins" / "configs"
SETTINGS = (
    "--config-dir",
    str(CONFIGS),
    "tracker=none",
    "model.hidden_size=6",
    "training.batch_size=4",
    "training.eval_batch_size=4",
    "training.bptt_window=8",
    "training.updates=6",
    "training.eval_every=3",
    "training.checkpoint_every=1",
)
CASES = {
    "recurrences": (["01231", "44"], ("accuracy",)),
    "reversal": (["123", "5"], ("nll", "exact")),
    "next_item": (["1,2,3", "7"], ("nll", "recall_at_3", "mrr")),
}


@pytest.fixture(scope="module", params=CASES)
def trained_plugin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A finished run of a task outside gru_bench."""
    folder = tmp_path_factory.mktemp(request.param)
    done = train(*SETTINGS, f"task={request.param}", f"run_dir={folder}/run")
    assert done.code == 0, done.err
    return request.param, folder / "run"


def test_it_trains_evaluates_predicts_and_is_reported(
    trained_plugin: tuple[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    name, run = trained_plugin
    known = record(run)
    assert known["status"] == "finished"
    assert set(known["metrics"]["test"]) == set(CASES[name][1])
    assert known["flops_per_update"] > 0
    assert known["parameters"]["recurrent"] == sum(
        array.size for place, array in arrays(run / "checkpoints/best.npz").items() if "/weights/" in place
    )
    assert evaluate(run=run, plugins=f"tests.plugins.{name}") == 0
    prompts = CASES[name][0]
    assert predict([f"run={run}", f"plugins=tests.plugins.{name}", *prompts, f"out={tmp_path}/out.json"]) == 0
    assert len(json.loads((tmp_path / "out.json").read_text())) == len(prompts)
    report(run.parent, csv="none", html=tmp_path / "report.html")
    assert name in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "DIFFERENT" not in capsys.readouterr().out


def test_gates_of_all_parts_are_measured(trained_plugin: tuple[str, Path]):
    name, run = trained_plugin
    layers = {"reversal": {"encoder/layer0", "decoder/layer0"}}.get(name, {"layer0"})
    gates = {key for row in rows(run) for key in row if key.endswith("/update/mean")}
    assert {key.removeprefix("gates/").removesuffix("/forward/update/mean") for key in gates} == layers


def test_a_run_directory_executes_nothing(trained_plugin: tuple[str, Path], capsys: pytest.CaptureFixture[str]):
    name, run = trained_plugin
    with pytest.raises(UserError, match=rf"{name}:.* none of gru_bench.*plugins=tests"):
        load_run(run)
    assert predict([f"run={run}", CASES[name][0][0]]) == 1
    assert "plugins=" in capsys.readouterr().err


def test_a_planted_class_is_never_imported(trained_plugin: tuple[str, Path], tmp_path: Path, monkeypatch: Any):
    """A record is somebody's file: neither a module beside it nor one of the standard library is touched."""
    _, run = trained_plugin
    (tmp_path / "planted.py").write_text("raise SystemExit('executed')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = (run / "record.json").read_text(encoding="utf-8")
    values = json.loads(text)
    try:
        for section in ("task", "data", "model"):
            planted = {**values, "config": {**values["config"]}}
            planted["config"][section] = {**values["config"][section], "class": "planted:Class"}
            (run / "record.json").write_text(json.dumps(planted), encoding="utf-8")
            with pytest.raises(UserError, match="planted:Class"):
                load_run(run, plugins=["tests.plugins"])
        assert "planted" not in sys.modules
    finally:
        (run / "record.json").write_text(text, encoding="utf-8")


@pytest.mark.slow
def test_two_replicas_are_the_runs_that_they_would_be_alone(trained_plugin: tuple[str, Path], tmp_path: Path):
    name, run = trained_plugin
    done = train(*SETTINGS, f"task={name}", "training.replicas=2", f"paths.runs={tmp_path}")
    assert done.code == 0, done.err
    (first,) = tmp_path.glob("**/seed0")
    assert len(list(tmp_path.glob("**/record.json"))) == 2
    assert record(first)["metrics"]["test"] == pytest.approx(record(run)["metrics"]["test"], rel=1e-4)


@pytest.mark.slow
def test_it_resumes_bit_identically_after_a_kill(trained_plugin: tuple[str, Path], tmp_path: Path):
    name, run = trained_plugin
    arguments = (*SETTINGS, f"task={name}", "run_dir=run")
    assert stopped("SIGKILL", 4, *arguments, cwd=tmp_path).code == -signal.SIGKILL
    assert record(tmp_path / "run")["status"] == "running"
    done = command("gru_bench.train", *arguments, cwd=tmp_path)
    assert done.code == 0, done.err
    assert record(tmp_path / "run")["metrics"] == record(run)["metrics"]
    for file in ("best.npz", "update-000000006.npz"):
        again, whole = (arrays(folder / "checkpoints" / file) for folder in (tmp_path / "run", run))
        assert again.keys() == whole.keys()
        assert all(np.array_equal(again[place], whole[place]) for place in whole)


@pytest.mark.slow
def test_it_logs_to_wandb(trained_plugin: tuple[str, Path], tmp_path: Path):
    name, _ = trained_plugin
    settings = [setting for setting in SETTINGS if setting != "tracker=none"]
    done = command(
        "gru_bench.train",
        *settings,
        f"task={name}",
        "tracker=wandb",
        "tracker.mode=offline",
        "run_dir=run",
        cwd=tmp_path,
    )
    assert done.code == 0, done.err
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))


def test_a_cell_of_ones_own_says_which_weights_are_recurrent_kernels(tmp_path: Path):
    done = train(*SETTINGS, "task=recurrences", "model=leaky", f"run_dir={tmp_path}/run")
    assert done.code == 0, done.err
    saved = load_run(tmp_path / "run", plugins=["tests.plugins"])
    assert saved.record.cell_options == {"leak": 0.5}
    wrong = train(*SETTINGS, "task=recurrences", "model=leaky", "model.leak=much", f"run_dir={tmp_path}/other")
    assert wrong.code == 2
    assert "model.leak: found 'much', allowed: a number" in wrong.err


@pytest.mark.slow
def test_the_page_on_extending_is_a_whole_example(tmp_path: Path):
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    for language, text in re.findall(r"^```(python|yaml)\n(.*?)^```", page, re.M | re.S):
        place = tmp_path / re.match(r"# ([\w./]+)", text)[1]  # pyright: ignore[reportOptionalSubscript]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        assert text.count("\n") < 60, f"{place.name} ({language})"
    first, second, third = re.findall(r"^    python -m (\S+) (.*)$", page, re.M)
    done = command(first[0], *shlex.split(first[1]), "tracker=none", cwd=tmp_path)
    assert done.code == 0, done.err
    (run,) = tmp_path.glob("runs/my_task/my_data/*")
    for module, arguments in (second, third):
        done = command(module, *shlex.split(arguments.replace("RUN", run.name)), cwd=tmp_path)
        assert done.code == 0, done.err
    assert done.out.strip() in ("even", "odd")


def test_the_presets_of_gru_bench_and_of_a_package_name_their_classes(tmp_path: Path):
    for file in sorted(CONFIGS.glob("*/*.yaml")):
        assert yaml.safe_load(file.read_text())["class"].startswith("tests.plugins.")
    done = train(
        "--config-dir", str(CONFIGS), "task=recurrences", "data=reber", "tracker=none", f"run_dir={tmp_path}/run"
    )
    assert done.code == 2
    assert "task=recurrences needs tagged, this source gives tokens" in done.err
