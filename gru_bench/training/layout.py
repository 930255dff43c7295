"""How the state of one run, or those of replicas, lies on the devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np

from gru_bench.data.batches.base import Batches
from gru_bench.errors import ConfigError
from gru_bench.tasks.task import Batch
from gru_bench.training.data_parallel import DataParallel, SingleDevice
from gru_bench.training.multi_process import MultiProcess
from gru_bench.training.replicas import Replicas
from gru_bench.training.step import Compiled, Scalars, TrainState, Update, UpdateMetrics


@runtime_checkable
class Layout(Protocol):
    """Joins states, batches and scalars of several runs, a row for each, and gathers the state of one.

    Attributes:
        rows: the run that each row computes, by its number; None for a row that computes nothing.
        skips_rows: whether rows of None take no time, so that it pays to `arrange` the runs that are left.
    """

    rows: Sequence[int | None]
    skips_rows: bool

    def arrange(self, runs: int) -> None:
        """Go on with so many runs, before `join`; only where rows are skipped."""
        ...

    def join(self, states: Sequence[TrainState]) -> TrainState:
        """Return the states of all runs as one, on the devices."""
        ...

    def gather(self, state: TrainState, run: int) -> TrainState:
        """Return the state of one run, on one device."""
        ...

    def place(self, batches: Batch) -> Batch:
        """Put batches, stacked over rows and updates, on the devices; of shared ones, the part of this process."""
        ...

    def counts(self, count: int) -> Any:
        """Return how many updates to do as the program wants it."""
        ...

    def scalars(self, scalars: Sequence[dict[str, float]]) -> Scalars:
        """Return the scalars in which runs differ as one."""
        ...

    def losses(self, metrics: UpdateMetrics) -> tuple[np.ndarray, np.ndarray]:
        """Return losses and gradient norms of some updates, of shape (updates, runs)."""
        ...

    def compile(self, update: Update) -> Compiled:
        """Return several updates of all runs as one compiled function; see `make_dispatch`."""
        ...


def make_layout(runs: int, batch_size: int, batches: Batches, devices: int | str) -> Layout:
    """Choose the layout.

    Args:
        runs: how many runs are trained at once.
        batch_size: sequences of a batch of one run.
        batches: those of a run; the shapes are the same for all.
        devices: how many devices of each process to use, or `all`. Replicas always use all cores of a processor.

    Raises:
        ConfigError: there are not so many devices, or they cannot share a batch.
    """
    present = jax.local_devices()
    count = len(present) if devices == "all" else int(devices)
    if count > len(present):
        raise ConfigError("training.devices", devices, f"at most {len(present)}, or all: that many devices are here")
    if runs > 1:
        on_cores = present[0].platform == "cpu"
        return Replicas(runs, batches, present if on_cores else present[:count], one_by_one=on_cores)
    processes = jax.process_count()
    if count * processes == 1:
        return SingleDevice(batches)
    if batch_size % (count * processes):
        of_processes = f" and training.processes={processes}" if processes > 1 else ""
        raise ConfigError(
            "training.batch_size",
            batch_size,
            f"a multiple of {count * processes} with training.devices={devices}{of_processes}",
            "Each device takes an equal share of a batch.",
        )
    return DataParallel(batches, present[:count]) if processes == 1 else MultiProcess(batches, batch_size, count)
