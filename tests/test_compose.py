"""Launchers of Hydra with the presets of `configs/launchers`, as `train -m` uses them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from gru_bench.classes import configs_folder
from gru_bench.compose import composed
from gru_bench.config import Config
from tests.training.support import ROOT, SMALL, assert_same_run, begin, command, record

EXTRAS = {"joblib": "sweep", "submitit_local": "slurm", "submitit_slurm": "slurm", "ray": "ray"}
NO_PLUGINS = """
import sys, types
sys.modules["hydra_plugins"] = package = types.ModuleType("hydra_plugins")
package.__path__ = []
from gru_bench.train import main
main()
"""


def need(launcher: str) -> None:
    """Skip a test whose launcher is not installed."""
    pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")


def runs(folder: Path) -> list[Path]:
    return sorted(folder.glob("kept/*/*/*/seed*"))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep over two seeds in one process of one thread; tests only read it."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("NPROC", "1")
        done = command("gru_bench.train", "-m", *SMALL, "seed=0,1", "paths.runs=kept", cwd=folder)
    assert done.code == 0, done.err
    return folder


@pytest.mark.parametrize(
    "launcher",
    [pytest.param("joblib", marks=pytest.mark.slow), pytest.param("submitit_local", marks=pytest.mark.stress)],
)
def test_many_processes_make_the_runs_of_one(launcher: str, alone: Path, tmp_path: Path):
    need(launcher)
    done = command(
        "gru_bench.train", "-m", *SMALL, "seed=0,1", "paths.runs=kept", f"hydra/launcher={launcher}", cwd=tmp_path
    )
    assert done.code == 0, done.err
    assert "Sweep: 2 jobs, 2 finished, 0 not." in done.out
    for found, expected in zip(runs(tmp_path), runs(alone), strict=True):
        assert_same_run(found, expected)
        assert record(found)["threads"] == record(expected)["threads"] == 1


@pytest.mark.parametrize(
    ("launcher", "key"), [("joblib", "hydra.launcher.n_jobs"), ("submitit_local", "hydra.sweeper.max_batch_size")]
)
def test_processes_share_the_cores(launcher: str, key: str, tmp_path: Path):
    need(launcher)
    show = (f"hydra/launcher={launcher}", "--cfg", "all", "--resolve")
    cores = len(os.sched_getaffinity(0))
    name = key.rpartition(".")[2]
    for threads, processes in ((1, cores), (cores, 1), (cores + 1, 1)):
        done = command("gru_bench.train", f"hydra.job.env_set.NPROC={threads}", *show, cwd=tmp_path)
        assert f"{name}: {processes}\n" in done.out, done.err
    assert f"{name}: 7\n" in command("gru_bench.train", f"{key}=7", *show, cwd=tmp_path).out


@pytest.mark.parametrize("launcher", EXTRAS)
def test_a_launcher_that_is_not_installed_is_one_message(launcher: str, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", NO_PLUGINS, "-m", f"hydra/launcher={launcher}", "seed=0,1"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        f"error: hydra/launcher: found '{launcher}', allowed: a launcher that is installed. "
        f"Install it: pip install 'gru_bench[{EXTRAS[launcher]}]'\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("task=sentiment", "data=sst2", "model=lstm", "training.updates=null", "training.epochs=3", "seed=4"),
        ("task=time_series", "data.horizon=7", 'run_dir="a b=c"', "paths.runs=${paths.cache}", "paths.cache=kept"),
        ("training.replica_key=optimizer.learning_rate", "training.replica_values=[1e-3,0.01]", "++task.state=reset"),
        ("tracker=none", "~debug", "optimizer=sgd"),
    ],
)
def test_presets_that_are_composed_once_give_what_hydra_gives(arguments: tuple[str, ...]):
    with initialize_config_dir(str(configs_folder()), version_base="1.3"):
        values: Any = OmegaConf.to_container(hydra_compose("train", overrides=list(arguments)), resolve=True)
    values["training"] |= {"updates": None} if "training.epochs=3" in arguments else {}
    for _ in range(2):  # the second time from presets that are there
        assert composed(*arguments) == Config.from_dict(values)


def test_an_unknown_launcher_and_an_unknown_setting_of_one(tmp_path: Path):
    done = command("gru_bench.train", "-m", "hydra/launcher=joblob", "seed=0,1", cwd=tmp_path)
    assert done.code == 2
    choices = "basic, joblib, ray, submitit_local, submitit_slurm"
    assert f"hydra/launcher: found 'joblob', allowed: {choices}. Did you mean 'joblib'?" in done.err
    done = command("gru_bench.train", "-m", "hydra.launcher.jobs=3", "seed=0,1", cwd=tmp_path)
    assert done.code == 2
    assert "hydra.launcher.jobs: found '3', allowed: a setting of Hydra or of its launcher. --cfg" in done.err


@pytest.mark.slow
def test_two_sweeps_into_one_folder_at_once(alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Both want both runs. Each run is made once, as if it were alone; who comes too late is told so."""
    monkeypatch.setenv("NPROC", "1")
    arguments = ("-m", *SMALL, "paths.runs=kept")
    sweeps = [begin("gru_bench.train", *arguments, f"seed={seeds}", cwd=tmp_path) for seeds in ("0,1", "1,0")]
    ended = [(*process.communicate(timeout=600), process.returncode) for process in sweeps]
    assert len(list(tmp_path.glob("kept/sweeps/*/*/outcome.json"))) == 4
    assert len(list(tmp_path.glob("kept/sweeps/*"))) == 2
    for out, err, code in ended:
        told = out.count("This run is finished") + err.count(" is in use by process ")
        assert "Traceback" not in err
        assert (code == 0) == ("is in use" not in err), err
        assert told <= 2
    assert sum(out.count("trained     60 updates") for out, _, _ in ended) >= 2
    for found, expected in zip(runs(tmp_path), runs(alone), strict=True):
        assert_same_run(found, expected)


@pytest.mark.stress
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_leaves_no_process_and_goes_on(number: int, alone: Path, tmp_path: Path):
    need("joblib")
    arguments = ("-m", *SMALL, "seed=0,1", "paths.runs=kept", "hydra/launcher=joblib")
    with begin("gru_bench.train", *arguments, cwd=tmp_path) as process:
        while process.poll() is None and not list(tmp_path.glob("kept/*/*/*/seed*/checkpoints/best.npz")):
            time.sleep(0.01)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    done = command("gru_bench.train", *arguments, cwd=tmp_path)
    assert done.code == 0, done.err
    for found, expected in zip(runs(tmp_path), runs(alone), strict=True):
        assert_same_run(found, expected)
