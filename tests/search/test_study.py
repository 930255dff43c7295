"""The study in an SQLite file: what is tried, who holds a trial, what is told, and what another process sees."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gru_bench.errors import ConfigError, UserError
from gru_bench.search.space import Choice, Interval, Space
from gru_bench.search.trials import Outcome
from tests.training.support import ROOT, begin

if TYPE_CHECKING:
    from gru_bench.search.study import Study

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("optuna") is None, reason="Optuna is not installed (extra 'sweep')"
)

SPACE = Space(
    "all",
    {
        "model": Choice(("gru",)),
        "model.layer_norm": Choice((True, False)),
        "optimizer.learning_rate": Interval(1e-4, 1e-1, log=True),
        "optimizer.b1": Interval(0.0, 0.9),
        "model.output_dropout": Interval(0.0, 0.5, step=0.1),
        "model.hidden_size": Interval(4, 64, step=4),
        "training.batch_size": Interval(1, 64, step=1, log=True),
    },
)


def opened(folder: Path, name: str = "study.db", **changes: Any) -> Study:
    from gru_bench.search.study import Study

    given: dict[str, Any] = {"method": "random", "seed": 0, "prune": False, "direction": "min", "facts": {"task": "a"}}
    return Study(folder / name, SPACE, **{**given, **changes})


def finish(study: Study, count: int, values: dict[int, list[float]] | None = None) -> None:
    """Take trials until the study has `count`; each notes values at updates 10, 20, ... and ends."""
    while True:
        with study.claimed(count) as trial:
            if trial is None:
                return
            for step, value in enumerate((values or {}).get(trial.number, [float(trial.number)]), start=1):
                trial.report(10 * step, value)
            trial.tell("finished", updates=100, run=f"runs/{trial.number}")


# What is tried


def test_random_trials_are_those_of_their_numbers_whoever_asks(tmp_path: Path):
    finish(opened(tmp_path), 3)
    finish(opened(tmp_path), 5)
    trials = opened(tmp_path).trials
    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4]
    for trial in trials:
        assert trial.values == SPACE.draw(np.random.default_rng([0, trial.number]))
    other = tmp_path / "other"
    finish(opened(other, seed=1), 1)
    assert opened(other, seed=1).trials[0].values != trials[0].values


def test_optuna_fills_the_space_and_is_the_same_for_equal_seeds(tmp_path: Path):
    found = []
    for name in ("one", "other"):
        finish(opened(tmp_path / name, method="optuna"), 5)
        finish(opened(tmp_path / name, method="optuna"), 12)
        found.append([trial.values for trial in opened(tmp_path / name).trials])
    assert found[0] == found[1]
    assert len({str(values) for values in found[0]}) == 12
    for values in found[0]:
        assert list(values) == list(SPACE.parameters)
        assert values["model"] == "gru"
        assert isinstance(values["model.layer_norm"], bool)
        assert values["model.hidden_size"] in range(4, 65, 4)
        assert isinstance(values["training.batch_size"], int)
        assert 1e-4 <= float(values["optimizer.learning_rate"]) <= 1e-1


# Who holds a trial


def test_a_trial_that_is_held_is_nobody_elses(tmp_path: Path):
    study, other = opened(tmp_path), opened(tmp_path)
    with study.claimed(2) as first, other.claimed(2) as second, opened(tmp_path).claimed(2) as third:
        assert first is not None
        assert second is not None
        assert third is None
        assert (first.number, second.number) == (0, 1)
    assert [trial.outcome for trial in study.trials] == ["unfinished", "unfinished"]


def test_a_trial_that_was_left_is_gone_on_with(tmp_path: Path):
    with opened(tmp_path).claimed(3) as left:
        assert left is not None
        left.report(10, 0.5)
    with opened(tmp_path, seed=99).claimed(3) as again:
        assert again is not None
        assert (again.number, again.values) == (left.number, left.values)
        again.report(10, 7.0)  # the same evaluation, met again on the way from the last checkpoint
        again.report(20, 0.25)
        again.tell("finished")
    (trial,) = opened(tmp_path).trials
    assert (trial.outcome, trial.value) == ("finished", 0.25)
    with opened(tmp_path).claimed(0) as none:
        assert none is None


def test_processes_share_the_trials_of_a_study(tmp_path: Path):
    workers = [begin("tests.search.study_worker", "study.db", "12", cwd=tmp_path) for _ in range(3)]
    taken = []
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, err
        taken += [int(number) for number in out.split()]
    assert sorted(taken) == list(range(12))


def test_a_killed_process_lets_its_trial_go(tmp_path: Path):
    program = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from tests.search.study_worker import SPACE, Study\n"
        "study = Study(Path('study.db'), SPACE, method='random', seed=0, prune=False, direction='min', facts={})\n"
        "with study.claimed(5) as trial:\n"
        "    trial.report(1, 0.5)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, timeout=60)
    assert killed.returncode == -9
    done = subprocess.run(
        [sys.executable, "-m", "tests.search.study_worker", "study.db", "2"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["0", "1"], done.stderr


# What is told


def test_what_is_told_is_kept(tmp_path: Path):
    study = opened(tmp_path)
    told: tuple[tuple[Outcome, str], ...] = (
        ("finished", ""),
        ("pruned", "worse"),
        ("diverged", "loss is nan"),
        ("failed", "no"),
    )
    for outcome, reason in told:
        with study.claimed(9) as trial:
            assert trial is not None
            if outcome in ("finished", "pruned"):
                trial.report(10, 0.5)
                trial.report(20, 0.75)
            trial.tell(outcome, updates=20, reason=reason, run="runs/x")
    found = [(trial.outcome, trial.value, trial.updates, trial.reason, trial.run) for trial in opened(tmp_path).trials]
    assert found == [
        ("finished", 0.5, 20, "", "runs/x"),
        ("pruned", 0.5, 20, "worse", "runs/x"),
        ("diverged", None, 20, "loss is nan", "runs/x"),
        ("failed", None, 20, "no", "runs/x"),
    ]


@pytest.mark.parametrize("direction", ["min", "max"])
def test_a_trial_worse_than_the_median_is_hopeless_after_five(tmp_path: Path, direction: str):
    sign = 1 if direction == "min" else -1
    study = opened(tmp_path, prune=True, direction=direction)
    curves = {
        number: [sign * (1.0 + number), sign * (0.5 + number)] for number in range(6)
    }  # medians 3 and 2.5, without trial 4
    finish(study, 4, curves)
    with study.claimed(5) as early:
        assert early is not None
        early.report(10, sign * 99.0)
        assert early.prune_reason() == ""
        early.tell("failed")
    finish(study, 6, curves)
    with study.claimed(7) as trial:
        assert trial is not None
        trial.report(10, sign * 3.0)
        assert trial.prune_reason() == ""
        trial.report(20, sign * 3.5)
        assert "after 20 updates its best validation value" in trial.prune_reason()
    spared = opened(tmp_path, prune=False, direction=direction)
    with spared.claimed(7) as trial:
        assert trial is not None
        assert trial.prune_reason() == ""


# Files


def test_a_study_of_another_search_is_refused(tmp_path: Path):
    opened(tmp_path)
    with pytest.raises(ConfigError, match=r"one is of another \(task: a there, b now\)\. Choose another study="):
        opened(tmp_path, facts={"task": "b"})


def test_a_file_that_is_no_study_is_refused(tmp_path: Path):
    (tmp_path / "study.db").write_text("no database, and long enough not to be taken for an empty one" * 20)
    with pytest.raises(UserError, match=r"cannot be opened as the SQLite file of a study: .*not a database"):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["what?.db", "100%25.db", "a#b ü'.db"])
def test_the_file_has_the_name_that_was_given(tmp_path: Path, name: str):
    finish(opened(tmp_path, name), 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, name.removesuffix(".db")])
    assert len(opened(tmp_path, name).trials) == 1
