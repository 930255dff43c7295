"""The one training loop: update, log, evaluate, checkpoint, stop; for one run, or several at once."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from rich.console import Console

from gru_bench.config import Config
from gru_bench.sections import SWEPT
from gru_bench.tasks.task import Batch, Task
from gru_bench.tracking.progress import Progress
from gru_bench.training.checkpoint import latest
from gru_bench.training.environment import environment, peak_rss_bytes
from gru_bench.training.evaluate import Evaluator
from gru_bench.training.gates import GateProbe
from gru_bench.training.layout import make_layout
from gru_bench.training.lengths import store
from gru_bench.training.meter import Diverged, Stopwatch
from gru_bench.training.optimizer import make_optimizer, make_schedule
from gru_bench.training.run import Run
from gru_bench.training.signals import Interrupted, SignalWatch
from gru_bench.training.step import Scalars, TrainState, UpdateMetrics, make_update

LONGEST_DISPATCH = 0.5
"""Seconds of updates that the device may be given at once, so that a signal is answered soon."""

Judge = Callable[[Config, int, float], str]
"""Is told a run's settings, its update and its validation value; returns why the run is not worth going on with."""

logger = logging.getLogger("gru_bench")


class _Dispatched(NamedTuple):
    """Updates that the device was given last; nothing has been read of them yet."""

    first: int
    updates: int
    items: float
    metrics: UpdateMetrics


