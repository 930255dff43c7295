"""Replicas and devices as the `train` command runs them, on devices that XLA makes of cores."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from gru_bench.config import EXECUTION
from gru_bench.errors import ConfigError
from gru_bench.sections import OptimizerConfig
from gru_bench.training.layout import make_layout
from gru_bench.training.lengths import store
from gru_bench.training.replicas import Replicas
from tests.training.small import Parts, make_batches, make_parts
from tests.training.support import (
    ROOT,
    SMALL,
    UPDATES,
    arrays,
    assert_same_run,
    command,
    items_counted,
    record,
    rows,
    stopped,
    train,
)

GRAMMAR = (
    "tracker=none",
    "task=sentiment",
    "task.samples=0",
    "data.train_size=600",
    "data.valid_size=100",
    "data.test_size=100",
    "model.hidden_size=8",
    "model.embedding_size=8",
    "training.batch_size=16",
)
CHAOS = (
    "tracker=none",
    "task=time_series",
    "model.hidden_size=8",
    "training.batch_size=16",
    "training.epochs=null",
)
HUNDRED = ("training.epochs=null", "training.updates=100", "training.eval_every=50", "paths.runs=kept")


def in_process(*arguments: str, cwd: Path, devices: int) -> None:
    """Train in a process of its own that has so many devices."""
    done = subprocess.run(
        [sys.executable, "-m", "gru_bench.train", *arguments],
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def seeds(folder: Path) -> list[Path]:
    return sorted(folder.glob("kept/*/*/*/seed*"))


def assert_close(one: Path, other: Path, tolerance: float, name: str) -> None:
    found, expected = (arrays(run / "checkpoints" / name) for run in (one, other))
    assert found.keys() == expected.keys()
    for key, array in found.items():
        np.testing.assert_allclose(array, expected[key], rtol=0, atol=tolerance, err_msg=f"{one}: {key}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "settings"),
    [("sentiment", GRAMMAR), ("language_modeling", SMALL), ("time_series", CHAOS)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_replicas_have_the_parameters_of_separate_runs(task: str, settings: tuple[str, ...], tmp_path: Path):
    """Sentiment draws dropout masks and has batches of several lengths, which differ from seed to seed."""
    together, apart = tmp_path / "together", tmp_path / "apart"
    together.mkdir()
    in_process(*settings, *HUNDRED, "training.replicas=3", cwd=together, devices=2)
    done = train(*settings, *HUNDRED, "seed=2", f"paths.runs={apart}/kept")
    assert done.code == 0, done.err
    runs = seeds(together)
    assert [run.name for run in runs] == ["seed0", "seed1", "seed2"]
    run = runs[2]
    alone = apart / run.relative_to(together)
    for name in ("best.npz", "update-000000100.npz"):
        assert_close(run, alone, 1e-5, name)
    ours, theirs = record(run), record(alone)
    for key in ("config_hash", "seed", "scored", "updates", "epochs", "baselines", "status", "parameters"):
        assert ours[key] == theirs[key], key
    assert ours["metrics"]["test"] == pytest.approx(theirs["metrics"]["test"], abs=1e-4)
    assert {name: ours["config"][name] for name in ours["config"] if name != "paths"} == {
        name: theirs["config"][name] for name in theirs["config"] if name != "paths"
    }
    assert (ours["speed"]["replicas"], theirs["speed"]["replicas"]) == (3, 1)
    done = command("gru_bench.evaluate", f"run={runs[1]}", cwd=tmp_path)
    assert done.code == 0, done.out + done.err


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of three replicas of the small run, trained by the command itself; tests only read it."""
    folder = tmp_path_factory.mktemp("group")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")  # one row of four is a filler
        done = command("gru_bench.train", *SMALL, "training.replicas=3", "paths.runs=kept", cwd=folder)
    assert done.code == 0, done.err
    assert "3 of 3 replicas" in done.out
    return folder


def test_a_replica_is_an_ordinary_run(group: Path, finished_run: Path):
    runs = seeds(group)
    assert len(runs) == 3
    assert_same_run(runs[0], finished_run)
    for index, run in enumerate(runs):
        found = record(run)
        assert (found["seed"], found["status"]) == (index, "finished")
        assert {name: found["config"]["training"][name] for name in EXECUTION} == {
            "updates_per_dispatch": 10,
            "replicas": 1,
            "replica_key": None,
            "replica_values": None,
            "devices": 1,
            "processes": 1,
            "process": None,
            "coordinator": None,
        }
        log = (run / "log.txt").read_text()
        assert log.count("run directory") == log.count("Sample:") == 1
        assert (run / "figures" / "learning_curve.png").exists()
    again = train(*SMALL, "seed=2", f"paths.runs={group}/kept")
    assert again.code == 0
    assert "This run is finished" in again.out


