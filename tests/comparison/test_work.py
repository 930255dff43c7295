"""Sessions are trained once, shared with other processes, and tried again where a run is still held."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gru_bench.comparison import work
from gru_bench.comparison.request import Request, read_arms
from gru_bench.comparison.runs import Job, StopAt
from gru_bench.comparison.work import Session, Trainers, sessions_of
from gru_bench.config import Config
from gru_bench.errors import UserError
from gru_bench.training.run_directory import InUse
from tests.reproduction.test_training import Here

REQUEST = Request(
    arms=read_arms("gru,lstm"),
    minutes=5.0,
    trials=None,
    seeds=None,
    margin=None,
    match="hidden_size",
    size="fixed",
    settings={"task": "memory"},
)


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Four runs of each cell, which have ended where their directory is there."""
    monkeypatch.setattr(Job, "ended", property(lambda job: job.config.directory.exists()))
    runs = f"paths.runs={tmp_path}"
    return [
        Job(arm, REQUEST.config(arm, runs, f"seed={seed}"), (f"seed={seed}",))
        for arm in REQUEST.arms
        for seed in range(4)
    ]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The seeds of each session that is trained; training makes directories."""
    seen: list[list[int]] = []

    def train_quietly(configs: Sequence[Config], pruner: Any) -> float:
        seen.append([config.seed for config in configs])
        for config in configs:
            config.directory.mkdir(parents=True)
        return 0.0

    monkeypatch.setattr(work, "train_quietly", train_quietly)
    return seen


def _trainers(folder: Path, said: list[Session]) -> Trainers:
    return Trainers(folder, Here(), 2, None, said.append)


def test_each_session_is_trained_once(jobs: list[Job], trained: list[list[int]], tmp_path: Path):
    said: list[Session] = []
    sessions = sessions_of(jobs, 2)
    assert [len(session.jobs) for session in sessions] == [4, 4]
    _trainers(tmp_path, said).train(sessions)
    assert trained == [[0, 1, 2, 3]] * 2
    assert sorted(session.name for session in said) == sorted(session.name for session in sessions)
    _trainers(tmp_path, said).train(sessions)
    assert len(trained) == 2


def test_runs_that_have_ended_are_left_out(jobs: list[Job], trained: list[list[int]], tmp_path: Path):
    jobs[1].config.directory.mkdir(parents=True)
    _trainers(tmp_path, []).train(sessions_of(jobs[:4], 1))
    assert trained == [[0, 2, 3]]


def test_a_session_of_another_process_is_waited_for(jobs: list[Job], trained: list[list[int]], tmp_path: Path):
    first, second = sessions_of(jobs, 2)
    trainers = _trainers(tmp_path, [])
    held = work.lock(tmp_path, first.name)
    held.acquire()

    def end_elsewhere() -> None:
        for job in first.jobs:
            job.config.directory.mkdir(parents=True)
        held.release()

    other = threading.Timer(0.5, end_elsewhere)
    other.start()
    trainers.train([first, second])
    other.join()
    assert trained == [[0, 1, 2, 3]]
    assert not second.left


def test_a_run_that_is_still_held_is_tried_again(jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    outcomes: list[float | UserError] = [InUse("held by a process that ends"), 1.0]

    def train_quietly(configs: Sequence[Config], pruner: Any) -> float | UserError:
        outcome = outcomes.pop(0)
        for config in configs if outcome == 1.0 else ():
            config.directory.mkdir(parents=True)
        return outcome

    monkeypatch.setattr(work, "train_quietly", train_quietly)
    _trainers(tmp_path, []).train(sessions_of(jobs[:4], 1))
    assert not outcomes


def test_what_a_person_can_mend_is_raised(jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(work, "train_quietly", lambda configs, pruner: UserError("the disk is full"))
    with pytest.raises(UserError, match="the disk is full"):
        _trainers(tmp_path, []).train(sessions_of(jobs, 2))


def test_a_launcher_gets_the_runs_that_are_left(jobs: list[Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given: list[tuple[int, str, StopAt | None]] = []

    def launch_all(jobs: Sequence[Job], launcher: str, pruner: StopAt | None) -> None:
        given.append((len(jobs), launcher, pruner))
        for job in jobs:
            job.config.directory.mkdir(parents=True)

    monkeypatch.setattr(work, "launch_all", launch_all)
    jobs[0].config.directory.mkdir(parents=True)
    sessions = sessions_of(jobs, 2, lambda arm: None)
    Trainers(tmp_path, Here(), 2, "joblib", lambda session: None).train(sessions)
    assert given == [(7, "joblib", None)]
    monkeypatch.setattr(work, "launch_all", lambda *_: None)
    lost = Job(jobs[0].arm, jobs[0].config.with_values({"seed": 77}), ())
    with pytest.raises(UserError, match="The launcher ended before all runs were trained"):
        Trainers(tmp_path, Here(), 2, "joblib", lambda session: None).train(sessions_of([lost], 2))


def test_the_rung_stops_a_run_from_its_update_on(jobs: list[Job]):
    stop = StopAt(6)
    assert not stop(jobs[0].config, 3, 1.0)
    assert stop(jobs[0].config, 6, 1.0)
