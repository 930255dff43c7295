"""Jobs that one program can train at once: equal in all but seed, start of the weights, scalars of the optimiser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from gru_bench.config import Config
from gru_bench.declarations import declared
from gru_bench.reproduction.plan import Job
from gru_bench.sections import SWEPT


def sessions(jobs: Sequence[Job], at_once: int) -> Iterator[list[Job]]:
    """Yield jobs in groups of at most `at_once` that are trained together; of equal settings one is trained for all.

    Args:
        jobs: runs.
        at_once: the greatest number of different runs in a group.
    """
    groups: dict[str, dict[tuple[str, int], list[Job]]] = {}
    for job in jobs:
        same = groups.setdefault(_program(job.config), {})
        same.setdefault((job.config.hash, job.config.seed), []).append(job)
    for runs in groups.values():
        equal = list(runs.values())
        for first in range(0, len(equal), at_once):
            yield [job for members in equal[first : first + at_once] for job in members]


def _program(config: Config) -> str:
    """Return what runs of one program have in common."""
    identity = config.identity
    of_start = declared(config.model.place).constants["start_options"]
    model = {name: value for name, value in identity["model"].items() if name not in of_start}
    optimizer = {name: value for name, value in identity["optimizer"].items() if name not in SWEPT or not value}
    return json.dumps(identity | {"model": model, "optimizer": optimizer, "seed": None}, sort_keys=True)
