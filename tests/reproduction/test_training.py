from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gru_bench.config import Config
from gru_bench.errors import ConfigError, UserError
from gru_bench.reproduction import training
from gru_bench.reproduction.plan import Job
from gru_bench.reproduction.training import trained, training_processes
from tests.reproduction.folder import write_experiments
from tests.reproduction.test_plan import jobs_of


class Here(Executor):
    """Runs what it gets at once, and counts it."""

    def __init__(self) -> None:
        self.calls = 0

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        self.calls += 1
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> list[list[Config]]:
    """The programs that are trained, which write nothing."""
    seen: list[list[Config]] = []

    def train_together(configs: Sequence[Config], *_: Any, **__: Any) -> int:
        if configs[0].seed == 1001:
            raise ConfigError("data.seed", 1001, "another one")
        seen.append(list(configs))
        return 0

    monkeypatch.setattr(training, "train_together", train_together)
    return seen


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    first, *_ = jobs_of(write_experiments(tmp_path / "experiments"), [], "tuning")
    config = first.config.with_values({"paths.runs": str(tmp_path)})
    return [dataclasses.replace(first, config=config.with_values({"seed": seed})) for seed in (1000, 1002, 1003)]


def _drawn(job: Job) -> Job:
    return dataclasses.replace(job, config=job.config.with_values({"data.seed": job.config.seed}))


def test_runs_of_one_program_are_trained_here(jobs: list[Job], programs: list[list[Config]]):
    processes = Here()
    ((session, seconds),) = trained(jobs, 10, processes)
    assert session == jobs
    assert isinstance(seconds, float)
    assert [len(program) for program in programs] == [3]
    assert processes.calls == 0


def test_runs_of_different_data_are_trained_side_by_side(jobs: list[Job], programs: list[list[Config]]):
    processes = Here()
    apart = [_drawn(job) for job in jobs]
    assert sorted(job.config.seed for session, _ in trained(apart, 10, processes) for job in session) == [
        1000,
        1002,
        1003,
    ]
    assert [len(program) for program in programs] == [1, 1, 1]
    assert processes.calls == 3


def test_a_worker_gets_a_run_when_it_is_free(
    jobs: list[Job], programs: list[list[Config]], monkeypatch: pytest.MonkeyPatch
):
    """What waits in a pool would still be trained after a signal to end."""
    monkeypatch.setattr(training, "usable_cores", lambda: 2)
    submitted: list[Future[Any]] = []

    class Slow(ThreadPoolExecutor):
        def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
            assert sum(not future.done() for future in submitted) < 2
            submitted.append(super().submit(lambda: (time.sleep(0.2), function(*arguments, **named))[1]))
            return submitted[-1]

    with Slow(2) as pool:
        assert len(list(trained([_drawn(job) for job in jobs], 10, pool))) == 3


def test_one_run_alone_needs_no_other_process(jobs: list[Job], programs: list[list[Config]]):
    processes = Here()
    assert len(list(trained(jobs[:1], 10, processes))) == 1
    assert len(list(trained([_drawn(job) for job in jobs], 1, processes))) == 3
    assert processes.calls == 0


def test_a_run_that_cannot_be_trained_stops_no_other(jobs: list[Job], programs: list[list[Config]]):
    wrong = dataclasses.replace(jobs[0], config=jobs[0].config.with_values({"seed": 1001}))
    outcomes = [outcome for _, outcome in trained([_drawn(job) for job in (wrong, *jobs)], 10, Here())]
    assert sum(isinstance(outcome, UserError) for outcome in outcomes) == 1
    assert len(programs) == 3


def test_a_message_crosses_processes():
    with training_processes(1) as processes:
        error = processes.submit(_refuse).result()
    assert str(error) == "data.seed: found 3, allowed: another one. Do so."
    assert (error.key, error.exit_code) == ("data.seed", 2)


def _refuse() -> ConfigError:
    return ConfigError("data.seed", 3, "another one", "Do so.")