def test_filler_rows_are_not_counted(group: Path):
    """Items per second times seconds are the items that the run itself learned from."""
    for run in seeds(group):
        assert items_counted(run) == pytest.approx(UPDATES * 4 * 8, rel=1e-9)  # sequences x time steps of a batch


def test_the_report_leaves_shared_times_out(group: Path):
    done = command("gru_bench.report", "kept", "csv=runs.csv", cwd=group)
    assert done.code == 0, done.err
    text = " ".join(done.out.split())
    assert "gru: of 3 runs 3 trained at once with other replicas; no speed is shown." in text


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [("SIGKILL", -9), ("SIGINT", 130)])
def test_an_interrupted_group_goes_on_as_one(how: str, code: int, group: Path, tmp_path: Path):
    arguments = (*SMALL, "training.replicas=3", "paths.runs=kept")
    done = stopped(how, 33, *arguments, cwd=tmp_path)
    assert done.code == code, done.err
    runs = seeds(tmp_path)
    status = "running" if how == "SIGKILL" else "interrupted"
    assert [record(run)["status"] for run in runs] == [status] * 3
    if how == "SIGINT":
        assert done.out.count("SIGINT: stopped at update 33.") == 3
        alone = train(*SMALL, "seed=1", f"paths.runs={tmp_path}/kept")
        assert alone.code == 0, alone.err
        assert "Resuming from the checkpoint of update 33." in alone.out
    else:
        newest = sorted((runs[1] / "checkpoints").glob("update-*"))[-1]
        assert newest.name == "update-000000030.npz"
        newest.unlink()  # as if the group had been killed while it wrote its checkpoints
    again = command("gru_bench.train", *arguments, cwd=tmp_path)
    assert again.code == 0, again.err
    assert f"Resuming from the checkpoint of update {33 if how == 'SIGINT' else 25}." in again.out
    assert again.out.count("This run is finished") == (1 if how == "SIGINT" else 0)
    for run, expected in zip(runs, seeds(group), strict=True):
        assert_same_run(run, expected)


@pytest.mark.slow
def test_replicas_of_learning_rates_end_on_their_own(tmp_path: Path):
    """One diverges at once, one stops early, the others go on; each is the run that it would be alone."""
    settings = (*SMALL, "optimizer=sgd", "optimizer.clip_norm=null", "training.patience=1", "training.eval_every=10")
    swept = "training.replica_key=optimizer.learning_rate"
    values = "training.replica_values=[1e38,1e-30,0.1,0.2]"
    done = command("gru_bench.train", *settings, swept, values, "paths.runs=kept", cwd=tmp_path)
    assert done.code == 1, done.err
    runs = {record(run)["config"]["optimizer"]["learning_rate"]: run for run in seeds(tmp_path)}
    found = {rate: record(run) for rate, run in runs.items()}
    assert found[1e38]["status"] == "diverged"
    assert found[1e38]["reason"].endswith("at update 2")
    assert (found[1e-30]["status"], found[1e-30]["updates"]) == ("finished", 20)
    assert (found[0.2]["status"], found[0.2]["updates"]) == ("finished", UPDATES)
    alone = train(*settings, "optimizer.learning_rate=0.2", f"paths.runs={tmp_path}/alone")
    assert alone.code == 0, alone.err
    (expected,) = tmp_path.glob("alone/*/*/*/seed0")
    assert expected.parent.name == runs[0.2].parent.name
    assert_close(runs[0.2], expected, 1e-5, f"update-{UPDATES:09d}.npz")
    rates = [row["learning_rate"] for row in rows(runs[0.1]) if row["split"] == "train"]
    assert rates == pytest.approx([0.1] * len(rates))
    again = command("gru_bench.train", *settings, swept, values, "paths.runs=kept", cwd=tmp_path)
    assert again.code == 1
    assert again.out.count("This run is finished") == 3
    assert "holds a run that diverged" in again.err


