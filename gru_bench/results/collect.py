"""Find run records in folders and classify them: finished, unfinished, replaced, unreadable."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gru_bench.classes import preset_places
from gru_bench.config import foreign_class, identity
from gru_bench.errors import DataError, UserError, shown
from gru_bench.record import FILE_NAME, RunRecord, read_record

FINISHED = "finished"
SKIPPED_FOLDERS = ("checkpoints", "figures", "wandb")


@dataclass(frozen=True, eq=False)
class Run:
    """One run directory and its record.

    Attributes:
        directory: the run directory.
        record: its record.
        cell: the cell's name in reports, see `_labels`.
    """

    directory: Path
    record: RunRecord = field(repr=False)
    cell: str

    @property
    def seed(self) -> int:
        """The seed, by which runs of different cells are paired."""
        return self.record.seed

    @property
    def device_kind(self) -> str:
        """The kind of device, such as `cpu`; results of different kinds are never pooled."""
        return self.record.device.partition(":")[0].strip().lower()

    @property
    def device(self) -> str:
        """The device and number of threads, which determine speed."""
        threads = self.record.threads
        return f"{self.record.device}, {threads} {'thread' if threads == 1 else 'threads'}"

    @property
    def digest(self) -> str:
        """The digest of the run's data."""
        return str(self.record.data_facts.get("digest", ""))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings shared by a group: all that determine numbers except the seed and the cell with its options."""
        settings = identity(self.record.config)
        del settings["seed"]
        own = {"cell", "class", *self.record.cell_options}
        settings["model"] = {name: value for name, value in (settings["model"] or {}).items() if name not in own}
        return settings

    @cached_property
    def group_key(self) -> str:
        """A text that is equal for comparable runs."""
        record = self.record
        parts = [record.task, record.data, record.metric, self.settings, self.digest, self.device_kind]
        parts.append(record.initial_weights.get("sha256"))
        return json.dumps(parts, sort_keys=True)

    @cached_property
    def arm(self) -> str:
        """The cell with its non-default options, such as `lstm (forget_bias=0)`."""
        defaults = self.record.cell_defaults
        options = {name: value for name, value in self.record.cell_options.items() if value != defaults.get(name)}
        text = ", ".join(f"{name}={_plain(value)}" for name, value in sorted(options.items()))
        return f"{self.cell} ({text})" if options else self.cell


@dataclass(frozen=True)
class Collection:
    """Runs by outcome; only `finished` ones enter means."""

    finished: tuple[Run, ...]
    unfinished: tuple[Run, ...]
    replaced: tuple[tuple[Run, Run], ...]  # (older, newer) of the same arm and seed; the newer one is used
    unreadable: tuple[tuple[Path, str], ...]


def collect(paths: Sequence[Path]) -> Collection:
    """Read all records in and below `paths`, which are run directories or folders of them.

    Raises:
        UserError: a path does not exist or is neither a folder nor a record.
    """
    records: dict[Path, RunRecord] = {}
    unreadable: list[tuple[Path, str]] = []
    for directory in find_runs(paths):
        try:
            records[directory] = _checked(read_record(directory), directory)
        except UserError as error:
            unreadable.append((directory, str(error)))
    labels = _labels(records.values())
    runs = [Run(directory, record, labels[_cell(record)]) for directory, record in records.items()]
    kept, replaced = _newest([run for run in runs if run.record.status == FINISHED])
    unfinished = tuple(run for run in runs if run.record.status != FINISHED)
    return Collection(tuple(kept), unfinished, tuple(replaced), tuple(unreadable))


def find_runs(paths: Sequence[Path]) -> list[Path]:
    """Return the run directories in and below `paths`, each once, sorted.

    Raises:
        UserError: a path does not exist or is neither a folder nor a record.
    """
    directories: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such folder. Give run directories or folders of them.")
        if path.name == FILE_NAME and path.is_file():
            directories.setdefault(path.parent.resolve(), path.parent)
        elif path.is_dir():
            for directory in _walk(path):
                directories.setdefault(directory.resolve(), directory)
        else:
            raise UserError(f"{path}: expected a run directory, a folder of runs or a {FILE_NAME}, found a file.")
    return sorted(directories.values())


def _walk(path: Path) -> Iterator[Path]:
    """Yield the run directories in and below a folder; links are followed, and no folder is visited twice."""
    visited: set[str] = set()
    for folder, folders, files in os.walk(path, followlinks=True):
        visited.add(os.path.realpath(folder))
        names = sorted(name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith("."))
        folders[:] = [name for name in names if os.path.realpath(os.path.join(folder, name)) not in visited]
        if FILE_NAME in files:
            yield Path(folder)


def _checked(record: RunRecord, directory: Path) -> RunRecord:
    """Check a record of a finished run for all that reports need beyond the schema, and return it."""
    if record.status != FINISHED:
        return record
    model, test = record.config.get("model"), record.metrics.get("test")
    score = test.get(record.metric) if isinstance(test, Mapping) else None
    expected = {
        "config.model": (isinstance(model, Mapping), "a section of settings", model),
        "data_facts.digest": (bool(record.data_facts.get("digest")), "the digest of the data", None),
        f"metrics.test.{record.metric}": (_is_finite(score), "a finite number", score),
        "baselines": (
            all(isinstance(metrics, Mapping) for metrics in record.baselines.values()),
            "metrics by name for each baseline",
            record.baselines,
        ),
    }
    for key, (valid, wanted, value) in expected.items():
        if not valid:
            path = directory / FILE_NAME
            raise DataError(
                f"{path}: {key}: found {shown(value)}, expected {wanted} in a finished run. Train it again."
            )
    return record


def _cell(record: RunRecord) -> tuple[str, str | None]:
    """Return the name of a run's cell, and its class if it is not one of gru_bench."""
    return record.model, foreign_class(record.config.get("model"))


def _labels(records: Iterable[RunRecord]) -> dict[tuple[str, str | None], str]:
    """Return the name of each cell in reports.

    Cells of gru_bench keep their name. The name of a cell of another package is prefixed by the package if another
    cell has the same name, and replaced by the full name of its class if that package has several.
    """
    own = {(name, None) for name in preset_places("model")}
    names = {cell: _names(*cell) for cell in own.union(map(_cell, records))}
    uses = Counter(name for candidates in names.values() for name in candidates)
    return {
        cell: next((name for name in candidates if uses[name] == 1), candidates[-1])
        for cell, candidates in names.items()
    }


def _names(name: str, place: str | None) -> tuple[str, ...]:
    """Return the possible names of a cell in reports, the shortest first."""
    return (name,) if place is None else (name, f"{re.split('[.:]', place)[0]}.{name}", place)


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
