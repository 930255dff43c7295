"""Runs what claims need, session by session, and writes each row down as soon as it is there."""

from __future__ import annotations

import importlib.metadata
import io
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from gru_bench.claims.claim import RESULTS_FILE, Claim
from gru_bench.claims.rows import Row, append_rows, read_rows
from gru_bench.compose import launch
from gru_bench.config import Config
from gru_bench.errors import ConfigError, UserError
from gru_bench.files import home_expanded
from gru_bench.record import FILE_NAME, RunRecord, read_record
from gru_bench.reproduction.measures import Numbers, measure
from gru_bench.reproduction.plan import Job, Planner, missing
from gru_bench.reproduction.run_numbers import run_numbers
from gru_bench.reproduction.sessions import sessions
from gru_bench.session import run_session, train_together
from gru_bench.training.environment import device, versions
from gru_bench.training.run import now

ENDED = ("finished", "diverged")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a claim is, in jobs."""

    claim: str
    done: int
    total: int
    seconds: float
    fresh: int
    text: str

    @property
    def seconds_left(self) -> float | None:
        """Return the seconds that the rest of the claim should take, at the pace since this call began."""
        return None if not self.fresh else self.seconds / self.fresh * (self.total - self.done)


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """Where the rows go and how the runs are made.

    Attributes:
        out: the folder of experiments.
        at_once: how many runs are trained in one program at most.
        launcher: a preset of hydra/launcher, or None: in this process.
        process: where all is measured that is no run.
        say: told of each group of rows.
    """

    out: Path
    at_once: int
    launcher: str | None
    process: Executor
    say: Callable[[Progress], None]

    def rows(self, claim: Claim) -> list[Row]:
        """Return the rows that a claim has."""
        return read_rows(self.out / claim.name / RESULTS_FILE)

    def run(self, claim: Claim, planner: Planner) -> list[str]:
        """Make the rows that a claim lacks; return what could not be made, a line each.

        Raises:
            UserError: rows cannot be written.
            Interrupted: SIGINT or SIGTERM came; the same call goes on from there.
        """
        jobs, failures = planner.jobs(claim)
        wanted = missing(jobs, self.rows(claim))
        began, fresh = time.monotonic(), 0
        done = len(jobs) - len(wanted)
        for group in _groups(wanted, self.at_once if self.launcher is None else len(wanted)):
            try:
                rows = self._rows(group)
            except UserError as error:
                failures.append(f"{claim.name}, {_about(group)}: {error}")
                continue
            append_rows(self.out / claim.name / RESULTS_FILE, rows, claim.numbers)
            done, fresh = done + len(group), fresh + len(group)
            seconds = time.monotonic() - began
            text = f"{_about(group)}: {_told(rows)}"
            self.say(Progress(claim=claim.name, done=done, total=len(jobs), seconds=seconds, fresh=fresh, text=text))
        return failures

    def _rows(self, group: Sequence[Job]) -> list[Row]:
        part = group[0].part
        began = time.monotonic()
        trained = part.measure == "run" or part.trained
        records = self._train(group) if trained else {}
        if part.measure == "run":
            rows = [_run_row(job, *records[job.config.directory]) for job in group]
        else:
            fit = [job for job in group if not trained or records[job.config.directory][0].status == "finished"]
            found, load = measure(fit, self.process) if fit else ([], None)
            numbers = dict(found)
            rows = [_measured_row(job, numbers.get(job.key), load) for job in group]
        seconds = (time.monotonic() - began) / len(group)
        return [replace(row, seconds=round(seconds, 3), numbers=_kept(row, part.numbers)) for row in rows]

    def _train(self, group: Sequence[Job]) -> dict[Path, tuple[RunRecord, Path]]:
        """Train what is not trained yet, and return the records by run directory."""
        members = {job.config.directory: job for job in group}
        left = [job for directory, job in members.items() if not _ended(directory)]
        if self.launcher is None:
            for together in sessions(left, self.at_once):
                train_together([job.config for job in together], Console(file=io.StringIO()), pictures=False)
        elif left:
            commands = [[*job.overrides, *_places(job.config)] for job in left]
            launch(
                run_session, commands, self.launcher, home_expanded(group[0].config.paths.runs, "paths.runs") / "sweeps"
            )
        return {directory: (read_record(directory), directory) for directory in members}


def _groups(jobs: Sequence[Job], at_once: int) -> Iterator[list[Job]]:
    """Yield jobs that are done together: runs by program; measures by part and setting, arms in turn."""
    for _, of_part in itertools.groupby(jobs, key=lambda job: (job.key.part, job.key.setting)):
        together = list(of_part)
        if together[0].part.measure == "run":
            yield from sessions(together, at_once)
        else:
            yield together


def _ended(directory: Path) -> bool:
    """Return whether a run was trained to its end, or diverged; the hash in its directory names its settings."""
    return (directory / FILE_NAME).exists() and read_record(directory).status in ENDED


def _places(config: Config) -> list[str]:
    """Return the settings that say where a run of a launcher goes and where its data is."""
    known = {"paths.runs": config.paths.runs, "paths.mirror": config.paths.mirror, "paths.cache": config.paths.cache}
    return [f"{key}={value}" for key, value in known.items() if value is not None] + ["tracker=none"]


def _run_row(job: Job, record: RunRecord, directory: Path) -> Row:
    if record.status not in ENDED:
        raise UserError(f"{directory}: the run is {record.status} ({record.reason or 'no reason is known'}).")
    numbers = run_numbers(record, directory, job.target) if record.status == "finished" else {}
    return Row(
        key=job.key,
        config_hash=job.config.hash,
        overrides=" ".join(job.overrides),
        code_version=_version(record.versions),
        device=record.device,
        at_once=int(record.speed.get("replicas", 1)),
        other_load=record.speed.get("other_load"),
        seconds=0.0,
        ended=record.ended or now(),
        status=record.status,
        numbers=numbers,
    )


def _measured_row(job: Job, numbers: Numbers | None, load: float | None) -> Row:
    return Row(
        key=job.key,
        config_hash=job.config.hash,
        overrides=" ".join(job.overrides),
        code_version=_version(versions()),
        device=device(),
        at_once=1,
        other_load=None if load is None else round(load, 3),
        seconds=0.0,
        ended=now(),
        status="diverged" if numbers is None else "finished",
        numbers=numbers or {},
    )


def _kept(row: Row, names: Sequence[str]) -> Numbers:
    """Return the numbers that a part asks for.

    Raises:
        ConfigError: the measure has no such number.
    """
    for name in names:
        if row.status == "finished" and name not in row.numbers:
            raise ConfigError(f"numbers of part {row.key.part}", name, ", ".join(row.numbers))
    return {name: row.numbers.get(name) for name in names}


def _version(known: dict[str, str | None]) -> str:
    release = known.get("gru_bench") or importlib.metadata.version("gru_bench")
    return f"{release} {known.get('commit') or ''}".strip()


def _about(group: Sequence[Job]) -> str:
    """Name a group of jobs in a few words."""
    keys = [job.key for job in group]
    first = keys[0]
    arms = dict.fromkeys(f"{key.arm}{f' at {key.level}' if key.level else ''}" for key in keys)
    named = ", ".join(itertools.islice(arms, 4)) + (f" and {len(arms) - 4} more" if len(arms) > 4 else "")
    seeds = sorted({key.seed for key in keys})
    told = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    return f"{first.part} {first.setting} {named}, {told}"


def _told(rows: Sequence[Row]) -> str:
    """Tell the first number of some rows."""
    values = [value for row in rows if (value := next(iter(row.numbers.values()), None)) is not None]
    name = next(iter(rows[0].numbers), "")
    lost = sum(row.status != "finished" for row in rows)
    told = f"{name} {min(values):.4g} to {max(values):.4g}" if values else "no number"
    return told + (f", {lost} diverged" if lost else "")
