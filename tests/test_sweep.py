"""`python -m gru_bench.sweep`: trials are runs, outcomes are told, a stopped search goes on, the winner is named."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from gru_bench.arguments import run_command
from gru_bench.errors import ConfigError
from gru_bench.sweep import _check_files, sweep
from tests.search.spaces import write_space
from tests.training.support import Outcome, command, record, train

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="Optuna is not installed (extra 'sweep')"
)

SMALL = (
    "task=language_modeling",
    "tracker=none",
    "data.train_size=1500",
    "data.valid_size=300",
    "data.test_size=400",
    "training.batch_size=4",
    "training.eval_batch_size=4",
    "training.bptt_window=8",
    "training.updates=40",
    "training.eval_every=10",
    "training.checkpoint_every=5",
    "task.sample_length=0",
    "optimizer=sgd",
    "optimizer.schedule=constant",
    "optimizer.clip_norm=null",
)


def run(*arguments: str) -> Outcome:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run_command(sweep, list(arguments))
    return Outcome(code, out.getvalue(), err.getvalue())


def table(folder: Path) -> list[dict[str, str]]:
    (path,) = folder.glob("**/trials.csv")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], Outcome]:
    """A search with trials that finish, diverge and are not possible, its arguments and what it printed."""
    folder = tmp_path_factory.mktemp("searched")
    own = write_space(
        folder,
        model={"value": "gru"},
        model__hidden_size={"values": [8, 0]},
        optimizer__learning_rate={"values": [0.1, 1.0, 1e38]},
    )
    arguments = [f"space={own}", *SMALL, f"paths.runs={folder / 'runs'}", "search_seed=36", "trials=6"]
    return folder, arguments, run(*arguments)


def test_every_outcome_is_told_and_counted(searched: tuple[Path, list[str], Outcome]):
    folder, _, done = searched
    assert done.code == 0, done.err
    rows = table(folder)
    assert [row["trial"] for row in rows] == [str(number) for number in range(6)]
    for row in rows:
        if row["model.hidden_size"] == "0":
            assert row["outcome"] == "failed"
            assert "model.hidden_size: found 0, allowed: an integer >= 1" in row["reason"]
        elif float(row["optimizer.learning_rate"]) > 1:
            assert row["outcome"] == "diverged"
            assert re.search(r"(loss|gradient norm|nll on the validation split) is (nan|inf)", row["reason"])
        else:
            assert row["outcome"] == "finished"
            assert float(row["valid_nll"]) == record(Path(row["directory"]))["metrics"]["valid"]["nll"]
    outcomes = [row["outcome"] for row in rows]
    assert set(outcomes) == {"finished", "diverged", "failed"}
    for outcome in set(outcomes):
        assert f"{outcomes.count(outcome)} {outcome}" in done.out
        assert len(re.findall(rf"^Trial \d: {outcome}", done.out, re.M)) == outcomes.count(outcome)


def test_validation_selects_and_the_command_of_the_winner_runs(searched: tuple[Path, list[str], Outcome]):
    folder, _, done = searched
    finished = [row for row in table(folder) if row["outcome"] == "finished"]
    best = min(finished, key=lambda row: float(row["valid_nll"]))
    assert (
        f"Best: trial {best['trial']}, validation nll {float(best['valid_nll']):.5g}, {best['directory']}" in done.out
    )
    program, *arguments = shlex.split(done.out.splitlines()[-1])
    assert [program, *arguments[:3]] == ["python", "-m", "gru_bench.train", "-m"]
    assert arguments[-1] == "seed=1,2,3,4,5"
    again = train(*arguments[3:-1])
    assert again.code == 0, again.err
    assert "This run is finished" in again.out


def test_the_same_command_trains_nothing_again(searched: tuple[Path, list[str], Outcome]):
    _, arguments, done = searched
    again = run(*arguments)
    assert again.code == 0, again.err
    assert again.out == done.out[done.out.index("\n6 trials: ") :]
    shown = run(*arguments[:-1], "trials=0")
    assert shown.out == again.out


def test_pictures_are_drawn(searched: tuple[Path, list[str], Outcome]):
    folder, _, done = searched
    paths = sorted(folder.glob("runs/sweeps/**/*.png"))
    assert [path.name for path in paths] == ["budget.png", "parallel_coordinates.png"]  # no importance of so few
    assert all(path.read_bytes().startswith(b"\x89PNG") and str(path) in done.out for path in paths)


def test_a_trial_waits_for_a_run_that_another_process_is_at(
    searched: tuple[Path, list[str], Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder, arguments, _ = searched
    held = FileLock(Path(table(folder)[0]["directory"]) / "lock", thread_local=False)
    held.acquire()
    monkeypatch.setattr("gru_bench.sweep.time", SimpleNamespace(sleep=lambda seconds: held.release()))
    done = run(*arguments[:-1], "trials=1", f"study={tmp_path / 'other.db'}")
    assert done.code == 0, done.err
    assert "Waiting: " in done.out
    assert "Trial 0: finished" in done.out


@pytest.mark.slow
def test_a_killed_search_goes_on_within_its_trial(tmp_path: Path):
    own = write_space(tmp_path, model={"value": "gru"}, optimizer__learning_rate={"min": 0.1, "max": 1.0})
    arguments = [f"space={own}", *SMALL, "model.hidden_size=4", "trials=2"]
    killed = command("tests.search.stopped_sweep", "SIGKILL", "33", *arguments, cwd=tmp_path)
    assert killed.code == -9, killed.err
    done = command("gru_bench.sweep", *arguments, cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.count("Resuming from the checkpoint of update 30.") == 1
    assert re.findall(r"^Trial (\d) of 2", done.out, re.M) == ["0", "1"]
    straight = command("gru_bench.sweep", *arguments, "paths.runs=straight", "study=straight.db", cwd=tmp_path)
    assert straight.code == 0, straight.err
    columns = ("trial", "outcome", "optimizer.learning_rate", "valid_nll", "updates")
    found = [[{name: row[name] for name in columns} for row in table(tmp_path / at)] for at in ("runs", "straight")]
    assert found[0] == found[1]


@pytest.mark.slow
def test_a_trial_that_is_worse_than_the_median_is_pruned(tmp_path: Path):
    """This seed draws the rate of 1 five times, then the one that moves nothing; equal settings are one run."""
    own = write_space(tmp_path, model={"value": "gru"}, optimizer__learning_rate={"values": [1.0, 1e-6]})
    done = run(
        f"space={own}", *SMALL, "model.hidden_size=4", f"paths.runs={tmp_path / 'runs'}", "trials=7", "search_seed=36"
    )
    assert done.code == 0, done.err
    rows = table(tmp_path)
    assert [row["outcome"] for row in rows] == ["finished"] * 5 + ["pruned", "finished"]
    assert {row["valid_nll"] for row in rows[:5]} == {rows[6]["valid_nll"]}
    pruned = record(Path(rows[5]["directory"]))
    assert (pruned["status"], pruned["updates"], list(pruned["metrics"])) == ("pruned", 10, ["valid"])
    assert pruned["reason"] == rows[5]["reason"]
    assert "is worse than the median there" in pruned["reason"]
    assert "5 finished" not in done.out
    assert "6 finished, 1 pruned" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fresh=true"], "fresh: found 'true', allowed: nothing in a sweep. For a new search choose another study="),
        (["training.replicas=2"], "training.replicas: found '2', allowed: nothing in a sweep. A trial is one run."),
        (["study=here"], "study: found 'here', allowed: a file that ends in .db"),
        (["space=gruu"], "space: found 'gruu', allowed: gru, lstm"),
        (["method=grid"], "method: found 'grid', allowed: random or optuna"),
        (["model.hidden=3"], "model.hidden: found '3', allowed: model.hidden_size"),
        (
            ["model.update_bias=1", "model.output_dropout=0", "optimizer.learning_rate=1"],
            "space: found 'gru', allowed: one with several values of a setting",
        ),
    ],
)
def test_wrong_arguments_are_one_message(arguments: list[str], message: str, tmp_path: Path):
    given = ["space=gru", *SMALL, f"paths.runs={tmp_path}"]
    names = {text.partition("=")[0] for text in arguments}
    done = run(*(text for text in given if text.partition("=")[0] not in names), *arguments)
    assert done.code == 2
    assert message in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_study_is_one_of_the_files_content(tmp_path: Path):
    text = tmp_path / "a.txt"
    text.write_text("abc " * 2000)
    settings: dict[str, Any] = {"data": "text_file", "data.path": str(text), "paths.runs": str(tmp_path)}

    def opened() -> int:
        return sweep(space="gru", trials=0, study=tmp_path / "s.db", **settings)

    assert (opened(), opened()) == (0, 0)
    text.write_text("abd " * 2000)
    with pytest.raises(ConfigError, match=r"files\.data\.path"):
        opened()


def test_a_space_of_another_cell_stops_soon(tmp_path: Path):
    done = run("space=gru", "model=lstm", *SMALL, f"paths.runs={tmp_path}")
    assert done.code == 1
    assert len(re.findall(r"^Trial \d: failed \(model.update_bias: found ", done.out, re.M)) == 3
    assert done.err == "error: All 3 trials have failed, so the space or the settings are at fault.\n"


def test_without_optuna_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "gru_bench.search.study", raising=False)
    done = run("space=gru", *SMALL, f"paths.runs={tmp_path}")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "pip install 'gru_bench[sweep]'" in done.err


@pytest.mark.parametrize("name", ["mine.db", "mine/trials.csv", "mine/budget.png"])
def test_files_of_others_are_no_study(tmp_path: Path, name: str):
    (tmp_path / "mine").mkdir()
    (tmp_path / name).write_text("of somebody else")
    with pytest.raises(ConfigError, match=rf"study: found .*{name}.*Choose another study="):
        _check_files(tmp_path / "mine.db")
