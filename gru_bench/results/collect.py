"""Find run records below the given folders and sort them: finished, unfinished, replaced, unreadable."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gru_bench.config import identity
from gru_bench.errors import DataError, UserError, shown
from gru_bench.record import FILE_NAME, RunRecord, read_record

FINISHED = "finished"
SKIPPED_FOLDERS = ("checkpoints", "figures", "wandb")


@dataclass(frozen=True, eq=False)
class Run:
    """One run directory and its record."""

    directory: Path
    record: RunRecord = field(repr=False)

    @property
    def seed(self) -> int:
        """Return the seed, which pairs runs of different cells."""
        return self.record.seed

    @property
    def device_kind(self) -> str:
        """Return the kind of device, such as `cpu`: results of different kinds are never pooled."""
        return self.record.device.partition(":")[0].strip().lower()

    @property
    def device(self) -> str:
        """Return what speed depends on: the very device and the number of threads."""
        threads = self.record.threads
        return f"{self.record.device}, {threads} {'thread' if threads == 1 else 'threads'}"

    @property
    def digest(self) -> str:
        """Return the digest of the data as the run saw it."""
        return str(self.record.data_facts.get("digest", ""))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Return what runs of one group share: all that decides numbers but the seed and the cell with its options."""
        settings = identity(self.record.config)
        del settings["seed"]
        own = {"cell", "class", *self.record.cell_options}
        settings["model"] = {name: value for name, value in (settings["model"] or {}).items() if name not in own}
        return settings

    @cached_property
    def group_key(self) -> str:
        """Return the text that is equal for runs that may be compared."""
        record = self.record
        parts = [record.task, record.data, record.metric, self.settings, self.digest, self.device_kind]
        return json.dumps(parts, sort_keys=True)

    @cached_property
    def arm(self) -> str:
        """Return the cell and its options that are not the default, such as `lstm (forget_bias=0)`."""
        defaults = self.record.cell_defaults
        options = {name: value for name, value in self.record.cell_options.items() if value != defaults.get(name)}
        text = ", ".join(f"{name}={_plain(value)}" for name, value in sorted(options.items()))
        return f"{self.record.model} ({text})" if options else self.record.model


@dataclass(frozen=True)
class Collection:
    """What was found: only `finished` runs enter means."""

    finished: tuple[Run, ...]
    unfinished: tuple[Run, ...]
    replaced: tuple[tuple[Run, Run], ...]  # (older, newer that is used) of the same arm and seed
    unreadable: tuple[tuple[Path, str], ...]


def collect(paths: Sequence[Path]) -> Collection:
    """Read all records in and below `paths`, each a run directory or a folder that holds some.

    Raises:
        UserError: a path does not exist or is neither a folder nor a record.
    """
    finished: list[Run] = []
    unfinished: list[Run] = []
    unreadable: list[tuple[Path, str]] = []
    for directory in find_runs(paths):
        try:
            run = Run(directory, read_record(directory))
            if run.record.status == FINISHED:
                _check_finished(run)
        except UserError as error:
            unreadable.append((directory, str(error)))
            continue
        (finished if run.record.status == FINISHED else unfinished).append(run)
    kept, replaced = _newest(finished)
    return Collection(tuple(kept), tuple(unfinished), tuple(replaced), tuple(unreadable))


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """Return the run directories in and below `paths`, each once, sorted.

    Raises:
        UserError: a path does not exist or is neither a folder nor a record.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such folder. Give run directories or folders that hold some.")
        if path.name == FILE_NAME and path.is_file():
            found.setdefault(path.parent.resolve(), path.parent)
        elif path.is_dir():
            for directory in _walk(path):
                found.setdefault(directory.resolve(), directory)
        else:
            raise UserError(f"{path}: expected a run directory, a folder of runs or a {FILE_NAME}, found a file.")
    return sorted(found.values())


def _walk(path: Path) -> Iterator[Path]:
    """Yield the run directories in and below a folder; links are followed, and no folder is visited twice."""
    visited: set[str] = set()
    for folder, folders, files in os.walk(path, followlinks=True):
        visited.add(os.path.realpath(folder))
        names = sorted(name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith("."))
        folders[:] = [name for name in names if os.path.realpath(os.path.join(folder, name)) not in visited]
        if FILE_NAME in files:
            yield Path(folder)


def _check_finished(run: Run) -> None:
    """Check what every report reads of a finished run, beyond what the record's schema asks."""
    record = run.record
    model, test = record.config.get("model"), record.metrics.get("test")
    score = test.get(record.metric) if isinstance(test, Mapping) else None
    expected = {
        "config.model": (isinstance(model, Mapping), "a section of settings", model),
        "data_facts.digest": (run.digest != "", "the digest of the data", None),
        f"metrics.test.{record.metric}": (_is_finite(score), "a finite number", score),
        "baselines": (
            all(isinstance(metrics, Mapping) for metrics in record.baselines.values()),
            "metrics by name for each baseline",
            record.baselines,
        ),
    }
    for key, (good, wanted, found) in expected.items():
        if not good:
            path = run.directory / FILE_NAME
            raise DataError(
                f"{path}: {key}: found {shown(found)}, expected {wanted} in a finished run. Train it again."
            )


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _newest(runs: Sequence[Run]) -> tuple[list[Run], list[tuple[Run, Run]]]:
    """Keep the newest run of each group, arm and seed."""
    same: dict[tuple[str, str, int], list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.record.started, str(run.directory))):
        same.setdefault((run.group_key, run.arm, run.seed), []).append(run)
    kept = sorted((repeats[-1] for repeats in same.values()), key=lambda run: str(run.directory))
    return kept, [(older, repeats[-1]) for repeats in same.values() for older in repeats[:-1]]


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
