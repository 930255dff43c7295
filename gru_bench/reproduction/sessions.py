"""Jobs that one program can train at once: equal in all but seed, start of the weights, scalars of the optimiser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from gru_bench.config import Config
from gru_bench.declarations import declared
from gru_bench.sections import SWEPT


@runtime_checkable
class Trainable(Protocol):
    """A run that is to be trained: its settings, and the arguments of `train` that give them, places left out."""

    @property
    def config(self) -> Config:
        """All settings."""
        ...

    @property
    def overrides(self) -> tuple[str, ...]:
        """Arguments of `train`."""
        ...


J = TypeVar("J", bound=Trainable)


def sessions(jobs: Sequence[J], at_once: int) -> Iterator[list[J]]:
    """Yield jobs in groups of at most `at_once` that are trained together; of equal settings one is trained for all.

    Args:
        jobs: runs.
        at_once: the greatest number of different runs in a group.
    """
    groups: dict[str, dict[tuple[str, int], list[J]]] = {}
    for job in jobs:
        same = groups.setdefault(program_of(job.config), {})
        same.setdefault((job.config.hash, job.config.seed), []).append(job)
    for runs in groups.values():
        equal = list(runs.values())
        for first in range(0, len(equal), at_once):
            yield [job for members in equal[first : first + at_once] for job in members]


def program_of(config: Config) -> str:
    """Return what runs of one program have in common."""
    identity = config.identity
    of_start = declared(config.model.place).constants["start_options"]
    model = {name: value for name, value in identity["model"].items() if name not in of_start}
    optimizer = {name: value for name, value in identity["optimizer"].items() if name not in SWEPT or not value}
    return json.dumps(identity | {"model": model, "optimizer": optimizer, "seed": None}, sort_keys=True)