class Training:
    """Runs from their settings to their final weights; each goes on from its newest checkpoint where there is one.

    Several runs differ in their seed or in a scalar of the optimiser. They share the program and take their updates
    at the same time; evaluation, best weights, checkpoints and records are each run's own.
    """

    def __init__(self, runs: Sequence[Run], task: Task, data: Any, console: Console, judge: Judge | None = None):
        self.began = time.monotonic()
        self.judge = judge
        self.live, self.task, self.data = list(runs), task, data
        first = runs[0]
        self.training = first.config.training
        self.valid_batches = task.eval_batches(data, "valid", self.training)
        self.total_updates = first.total_updates
        self.eval_every = self.training.eval_every or first.updates_per_epoch
        (self.graph, *_), states = zip(*(_initial(run, task) for run in runs), strict=True)
        self.evaluator, self.gate_probe = Evaluator(self.graph, task), GateProbe(self.graph, task)
        self.done = 0
        self.at_once = len(runs)
        self.wall_before = self.compile_before = 0.0
        self.watch = Stopwatch()
        self.seconds_per_update: float | None = None
        self._dispatched: _Dispatched | None = None
        self._lay_out(runs, self._resumed(states))
        self.progress = Progress(
            self.total_updates,
            task.item,
            console,
            total_seconds=self.training.seconds_budget,
            first_update=self.done,
            runs=len(runs),
        )

    def run(self) -> Generator[Run]:
        """Train to the end of the budget, or until validation no longer improves; yield each run when it has ended.

        A run that ends well has then read the test split once. One that diverged has its `failure`: a loss, a
        gradient or the validation metric is not finite; its last good checkpoint is kept. One that the judge does not
        go on with says in `pruned` why; the same settings without a judge go on from its last checkpoint.

        Raises:
            Interrupted: SIGINT or SIGTERM came; the checkpoints are written.
            UserError: the disk is full.
        """
        try:
            with contextlib.ExitStack() as files:
                for run in self.live:
                    files.enter_context(run.open_metrics(self.done))
                while self.live:
                    with self.progress, SignalWatch() as self.signals:
                        self._train()
                    for run in self._ended():
                        self._finish(run)
                        yield run
                        self.live.remove(run)
                    self._close_ranks()
        finally:
            for run in self.live:
                self._note_progress(run)

    def _train(self) -> None:
        """Train until a run ends."""
        self.watch.start()
        while not self._ended():
            self.dispatch()
            if self.done % self.eval_every == 0:
                self._evaluate()
            elif self._checkpoint_due():
                self.pause()
                self._checkpoint()
                self.watch.start()
            if self.signals.received is not None:
                self._interrupt(self.signals.received)
        self.pause()
        if self._spent() and any(run.evaluated_at != self.done for run in self._going()):
            self._evaluate()

    def dispatch(self) -> None:
        """Give the device some updates, then read what those before have told."""
        count = self._room()
        batches, items = self._next_batches(count)
        began, compiled_before = time.perf_counter(), self.update.compile_seconds
        self.state, metrics = self.update(self.state, batches, np.int32(count), self.scalars)
        compiling = self.update.compile_seconds - compiled_before
        if compiling:
            jax.block_until_ready(self.state)
            self.watch.leave_out(compiling)
            self.seconds_per_update = (time.perf_counter() - began - compiling) / count
        self._read()
        self._dispatched = _Dispatched(self.done + 1, count, items, metrics)
        self.done += count

    def _room(self) -> int:
        """Return how many updates the next dispatch may have: none beyond an evaluation, a checkpoint or the end."""
        if self.seconds_per_update is None:
            return 1
        seconds = LONGEST_DISPATCH
        if self.training.seconds_budget is not None:
            seconds = min(seconds, self.training.seconds_budget - self.watch.elapsed)
        ends = [every - self.done % every for every in (self.eval_every, self.training.checkpoint_every) if every]
        if self.total_updates is not None:
            ends.append(self.total_updates - self.done)
        in_time = max(1, int(seconds / self.seconds_per_update))
        return min(self.training.updates_per_dispatch, in_time, *ends)

    def _next_batches(self, count: int) -> tuple[Batch, float]:
        """Return the next batches, stacked, and their items per run.

        The stack always has room for `updates_per_dispatch` of them, so that there is one program.
        """
        of_runs = [self._batches(self.done + index) for index in range(count)]
        batches = [self.layout.batch(of_update) for of_update in of_runs]
        filled = batches + [batches[-1]] * (self.training.updates_per_dispatch - count)
        stacked = {name: np.stack([batch[name] for batch in filled]) for name in batches[0]}
        items = sum(int(batch["mask"].sum()) for of_update in of_runs for batch in of_update)
        return self.layout.place(stacked), items / len(self.rows)

    def _batches(self, update: int) -> list[Batch]:
        """Return the whole batch that each run learns from after `update` updates."""
        return [store(run.batch(update), run.batches) for run in self.rows]

    def _read(self) -> None:
        """Hand what the device has told of its last updates to the runs."""
        if self._dispatched is None:
            return
        (first, updates, items, metrics), self._dispatched = self._dispatched, None
        losses, norms = self.layout.losses(metrics)
        self.watch.add(updates, items)
        self.seconds_per_update = self.watch.seconds_per_update or self.seconds_per_update
        seconds, pace = self.watch.elapsed, self.watch.items_per_second
        for index in range(updates):
            intervals = []
            for row, run in enumerate(self.rows):
                if run in self._going():
                    try:
                        interval = run.meter.add(first + index, float(losses[index, row]), float(norms[index, row]))
                    except Diverged as failure:
                        run.failure = failure
                        continue
                    if interval is not None:
                        run.note_interval(interval, seconds, pace)
                        intervals.append(interval.loss)
            if intervals:
                self.progress.advance(first + index, fmean(intervals), pace * len(intervals), seconds)

    def pause(self) -> None:
        """Let the device finish, so that all metrics are known and the clock stops."""
        self._read()
        self.watch.stop(self.state)
        if self.watch.pace:
            self.seconds_per_update = self.watch.pace[-1][0]

    def _evaluate(self) -> None:
        self.pause()
        values = []
        for run in self._going():
            state = self._state(run)
            metrics = self.evaluator(state.params, self.valid_batches, decode=self.task.decode_validation)
            run.record.scored["valid"] = metrics.pop("items")
            gates = self.gate_probe(state.params, self.valid_batches[0])
            run.note_evaluation(self.done, self.watch.elapsed, metrics, gates)
            if not math.isfinite(metrics[self.task.metric]):
                name = f"{self.task.metric} on the validation split"
                run.failure = Diverged(self.done, name, metrics[self.task.metric])
                continue
            values.append(metrics)
            run.keep_best(self.done, metrics, state.params)
            run.checkpoint(self.done, state, self._clock())
            self._note_progress(run)
            run.record.write(run.directory)
            if self.judge is not None and not self._spent() and not run.out_of_patience:
                run.pruned = self.judge(run.config, self.done, metrics[self.task.metric])
        self.progress.evaluated(self.done, _mean(values), live=len(values))
        self.watch.start()

    def _checkpoint_due(self) -> bool:
        every = self.training.checkpoint_every
        return every is not None and self.done % every == 0

    def _checkpoint(self) -> None:
        for run in self._going():
            run.checkpoint(self.done, self._state(run), self._clock())

    def _interrupt(self, number: int) -> None:
        self.pause()
        self._checkpoint()
        raise Interrupted(number)

    def _spent(self) -> bool:
        if self.training.seconds_budget is not None:
            return self.done > 0 and self.watch.elapsed >= self.training.seconds_budget
        return self.done >= (self.total_updates or 0)

    def _ended(self) -> list[Run]:
        """Return the runs that are trained no further."""
        return list(self.live) if self._spent() else [run for run in self.live if run.stopped]

    def _going(self) -> list[Run]:
        return [run for run in self.live if run.failure is None]

    def _finish(self, run: Run) -> None:
        """Read the test split with the best weights of a run that went all its way, and a part of train if wished."""
        if run.failure is None and not run.pruned:
            params, run.best = run.best_weights(self._state(run).params)
            run.network = nnx.merge(self.graph, params)
            batches = self.task.eval_batches(self.data, "test", self.training)
            run.test_sums = self.evaluator.sums(params, batches)
            test = self.evaluator.metrics(params, batches, run.test_sums)
            run.record.scored["test"] = test.pop("items")
            run.record.metrics = {"valid": run.best["metrics"], "test": test}
            if self.training.score_train:
                train = self.evaluator(params, self.task.eval_batches(self.data, "train", self.training))
                run.record.scored["train"] = train.pop("items")
                run.record.metrics["train"] = train
        self._note_progress(run)

    def _lay_out(self, runs: Sequence[Run], states: Sequence[TrainState]) -> None:
        """Put the states of runs on the devices, and make the update that all of them share."""
        self.rows = list(runs)
        optimizers = [run.config.optimizer for run in runs]
        differing = [name for name in SWEPT if len({getattr(config, name) for config in optimizers}) > 1]

        def make_chain(scalars: Scalars) -> optax.GradientTransformation:
            schedule = make_schedule(optimizers[0], runs[0].updates_per_epoch, self.total_updates, scalars)
            return make_optimizer(optimizers[0], schedule, scalars)

        self.layout = make_layout(len(runs), self.training.batch_size, runs[0].batches, self.training.devices)
        self.state = self.layout.join(states)
        self.scalars = self.layout.scalars(
            [{name: getattr(config, name) for name in differing} for config in optimizers]
        )
        self.update = self.layout.compile(make_update(self.graph, self.task, make_chain, self.training.loss_reduction))

    def _close_ranks(self) -> None:
        """Lay the runs out anew where no more than half of them are left: that saves more than its compilation."""
        if self.live and 2 * len(self.live) <= len(self.rows):
            self.compile_before += self.update.compile_seconds
            self._lay_out(self.live, [self._state(run) for run in self.live])

    def _state(self, run: Run) -> TrainState:
        return self.layout.part(self.state, self.rows.index(run))

    def _resumed(self, states: Sequence[TrainState]) -> list[TrainState]:
        """Return the states of the newest checkpoints that all runs have; those given where there are none."""
        found = latest([run.checkpoints for run in self.live], states[0])
        if found is None:
            for run in self.live:
                run.checkpoints.drop_after(0)
            return list(states)
        for run, (state, meta) in zip(self.live, found, strict=True):
            run.resume(state, meta)
        _, meta = found[0]
        self.done = meta["update"]
        self.at_once = max(self.at_once, meta.get("replicas", 1))
        self.wall_before, self.compile_before = meta["wall_seconds"], meta["compile_seconds"]
        self.watch = Stopwatch(meta["seconds"], meta["pace"])
        logger.info("Going on from the checkpoint of update %s.", f"{self.done:,}")
        _compare_environment(meta["environment"])
        return [state for state, _ in found]

    def _note_progress(self, run: Run) -> None:
        run.note_progress(self.done)
        record = run.record
        record.speed = {**self.watch.summary(), "compile_seconds": self._compile_seconds(), "item": self.task.item}
        record.speed["replicas"] = self.at_once
        record.memory = {"step_bytes": self.update.step_bytes, "peak_rss_bytes": peak_rss_bytes()}
        record.wall_seconds = self._wall_seconds()

    def _clock(self) -> dict[str, Any]:
        """Return what checkpoints say of time and place."""
        return {
            "seconds": self.watch.elapsed,
            "pace": self.watch.pace,
            "compile_seconds": self._compile_seconds(),
            "wall_seconds": self._wall_seconds(),
            "replicas": self.at_once,
            "environment": environment(),
        }

    def _compile_seconds(self) -> float:
        return self.compile_before + self.update.compile_seconds

    def _wall_seconds(self) -> float:
        return self.wall_before + time.monotonic() - self.began


def _initial(run: Run, task: Task) -> tuple[nnx.GraphDef, TrainState]:
    """Return the network without its weights, and the state of a run before its first update."""
    config = run.config
    network, dropout_key = run.blueprint.draw(config.seed)
    graph, params = nnx.split(network)
    return graph, TrainState(
        params=params,
        optimizer=make_optimizer(config.optimizer, run.schedule).init(params),
        carry=task.initial_carry(network, config.training.batch_size),
        key=dropout_key,
        update=jnp.zeros((), jnp.int32),
    )


def _compare_environment(before: Mapping[str, Any]) -> None:
    changed = [
        f"{name}: {before.get(name)} -> {value}" for name, value in environment().items() if before.get(name) != value
    ]
    if changed:
        logger.warning(
            "The surroundings have changed (%s): from here on, numbers may differ in their last bits from those "
            "of an uninterrupted run.",
            "; ".join(changed),
        )


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: fmean(row[name] for row in rows) for name in rows[0]} if rows else {}
