"""Dispatches: the next updates of runs that share a program, handed to the devices at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from gru_bench.sections import SWEPT
from gru_bench.tasks.task import Batch
from gru_bench.training.layout import make_layout
from gru_bench.training.lengths import store
from gru_bench.training.optimizer import make_optimizer, make_schedule
from gru_bench.training.run import Run
from gru_bench.training.step import Scalars, TrainState, UpdateMetrics, make_update

MOST_BYTES = 64 * 2**20
"""Batches in one dispatch, at most: to lay more out costs more than the dispatches that it saves."""


class Dispatched(NamedTuple):
    """Updates that the devices may still be computing.

    Attributes:
        first: the first of them.
        updates: how many there are.
        items: how many items each run learns from.
        metrics: those of all runs, on the devices; see `Dispatcher.losses`.
        compile_seconds: how long the program was compiled before; 0 where it was at hand.
        seconds_per_update: known where the program was compiled, because the host then waits for the devices.
    """

    first: int
    updates: int
    items: float
    metrics: UpdateMetrics
    compile_seconds: float
    seconds_per_update: float | None


class Dispatcher:
    """Computes the updates of runs that differ in their seed or in scalars of the optimiser, with one program for all.

    Each run has a row in the state, in the batches and in the scalars; the layout says which, and on which device.

    Attributes:
        runs: those that are computed.
        state: that of all runs after `done` updates.
        scalars: settings of the optimiser in which the runs differ.
        update: the compiled program.
        capacity: how many updates a dispatch has place for: `training.updates_per_dispatch`, fewer of large batches.
        done: how many updates have been dispatched, those before a checkpoint included.
    """

    def __init__(self, runs: Sequence[Run], graph: nnx.GraphDef, states: Sequence[TrainState]):
        """Put the states of the runs on the devices; nothing is compiled before the first dispatch.

        Args:
            runs: of one task, one network and one budget.
            graph: the network without its weights.
            states: where each run starts; those of process 0 where several processes train a run.

        Raises:
            ConfigError: there are not so many devices, or they cannot share a batch.
        """
        first = runs[0]
        training, task = first.config.training, first.blueprint.task
        optimizers = [run.config.optimizer for run in runs]
        self._differing = [name for name in SWEPT if len({getattr(config, name) for config in optimizers}) > 1]

        def make_chain(scalars: Scalars) -> optax.GradientTransformation:
            schedule = make_schedule(optimizers[0], first.updates_per_epoch, first.total_updates, scalars)
            return make_optimizer(optimizers[0], schedule, scalars)

        self._layout = make_layout(len(runs), training.batch_size, first.batches, training.devices)
        self._join(runs, states)
        noise = first.config.model.weight_noise
        self.update = self._layout.compile(make_update(graph, task, make_chain, training.loss_reduction, noise))
        self.done = int(np.asarray(self.state.update).flat[0])
        self._batches = first.batches
        one = store([[self._batches[0]]], self._batches, 1)
        in_memory = MOST_BYTES // (len(self._layout.rows) * sum(array.nbytes for array in one.values()))
        self.capacity = min(training.updates_per_dispatch, max(1, in_memory))

    @property
    def skips_rows(self) -> bool:
        """Whether `keep` saves the time of the other runs."""
        return self._layout.skips_rows

    def keep(self, runs: Sequence[Run]) -> None:
        """Go on with some of the runs, by the same program."""
        states = [self.gather(run) for run in runs]
        self._layout.arrange(len(runs))
        self._join(runs, states)

    def _join(self, runs: Sequence[Run], states: Sequence[TrainState]) -> None:
        self.runs = list(runs)
        self.state = self._layout.join(states)
        self.scalars = self._layout.scalars(
            [{name: getattr(run.config.optimizer, name) for name in self._differing} for run in runs]
        )

    def dispatch(self, count: int) -> Dispatched:
        """Hand the next `count` updates to the devices, at most `capacity`.

        It does not wait for them, unless the program has to be compiled first.
        """
        batches, items = self._next_batches(count)
        start, compiled_before = time.perf_counter(), self.update.compile_seconds
        self.state, metrics = self.update(self.state, batches, self._layout.counts(count), self.scalars)
        compile_seconds = self.update.compile_seconds - compiled_before
        seconds_per_update = None
        if compile_seconds:
            jax.block_until_ready(self.state)
            seconds_per_update = (time.perf_counter() - start - compile_seconds) / count
        first = self.done + 1
        self.done += count
        return Dispatched(first, count, items, metrics, compile_seconds, seconds_per_update)

    def losses(self, dispatched: Dispatched) -> tuple[np.ndarray, np.ndarray]:
        """Wait for a dispatch and return its losses and gradient norms, of shape (updates, runs)."""
        losses, norms = self._layout.losses(dispatched.metrics)
        return losses[: dispatched.updates], norms[: dispatched.updates]

    def gather(self, run: Run) -> TrainState:
        """Return the state of one run, whole on one device; all processes that train it call this at once."""
        return self._layout.gather(self.state, self.runs.index(run))

    def place(self, batches: Sequence[Sequence[Batch]]) -> Batch:
        """Put batches, by run and then by update, where the program wants them.

        There is always place for `capacity` updates, so that there is one program.
        """
        rows = [() if run is None else batches[run] for run in self._layout.rows]
        return self._layout.place(store(rows, self._batches, self.capacity))

    def _next_batches(self, count: int) -> tuple[Batch, float]:
        """Return the next batches, on the devices, and their items per run."""
        batches = [[run.batch(self.done + index) for index in range(count)] for run in self.runs]
        items = sum(int(batch["mask"].sum()) for of_run in batches for batch in of_run)
        return self.place(batches), items / len(self.runs)


def initial_state(run: Run) -> tuple[nnx.GraphDef, TrainState]:
    """Return the network without its weights, and the state of a run before its first update."""
    config = run.config
    network, dropout_key = run.blueprint.draw(config.seed)
    graph, params = nnx.split(network)
    return graph, TrainState(
        params=params,
        optimizer=make_optimizer(config.optimizer, run.schedule).init(params),
        carry=run.blueprint.task.initial_carry(network, config.training.batch_size),
        key=dropout_key,
        update=jnp.zeros((), jnp.int32),
    )
