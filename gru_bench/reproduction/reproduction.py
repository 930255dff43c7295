"""Runs what claims need, session by session, and writes each row down as soon as it is there."""

from __future__ import annotations

import importlib.metadata
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from gru_bench.checkout import code_version
from gru_bench.claims.claim import RESULTS_FILE, SETTINGS_FILE, Claim
from gru_bench.claims.rows import Row, append_rows, read_rows
from gru_bench.errors import ConfigError, UserError
from gru_bench.record import BETTER, RunRecord, read_record
from gru_bench.reproduction.measures import Numbers, measure
from gru_bench.reproduction.plan import Job, Planner, missing
from gru_bench.reproduction.provenance import other_versions
from gru_bench.reproduction.run_numbers import run_numbers
from gru_bench.reproduction.training import ENDED, Outcome, launched, trained
from gru_bench.training.environment import device
from gru_bench.training.run import now

_Make = Callable[[Sequence[Job], float], list[Row]]


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
        trainers: where runs are trained that can share no program with others.
        say: called with each group of rows.
    """

    out: Path
    at_once: int
    launcher: str | None
    process: Executor
    trainers: Executor
    say: Callable[[Progress], None]

    def run(self, claim: Claim, planner: Planner) -> list[str]:
        """Make the rows that a claim lacks; return what could not be made, a line each.

        Raises:
            UserError: rows cannot be written.
            Interrupted: SIGINT or SIGTERM came; the same call goes on from there.
        """
        path = self.out / claim.name / RESULTS_FILE
        failures: list[str] = []
        for _ in range(1 + max(part.extensions for part in claim.parts.values())):
            rows = read_rows(path)
            jobs, failures = planner.jobs(claim, rows)
            if other := other_versions(path, jobs, rows):
                return [*failures, other]
            wanted = missing(jobs, rows)
            failures += self._make(claim, path, wanted, len(jobs))
            if failures or not wanted:
                break
        return failures

    def _make(self, claim: Claim, path: Path, wanted: Sequence[Job], total: int) -> list[str]:
        began, fresh = time.monotonic(), 0
        done = total - len(wanted)
        stopped: dict[tuple[str, str, str], list[Job]] = {}
        for _, of_part in itertools.groupby(wanted, key=lambda job: (job.key.part, job.key.setting)):
            for made, rows in self._rows(list(of_part)):
                if isinstance(rows, UserError):
                    key = made[0].key
                    stopped.setdefault((key.part, key.setting, str(rows)), []).extend(made)
                    continue
                append_rows(path, rows, claim.numbers)
                done, fresh = done + len(made), fresh + len(made)
                seconds = time.monotonic() - began
                text = f"{_about(made)}: {_numbers_in_words(rows)}"
                self.say(Progress(claim=claim.name, done=done, total=total, seconds=seconds, fresh=fresh, text=text))
        return [f"{claim.name}, {_about(jobs)}: {error}" for (_, _, error), jobs in stopped.items()]

    def _rows(self, jobs: Sequence[Job]) -> Iterator[tuple[Sequence[Job], list[Row] | UserError]]:
        """Yield rows of one part and setting as they are made, or what kept them from it, with the jobs they are of."""
        part = jobs[0].part
        if part.measure != "run" and not part.trained:
            yield jobs, _attempt(self._measured_rows, jobs, 0.0)
            return
        ready: list[Job] = []
        training = 0.0
        for made, outcome in self._trained(jobs):
            if isinstance(outcome, UserError):
                yield made, outcome
            elif part.measure == "run":
                yield made, _attempt(_run_rows, made, outcome)
            else:
                ready += made
                training += outcome
        if ready:
            yield ready, _attempt(self._measured_rows, ready, training)

    def _trained(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        if self.launcher is not None:
            return launched(jobs, self.launcher)
        return trained(jobs, self.at_once, self.trainers)

    def _measured_rows(self, jobs: Sequence[Job], training: float) -> list[Row]:
        began = time.monotonic()
        fit = [job for job in jobs if not job.part.trained or _record(job).status == "finished"]
        found, load = measure(fit, self.process) if fit else ([], None)
        numbers = dict(found)
        rows = [_measured_row(job, numbers.get(job.key), load) for job in jobs]
        return _completed(rows, jobs, training + time.monotonic() - began)


def _attempt(make: _Make, jobs: Sequence[Job], seconds: float) -> list[Row] | UserError:
    """Return the rows of jobs, or why there are none."""
    try:
        return make(jobs, seconds)
    except UserError as error:
        return error


def _run_rows(jobs: Sequence[Job], seconds: float) -> list[Row]:
    return _completed([_run_row(job, _record(job)) for job in jobs], jobs, seconds)


def _completed(rows: Sequence[Row], jobs: Sequence[Job], seconds: float) -> list[Row]:
    """Give rows their share of the time that all took, and of their numbers those that the part asks for."""
    each = round(seconds / len(jobs), 3)
    return [
        replace(row, seconds=each, numbers=_kept(row, job.part.numbers)) for row, job in zip(rows, jobs, strict=True)
    ]


def _record(job: Job) -> RunRecord:
    """Return the record of the run of a job.

    Raises:
        UserError: it has none, or another version of the code made it than the one that the rows are to be of.
        ConfigError: the setting holds more of its metric for better where less is, or less where more is.
    """
    directory = job.config.directory
    record = read_record(directory)
    version = _version(record.versions)
    if job.key.scale != "smoke" and version != code_version():
        raise UserError(
            f"{directory}: this run is of {version}, expected one of {code_version()}. "
            "Remove the folder, or give another one: runs=..."
        )
    better = BETTER[record.direction]
    if better != job.better:
        key = f"{SETTINGS_FILE}: {job.key.setting}.better"
        raise ConfigError(key, job.better, f"{better}, as the runs select by {record.metric}")
    return record


def _run_row(job: Job, record: RunRecord) -> Row:
    directory = job.config.directory
    if record.status not in ENDED:
        raise UserError(f"{directory}: the run is {record.status} ({record.reason or 'no reason is known'}).")
    setting, part = job.key.setting, job.part
    curves = part.targets.get(setting, ()), part.train_losses.get(setting, ())
    numbers = run_numbers(record, directory, *curves) if record.status == "finished" else {}
    return Row(
        key=job.key,
        config_hash=job.hash,
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
        config_hash=job.hash,
        overrides=" ".join(job.overrides),
        code_version=code_version(),
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
    which = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"
    return f"{first.part} {first.setting} {named}, {which}"


def _numbers_in_words(rows: Sequence[Row]) -> str:
    """Write the range of the first number of some rows."""
    values = [value for row in rows if (value := next(iter(row.numbers.values()), None)) is not None]
    name = next(iter(rows[0].numbers), "")
    lost = sum(row.status != "finished" for row in rows)
    text = f"{name} {min(values):.4g} to {max(values):.4g}" if values else "no number"
    return text + (f", {lost} diverged" if lost else "")
