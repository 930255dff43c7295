"""Trains the runs of jobs: those of one program together, runs that share none side by side in processes."""

from __future__ import annotations

import functools
import io
import itertools
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from rich.console import Console

from gru_bench.compose import launch
from gru_bench.config import Config
from gru_bench.errors import UserError
from gru_bench.files import home_expanded
from gru_bench.machine_load import usable_cores
from gru_bench.record import FILE_NAME, read_record
from gru_bench.reproduction.measures import end_with_parent
from gru_bench.reproduction.plan import Job
from gru_bench.reproduction.sessions import Trainable, sessions
from gru_bench.session import run_session, train_together
from gru_bench.training.loop import Pruner
from gru_bench.training.signals import terminated

ENDED = ("finished", "diverged")

Outcome = tuple[list[Job], float | UserError]
"""Jobs whose runs have ended, and the seconds of their training, or what kept them from it."""


@contextmanager
def training_processes(at_once: int) -> Iterator[Executor]:
    """Yield processes that train with one core each; SIGINT and SIGTERM end their runs with a checkpoint.

    Args:
        at_once: how many processes there are at most, beside one for each core.
    """
    context = multiprocessing.get_context("spawn")
    with terminated(), ProcessPoolExecutor(_workers(at_once), context, _take_one_core) as processes:
        try:
            yield processes
        except KeyboardInterrupt:
            processes.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _workers(at_once: int) -> int:
    return min(at_once, usable_cores())


def _take_one_core() -> None:
    os.environ |= {"NPROC": "1", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal; the parent hears it too and sends SIGTERM
    end_with_parent()


def trained(jobs: Sequence[Job], at_once: int, processes: Executor) -> Iterator[Outcome]:
    """Train what is not trained yet, and yield jobs as their runs end.

    Args:
        jobs: of one part and setting.
        at_once: the greatest number of runs in one program.
        processes: where runs are trained that can share no program with others.
    """
    alone: list[tuple[list[Job], Config]] = []
    for session in sessions(jobs, at_once):
        match _unfinished(session):
            case []:
                yield session, 0.0
            case [config]:
                alone.append((session, config))
            case configs:
                yield session, train_quietly(configs)
    if at_once == 1 or len(alone) == 1:
        yield from ((session, train_quietly([config])) for session, config in alone)
    else:
        yield from _side_by_side(alone, processes, _workers(at_once))


def launched(jobs: Sequence[Job], launcher: str) -> Iterator[Outcome]:
    """Hand what is not trained yet to a launcher of Hydra, a run to each of its jobs."""
    left = {job.config.directory: job for job in jobs if not _ended(job.config)}
    began = time.monotonic()
    try:
        if left:
            launch_all(list(left.values()), launcher)
    except UserError as error:
        yield list(jobs), error
    else:
        each = (time.monotonic() - began) / len(jobs)
        yield from ((session, each * len(session)) for session in sessions(jobs, len(jobs)))


def launch_all(jobs: Sequence[Trainable], launcher: str, pruner: Pruner | None = None) -> None:
    """Train each run in a job of a launcher of Hydra, and return when all have ended.

    Args:
        jobs: at least one.
        launcher: a preset of hydra/launcher.
        pruner: may stop a run after an evaluation; it goes to other processes.

    Raises:
        UserError: the launcher failed.
    """
    folder = home_expanded(jobs[0].config.paths.runs, "paths.runs") / "sweeps"
    train = functools.partial(run_session, pruner=pruner)
    launch(train, [[*job.overrides, *_places(job.config)] for job in jobs], launcher, folder)


def _side_by_side(alone: Sequence[tuple[list[Job], Config]], processes: Executor, workers: int) -> Iterator[Outcome]:
    """Train each as a worker is free; what a worker has fetched it also trains, even after the signal to end."""
    left, running = iter(alone), dict[Future[float | UserError], list[Job]]()
    try:
        while True:
            for session, config in itertools.islice(left, workers - len(running)):
                running[processes.submit(train_quietly, [config])] = session
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    except BrokenProcessPool:
        raise UserError(
            "A process that trained a run was ended from outside, perhaps as memory ran out. The same command goes on; "
            "at_once=1 trains one run at a time."
        ) from None


def train_quietly(configs: Sequence[Config], pruner: Pruner | None = None) -> float | UserError:
    """Train runs in one program and return how long it took, or the error that a person can mend."""
    began = time.monotonic()
    try:
        train_together(configs, Console(file=io.StringIO()), pruner=pruner, presented=False)
    except UserError as error:
        return error
    return time.monotonic() - began


def _unfinished(session: Sequence[Job]) -> list[Config]:
    """Return the settings of the runs of a session that are not trained yet, each once."""
    configs = {job.config.directory: job.config for job in session}
    return [config for config in configs.values() if not _ended(config)]


def _ended(config: Config) -> bool:
    """Return whether a run was trained to its end, or diverged; the hash in its directory names its settings."""
    directory = config.directory
    return (directory / FILE_NAME).exists() and read_record(directory).status in ENDED


def _places(config: Config) -> list[str]:
    """Return the settings that say where a run of a launcher goes and where its data is."""
    known = {"paths.runs": config.paths.runs, "paths.mirror": config.paths.mirror, "paths.cache": config.paths.cache}
    return [f"{key}={value}" for key, value in known.items() if value is not None] + ["tracker=none"]