@pytest.mark.slow
def test_four_devices_share_a_batch(tmp_path: Path):
    """Dropout masks and the carry are shared out as well."""
    settings = (*SMALL, "model=lstm", "model.output_dropout=0.3", "training.updates=20", "training.eval_every=10")
    for devices in ("1", "all"):
        in_process(*settings, f"training.devices={devices}", f"run_dir=on-{devices}", cwd=tmp_path, devices=4)
    assert_close(tmp_path / "on-all", tmp_path / "on-1", 1e-5, "update-000000020.npz")
    assert command("gru_bench.evaluate", f"run={tmp_path / 'on-all'}", cwd=tmp_path).code == 0


def updated(layout: Replicas, update: Any, parts: Sequence[Parts], count: int) -> tuple[Any, Any]:
    """Return states and metrics of runs after some updates."""
    batches = [part.batches[:count] for part in parts]
    rows = [() if run is None else batches[run] for run in layout.rows]
    states = layout.join([part.state for part in parts])
    placed = layout.place(store(rows, make_batches(), 2))
    return layout.compile(update)(states, placed, layout.counts(count), layout.scalars([{}] * len(parts)))


def assert_updated(layout: Replicas, states: Any, metrics: Any, parts: Sequence[Parts], count: int) -> None:
    """Assert that states and losses are those of each run alone."""
    losses, norms = layout.losses(metrics)
    assert losses.shape == norms.shape == (2, len(parts))
    for run, part in enumerate(parts):
        state = part.state
        for index in range(count):
            state, told = jax.jit(part.update)(state, part.batches[index])
            np.testing.assert_allclose(losses[index, run], told.loss, rtol=1e-5)
        for found, expected in zip(
            jax.tree.leaves(layout.gather(states, run).params), jax.tree.leaves(state.params), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("one_by_one", [True, False])
def test_both_ways_to_compute_replicas_agree_with_separate_runs(one_by_one: bool):
    parts = [make_parts(OptimizerConfig(learning_rate=0.01), seed=seed, output_dropout=0.3) for seed in range(3)]
    layout = Replicas(3, make_batches(), jax.local_devices(), one_by_one=one_by_one)
    states, metrics = updated(layout, lambda state, batch, _: parts[0].update(state, batch), parts, 2)
    assert_updated(layout, states, metrics, parts, 2)


def test_rows_without_a_run_are_skipped():
    parts = [make_parts(OptimizerConfig(learning_rate=0.01), seed=seed) for seed in range(2)]
    layout = Replicas(3, make_batches(), jax.local_devices()[:1], one_by_one=True)
    layout.arrange(2)
    assert layout.rows == [0, 1, None]
    states, metrics = updated(layout, lambda state, batch, _: parts[0].update(state, batch), parts, 1)
    assert np.asarray(states.update).tolist() == [1, 1, 0]
    assert_updated(layout, states, metrics, parts, 1)


def test_the_runs_that_are_left_are_spread_over_the_devices():
    layout = Replicas(5, make_batches(), [jax.local_devices()[0]] * 2, one_by_one=True)
    assert layout.rows == [0, 2, 4, 1, 3, None]
    layout.arrange(2)
    assert layout.rows == [0, None, None, 1, None, None]


def test_devices_that_are_not_there_or_cannot_share_are_refused(monkeypatch: pytest.MonkeyPatch):
    batches = make_batches()
    with pytest.raises(ConfigError, match=r"training.devices: found 64, allowed: at most \d+, or all"):
        make_layout(1, 32, batches, 64)
    monkeypatch.setattr("jax.local_devices", lambda: [None] * 3)
    with pytest.raises(ConfigError, match=r"training.batch_size: found 32, allowed: a multiple of 3 with .*=all"):
        make_layout(1, 32, batches, "all")


@pytest.mark.slow
def test_bfloat16_reaches_the_metric_of_float32(tmp_path: Path):
    """Paired by seed, the mean difference is no greater than what seeds alone make."""
    found: dict[str, list[float]] = {}
    for precision in ("float32", "bfloat16"):
        settings = ("tracker=none", "training.replicas=3", f"training.precision={precision}", "paths.runs=kept")
        done = command("gru_bench.train", *settings, cwd=tmp_path)
        assert done.code == 0, done.err
    for run in seeds(tmp_path):
        values = record(run)
        found.setdefault(values["config"]["training"]["precision"], []).append(values["metrics"]["test"]["nll"])
    difference = np.subtract(found["bfloat16"], found["float32"])
    assert difference.size == 3
    assert abs(difference.mean()) <= 2 * np.std(found["float32"], ddof=1)
