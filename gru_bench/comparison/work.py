"""Trains runs of a comparison in several processes, shared with other calls for the same folder."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from gru_bench.comparison.request import Arm
from gru_bench.comparison.runs import Job, StopAt
from gru_bench.comparison.sizing import runs_at_once
from gru_bench.errors import UserError
from gru_bench.reproduction.sessions import sessions
from gru_bench.reproduction.training import launch_all, train_quietly
from gru_bench.training.run_directory import InUse

LOCKS = "locks"
_WAIT = 1.0  # seconds between looks at what other processes have ended


@dataclass(frozen=True)
class Session:
    """Runs that one program trains.

    Attributes:
        jobs: the runs.
        pruner: stops them; None: they are trained to their end.
    """

    jobs: tuple[Job, ...]
    pruner: StopAt | None

    @property
    def name(self) -> str:
        """A name of its own, the same in all processes."""
        named = "\n".join(f"{job.config.hash} {job.config.seed}" for job in self.jobs)
        return hashlib.sha256(f"{self.pruner}\n{named}".encode()).hexdigest()[:16]

    @property
    def left(self) -> list[Job]:
        """The runs that are still to be trained, of equal settings one."""
        jobs = {job.config.directory: job for job in self.jobs}.values()
        return [job for job in jobs if not (job.ended if self.pruner is None else job.reached(self.pruner.update))]


def sessions_of(
    jobs: Sequence[Job], workers: int, pruner: Callable[[Arm], StopAt | None] = lambda _: None
) -> list[Session]:
    """Return the sessions that train some runs; the same in every process, however often it was stopped.

    Args:
        jobs: the runs of all cells.
        workers: among which they are shared out.
        pruner: returns what stops the runs of a cell; None: they are trained to their end.
    """
    groups = sessions(jobs, runs_at_once(len(jobs), workers))
    return [Session(tuple(group), pruner(group[0].arm)) for group in groups]


@dataclass(frozen=True)
class Trainers:
    """Where sessions are trained.

    Attributes:
        folder: of the comparison; the locks of sessions are there.
        processes: each trains one session at a time.
        workers: how many of them there are.
        launcher: a preset of hydra/launcher that trains the runs instead; None: the processes.
        say: called with the session that has ended.
    """

    folder: Path
    processes: Executor
    workers: int
    launcher: str | None
    say: Callable[[Session], None]

    def train(self, wanted: Sequence[Session]) -> None:
        """Train sessions to their end; those that another process trains are waited for.

        Raises:
            UserError: something that a person can mend.
        """
        if self.launcher is not None:
            self._launch(wanted, self.launcher)
            return
        left = [session for session in wanted if session.left]
        running: dict[Future[float | UserError], tuple[Session, FileLock]] = {}
        try:
            while left or running:
                self._start(left, running)
                ended, _ = wait(running, timeout=_WAIT, return_when=FIRST_COMPLETED)
                for future in ended:
                    session, held = running.pop(future)
                    held.release()
                    self._end(session, future.result(), left)
                if not running:
                    time.sleep(0 if not left else _WAIT / 4)
                left = [session for session in left if session.left]
        except BrokenProcessPool:
            raise UserError(
                "A process that trained a run was ended from outside, perhaps as memory ran out. The same command goes "
                "on. In a script, call gru_bench.compare below `if __name__ == '__main__':`."
            ) from None

    def _start(self, left: list[Session], running: dict[Future[float | UserError], tuple[Session, FileLock]]) -> None:
        """Start sessions that no process trains, as long as workers are free."""
        for session in list(left):
            if len(running) >= self.workers:
                return
            held = lock(self.folder, session.name)
            try:
                held.acquire(timeout=0)
            except Timeout:
                continue
            left.remove(session)
            configs = [job.config for job in session.left]
            if not configs:  # its holder has just ended it
                held.release()
                continue
            running[self.processes.submit(train_quietly, configs, session.pruner)] = session, held

    def _end(self, session: Session, outcome: float | UserError, left: list[Session]) -> None:
        if isinstance(outcome, InUse):  # a process that was killed is not quite gone
            left.append(session)
        elif isinstance(outcome, UserError):
            raise outcome
        else:
            self.say(session)

    def _launch(self, wanted: Sequence[Session], launcher: str) -> None:
        """Train the runs of sessions with a launcher; one process at a time hands them out."""
        with lock(self.folder, "launcher"):
            for pruner in dict.fromkeys(session.pruner for session in wanted):
                of_pruner = [session for session in wanted if session.pruner == pruner]
                if jobs := [job for session in of_pruner for job in session.left]:
                    launch_all(jobs, launcher, pruner)
                for session in of_pruner:
                    if session.left:
                        raise UserError("The launcher ended before all runs were trained. The same command goes on.")
                    self.say(session)


def lock(folder: Path, name: str) -> FileLock:
    """Return a lock of a comparison that one process holds at a time; it ends with the process."""
    place = folder / LOCKS
    place.mkdir(parents=True, exist_ok=True)
    return FileLock(place / f"{name}.lock", thread_local=False)
