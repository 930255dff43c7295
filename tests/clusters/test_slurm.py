"""A sweep on a Slurm of this machine that `scripts/slurm_local.sh` starts; one job is out of time and requeued."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clusters.sweep import SWEEP, assert_same_sweep, undisturbed, wait
from tests.training.support import ROOT, SMALL, begin, record

SCRIPT = ROOT / "scripts" / "slurm_local.sh"


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Slurm of this machine, for the time of a test."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    missing = [name for name in ("sbatch", "/usr/sbin/slurmctld", "/usr/sbin/munged") if shutil.which(name) is None]
    if missing or os.getuid() != 0:
        pytest.skip(f"needs root and Debian's slurm-wlm and munge; missing: {', '.join(missing) or 'root'}")
    folder = tmp_path / "slurm"
    started = subprocess.run([SCRIPT, "start", folder], capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    monkeypatch.setenv("SLURM_CONF", started.stdout.strip().partition("=")[2])
    yield
    subprocess.run([SCRIPT, "stop", folder], check=True)
    assert list(folder.glob("*.pid")) == []


def job(task: str) -> dict[str, str]:
    """Return what Slurm knows of a job."""
    done = subprocess.run(["scontrol", "-o", "show", "job", task], capture_output=True, text=True, check=True)
    return dict(re.findall(r"(\w+)=(\S*)", done.stdout))


def limit(task: str, minutes: int) -> None:
    subprocess.run(["scontrol", "update", f"jobid={task}", f"TimeLimit={minutes}"], check=True)


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_a_job_out_of_time_is_requeued_and_the_table_stays(
    slurm: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The job stands still until Slurm, two minutes before its time is up, wakes it and sends the signal."""
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "true")
    launcher = ("hydra/launcher=submitit_slurm", "hydra.launcher.partition=debug")
    with begin("gru_bench.train", *SWEEP, *launcher, f"paths.cache={tmp_path}/cache", cwd=tmp_path) as process:
        first = tmp_path / "kept/language_modeling/reber"
        wait(lambda: bool(list(first.glob("gru-*/seed0/checkpoints/update-*.npz"))), process)
        (run,) = first.glob("gru-*/seed0")
        number = json.loads((run / "owner.json").read_text())["process"]
        os.kill(number, signal.SIGSTOP)
        (task,) = (text for text in tasks() if text.endswith("_0"))
        hours, minutes, _ = (int(part) for part in job(task)["RunTime"].split(":"))
        limit(task, 60 * hours + minutes + 2)
        wait(lambda: job(task)["Restarts"] == "1", process)
        limit(task, 60)
        out, err = process.communicate(timeout=2400)
    assert process.returncode == 0, out + err
    assert "Sweep: 6 jobs, 6 finished, 0 not." in out
    log = (run / "log.txt").read_text(encoding="utf-8")
    stopped = re.search(r"SIGUSR2: stopped at update (\d+)\.", log)
    assert stopped is not None
    assert f"Resuming from the checkpoint of update {int(stopped[1]):,}." in log
    assert "The environment has changed" not in log
    alone = tmp_path / "alone"
    alone.mkdir()
    assert_same_sweep(tmp_path, undisturbed(alone))
    assert record(run)["status"] == "finished"


def tasks() -> list[str]:
    """Return the names of the tasks that run."""
    done = subprocess.run(["squeue", "-h", "-r", "-o", "%i"], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.stress
@pytest.mark.timeout(3600)
def test_two_tasks_of_srun_train_one_run(slurm: None, tmp_path: Path):
    arguments = (*SMALL, "training.updates=20", "training.eval_every=10", "run_dir=run")
    train = [sys.executable, "-m", "gru_bench.train", *arguments, "training.processes=2"]
    done = subprocess.run(
        ["srun", "-n2", *train],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = record(tmp_path / "run")
    assert (found["status"], found["updates"]) == ("finished", 20)
    assert found["config"]["training"]["processes"] == 2
    assert done.stdout.count("recurrent parameters") == 1
