"""The loop as the `train` command runs it, in this process: budgets, early stops, divergence, damage."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.errors import ConfigError
from gru_bench.session import run_session
from gru_bench.training.run import total_updates
from tests.test_config import changed
from tests.training.support import SMALL, UPDATES, arrays, assert_same_run, record, rows, stopped, train

WITHOUT_BUDGET = tuple(text for text in SMALL if not text.startswith("training.updates"))
QUIET = ("task.sample_length=0", "optimizer=sgd", "optimizer.schedule=constant")


def budget(**budgets: float | None) -> Config:
    return Config.from_dict(changed(training={"updates": None, **budgets}))


def test_budgets_in_updates():
    assert total_updates(budget(updates=7), 47, 100.0) == 7
    assert total_updates(budget(epochs=2), 47, 100.0) == 94
    assert total_updates(budget(epochs=0.5), 47, 100.0) == 24
    assert total_updates(budget(epochs=0.001), 47, 100.0) == 1
    assert total_updates(budget(flops_budget=1099), 47, 100.0) == 10
    assert total_updates(budget(flops_budget=100), 47, 100.0) == 1
    assert total_updates(budget(seconds_budget=60), 47, 100.0) is None
    with pytest.raises(
        ConfigError, match=r"training.flops_budget: found 99.0, allowed: at least .* of one update, 100"
    ):
        total_updates(budget(flops_budget=99), 47, 100.0)


def test_an_epoch_overrides_the_updates_of_the_preset(tmp_path: Path):
    done = train(*WITHOUT_BUDGET, "training.epochs=1", "training.eval_every=null", f"run_dir={tmp_path}")
    assert done.code == 0, done.err
    found = record(tmp_path)
    assert (found["updates"], found["epochs"], found["status"]) == (47, 1.0, "finished")
    assert [row["update"] for row in rows(tmp_path) if row["split"] == "valid"] == [47]


def test_a_budget_of_operations(tmp_path: Path, finished_run: Path):
    cost = record(finished_run)["flops_per_update"]
    done = train(*WITHOUT_BUDGET, *QUIET, f"training.flops_budget={10.9 * cost}", f"run_dir={tmp_path}/run")
    assert done.code == 0, done.err
    assert record(tmp_path / "run")["updates"] == 10
    done = train(*WITHOUT_BUDGET, *QUIET, f"training.flops_budget={0.9 * cost}", f"run_dir={tmp_path}/none")
    assert done.code == 2
    assert done.err.startswith("error: training.flops_budget: found ")
    assert record(tmp_path / "none")["status"] == "failed"


@pytest.mark.parametrize("seconds", [1e-9, 0.3])
def test_a_budget_of_seconds(tmp_path: Path, seconds: float):
    done = train(*WITHOUT_BUDGET, *QUIET, f"training.seconds_budget={seconds}", f"run_dir={tmp_path}")
    assert done.code == 0, done.err
    found = record(tmp_path)
    assert found["status"] == "finished"
    assert found["updates"] == 1 if seconds == 1e-9 else found["updates"] >= 1
    assert math.isfinite(found["metrics"]["test"]["nll"])


def test_patience_ends_a_run_that_no_longer_improves(tmp_path: Path):
    """With a rate that moves no weight all evaluations are equal: none improves, and the last one is kept."""
    settings = ("optimizer.learning_rate=1e-30", "training.eval_every=5", "training.patience=2")
    done = train(*SMALL, *QUIET, *settings, f"run_dir={tmp_path}")
    assert done.code == 0, done.err
    found = record(tmp_path)
    assert (found["status"], found["updates"], found["best_update"]) == ("finished", 15, 15)
    values = [row["nll"] for row in rows(tmp_path) if row["split"] == "valid"]
    assert values == [found["metrics"]["valid"]["nll"]] * 3


@pytest.fixture(scope="module")
def diverged_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("diverged")
    settings = ("optimizer.learning_rate=1e38", "optimizer.clip_norm=null", "training.checkpoint_every=1")
    done = train(*SMALL, *QUIET, *settings, f"run_dir={folder}")
    assert done.code == 1, done.err
    return folder, done.out


def test_a_run_that_diverges_stops_and_names_the_update(diverged_run: tuple[Path, str]):
    folder, out = diverged_run
    found = record(folder)
    assert found["status"] == "diverged"
    assert found["reason"] in ("loss is nan at update 2", "loss is inf at update 2", "gradient norm is nan at update 2")
    assert f"Stopped: {found['reason']}. Earlier checkpoints are kept" in out
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["update-000000001.npz"]
    kept = arrays(folder / "checkpoints" / "update-000000001.npz")
    numbers = {name: array for name, array in kept.items() if array.dtype.kind == "f"}
    assert any(array.size for array in numbers.values())
    for name, array in numbers.items():
        assert np.isfinite(array).all(), name
    assert "test" not in found["metrics"]


def test_a_diverged_run_is_not_gone_on_with(diverged_run: tuple[Path, str]):
    folder, _ = diverged_run
    settings = ("optimizer.learning_rate=1e38", "optimizer.clip_norm=null", "training.checkpoint_every=1")
    again = train(*SMALL, *QUIET, *settings, f"run_dir={folder}")
    assert again.code == 1
    assert again.err == (
        f"error: {folder} holds a run that diverged: {record(folder)['reason']}. fresh=true starts over.\n"
    )


def test_a_validation_metric_that_is_not_finite_is_divergence(tmp_path: Path):
    """The loss of the last update is fine; the weights that it leaves are not, and are never called the best."""
    settings = ("optimizer.learning_rate=1e38", "optimizer.clip_norm=null", "training.updates=1")
    done = train(*SMALL, *QUIET, *settings, f"run_dir={tmp_path}")
    assert done.code == 1, done.err
    found = record(tmp_path)
    assert found["status"] == "diverged"
    assert found["reason"] in (f"nll on the validation split is {value} at update 1" for value in ("nan", "inf"))
    assert not list((tmp_path / "checkpoints").glob("*"))


def test_a_damaged_checkpoint_costs_updates_but_no_numbers(tmp_path: Path, finished_run: Path):
    run = tmp_path / "run"
    assert stopped("SIGKILL", 33, *SMALL, "run_dir=run", cwd=tmp_path).code == -9
    newest, before = sorted((run / "checkpoints").glob("update-*"), reverse=True)
    assert [newest.name, before.name] == ["update-000000030.npz", "update-000000025.npz"]
    newest.write_bytes(newest.read_bytes()[:-100])
    done = train(*SMALL, f"run_dir={run}")
    assert done.code == 0, done.err
    assert "update-000000030.npz cannot be read" in done.out
    assert "Trying the one before it." in done.out
    assert "Resuming from the checkpoint of update 25." in done.out
    assert "The environment has changed" not in done.out
    assert_same_run(run, finished_run)


def test_all_checkpoints_damaged_is_an_error(tmp_path: Path, finished_run: Path):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    for path in (run / "checkpoints").glob("update-*"):
        path.write_bytes(b"")
    content = record(run) | {"status": "interrupted"}
    (run / "record.json").write_text(json.dumps(content))
    done = train(*SMALL, f"run_dir={run}")
    assert done.code == 1
    assert "No older one is intact; start over with fresh=true." in done.err
    assert record(run)["status"] == "failed"
    assert len(rows(run)) == len(rows(finished_run))


@pytest.fixture
def stopped_run(tmp_path: Path) -> Path:
    """A run that was stopped after 45 updates; its best weights are those of update 40, and so is a checkpoint."""
    assert stopped("SIGTERM", 43, *SMALL, "run_dir=run", cwd=tmp_path).code == 143
    names = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert names == ["best.npz", "update-000000040.npz", "update-000000043.npz"]
    return tmp_path / "run"


@pytest.mark.slow
def test_a_run_whose_checkpoints_are_gone_starts_anew_and_says_so(stopped_run: Path, finished_run: Path):
    for path in (stopped_run / "checkpoints").iterdir():
        path.unlink()
    done = train(*SMALL, f"run_dir={stopped_run}")
    assert done.code == 0, done.err
    assert f"There is no checkpoint in {stopped_run}, though its record tells of 43 updates" in done.out
    assert_same_run(stopped_run, finished_run)


def test_best_weights_that_are_damaged_come_back_from_their_checkpoint(stopped_run: Path, finished_run: Path):
    best = stopped_run / "checkpoints" / "best.npz"
    whole = arrays(best)
    best.write_bytes(best.read_bytes()[:-100])
    done = train(*SMALL, "training.updates=60", f"run_dir={stopped_run}")
    assert done.code == 0, done.err
    assert "best.npz cannot be read: " in done.out
    assert "Rewritten from the checkpoint of update 40." in done.out
    assert whole.keys() == arrays(best).keys()
    assert_same_run(stopped_run, finished_run)


@pytest.mark.slow
def test_best_weights_that_are_lost_are_told_of(stopped_run: Path, finished_run: Path):
    """A later evaluation is better here, so that the run can end."""
    (stopped_run / "checkpoints" / "best.npz").unlink()
    (stopped_run / "checkpoints" / "update-000000040.npz").unlink()
    done = train(*SMALL, f"run_dir={stopped_run}")
    assert done.code == 0, done.err
    assert "best.npz cannot be read: No such file or directory. The best weights so far, of update 40, are" in done.out
    assert_same_run(stopped_run, finished_run)


def test_best_weights_of_another_run_are_not_taken(tmp_path: Path, finished_run: Path):
    assert train(*SMALL, "seed=1", f"run_dir={tmp_path}/other").code == 0
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    for path in (run / "checkpoints").glob("*"):
        if path.name != f"update-{UPDATES:09d}.npz":
            path.unlink()
    shutil.copy(tmp_path / "other" / "checkpoints" / "best.npz", run / "checkpoints" / "best.npz")
    (run / "record.json").write_text(json.dumps(record(run) | {"status": "running", "metrics": {}}))
    done = train(*SMALL, f"run_dir={run}")
    assert done.code == 0, done.err
    assert "best.npz is that of another run: seed 1, expected 0. Rewritten" in done.out
    assert_same_run(run, finished_run)


def test_data_that_has_changed_is_no_run_to_go_on_with(tmp_path: Path):
    text = tmp_path / "text.txt"
    text.write_text("abcabcbacbabcab " * 200)
    settings = (
        "data=text_file",
        f"data.path={text}",
        "data.level=char",
        *(setting for setting in SMALL if not setting.startswith("data.")),
        "training.eval_every=2",
        "task.sample_length=0",
        f"run_dir={tmp_path}/run",
    )
    assert train(*settings, "training.updates=2").code == 0
    content = record(tmp_path / "run")
    (tmp_path / "run" / "record.json").write_text(json.dumps(content | {"status": "interrupted"}))
    text.write_text("abcabcbacbabcaa " * 200)
    done = train(*settings, "training.updates=2")
    assert done.code == 1
    assert "is that of another run: data " in done.err
    assert "start over with fresh=true" in done.err


def test_a_finished_training_is_only_scored_again(tmp_path: Path, finished_run: Path):
    """As after a stop between the last update and the end of the run."""
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    (run / "record.json").write_text(json.dumps(record(run) | {"status": "running", "metrics": {}}))
    done = train(*SMALL, f"run_dir={run}")
    assert done.code == 0, done.err
    assert f"Resuming from the checkpoint of update {UPDATES}." in done.out
    assert_same_run(run, finished_run)


def test_a_run_that_is_pruned_ends_and_can_be_resumed(tmp_path: Path, finished_run: Path):
    config = composed("task=language_modeling", *SMALL, f"run_dir={tmp_path}")
    told: list[tuple[int, float]] = []

    def pruner(settings: Config, update: int, value: float) -> str:
        assert settings == config
        told.append((update, value))
        return "worse than others" if update == 40 else ""

    assert run_session(config, pruner) == 0
    found = record(tmp_path)
    assert (found["status"], found["reason"], found["updates"]) == ("pruned", "worse than others", 40)
    assert list(found["metrics"]) == ["valid"]
    assert told == [(row["update"], row["nll"]) for row in rows(finished_run) if row["split"] == "valid"][:2]
    done = train(*SMALL, f"run_dir={tmp_path}")
    assert done.code == 0, done.err
    assert_same_run(tmp_path, finished_run)


def test_the_last_evaluation_prunes_nothing(tmp_path: Path):
    config = composed(*SMALL, "training.eval_every=60", f"run_dir={tmp_path}")
    assert run_session(config, lambda *_: "worse than others") == 0
    assert record(tmp_path)["status"] == "finished"
