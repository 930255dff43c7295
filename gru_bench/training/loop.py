"""The one training loop: dispatch updates, log, evaluate, checkpoint, stop; for one run, or several at once."""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from statistics import fmean
from typing import Any

from flax import nnx
from rich.console import Console

from gru_bench.config import Config
from gru_bench.tasks.task import Task
from gru_bench.tracking.progress import Progress
from gru_bench.training.checkpoint import latest
from gru_bench.training.dispatch import Dispatched, Dispatcher, initial_state
from gru_bench.training.environment import environment, peak_rss_bytes, warn_of_changes
from gru_bench.training.evaluate import Evaluator
from gru_bench.training.gates import GateProbe
from gru_bench.training.initial_weights import with_initial_weights
from gru_bench.training.meter import Diverged, Stopwatch
from gru_bench.training.run import Run
from gru_bench.training.signals import Interrupted, SignalWatch
from gru_bench.training.step import TrainState

LONGEST_DISPATCH = 0.5
"""Seconds of updates in one dispatch, at most, so that a signal is answered soon."""

Pruner = Callable[[Config, int, float], str]
"""Gets a run's settings, its update and its validation value; returns why to stop the run, or an empty text."""

logger = logging.getLogger("gru_bench")


class Training:
    """Trains runs from their settings, or their newest checkpoints, to their final weights.

    Several runs differ in their seed or in a scalar of the optimiser. They share a dispatcher and take their updates
    at the same time; evaluation, best weights, checkpoints and records are each run's own.
    """

    def __init__(self, runs: Sequence[Run], task: Task, data: Any, console: Console, pruner: Pruner | None = None):
        self.began = time.monotonic()
        self.pruner = pruner
        self.live, self.task, self.data = list(runs), task, data
        first = runs[0]
        self.training = first.config.training
        self.valid_batches = task.eval_batches(data, "valid", self.training)
        self.total_updates = first.total_updates
        self.eval_every = self.training.eval_every or first.updates_per_epoch
        (self.graph, *_), states = zip(*(initial_state(run) for run in runs), strict=True)
        self.evaluator, self.gate_probe = Evaluator(self.graph, task), GateProbe(self.graph, task)
        self.replicas = len(runs)
        self.wall_before = self.compile_before = 0.0
        self.watch = Stopwatch()
        self.seconds_per_update: float | None = None
        self._unread: Dispatched | None = None
        self.dispatcher = Dispatcher(runs, self.graph, self._resumed(states))
        self.progress = Progress(
            self.total_updates,
            task.item,
            console,
            total_seconds=self.training.seconds_budget,
            first_update=self.done,
            runs=len(runs),
        )

    @property
    def done(self) -> int:
        """How many updates have been dispatched, those before a checkpoint included."""
        return self.dispatcher.done

    def run(self) -> Generator[Run]:
        """Train to the end of the budget, or until validation no longer improves; yield each run when it has ended.

        A run that ends well has then read the test split once. One that diverged has its `failure`: a loss, a
        gradient or the validation metric is not finite; its last good checkpoint is kept. One that the pruner stopped
        has the reason in `pruned`; the same settings without a pruner resume from its last checkpoint.

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
                    self._drop_idle_rows()
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
        if self._budget_spent() and any(
            run.evaluated_at != self.done or run.best["update"] is None for run in self._running()
        ):
            self._evaluate()

    def dispatch(self) -> None:
        """Dispatch some updates, then deliver the metrics of the dispatch before."""
        dispatched = self.dispatcher.dispatch(self._next_count())
        if dispatched.compile_seconds:
            self.watch.leave_out(dispatched.compile_seconds)
            self.seconds_per_update = dispatched.seconds_per_update
        self._deliver()
        self._unread = dispatched

    def _next_count(self) -> int:
        """Return the size of the next dispatch, which ends at an evaluation, a checkpoint or the end at the latest."""
        if self.seconds_per_update is None:
            return 1
        seconds = LONGEST_DISPATCH
        if self.training.seconds_budget is not None:
            seconds = min(seconds, self.training.seconds_budget - self.watch.elapsed)
        ends = [every - self.done % every for every in (self.eval_every, self.training.checkpoint_every) if every]
        if self.total_updates is not None:
            ends.append(self.total_updates - self.done)
        in_time = max(1, int(seconds / self.seconds_per_update))
        return min(self.dispatcher.capacity, in_time, *ends)

    def _deliver(self) -> None:
        """Deliver the metrics of the last dispatch to each run."""
        if self._unread is None:
            return
        dispatched, self._unread = self._unread, None
        losses, norms = self.dispatcher.losses(dispatched)
        self.watch.add(dispatched.updates, dispatched.items)
        self.seconds_per_update = self.watch.seconds_per_update or self.seconds_per_update
        seconds, pace = self.watch.elapsed, self.watch.items_per_second
        for update, update_losses, update_norms in zip(itertools.count(dispatched.first), losses, norms):
            intervals = []
            for row, run in enumerate(self.dispatcher.runs):
                if run in self._running():
                    try:
                        interval = run.meter.add(update, float(update_losses[row]), float(update_norms[row]))
                    except Diverged as failure:
                        run.failure = failure
                        continue
                    if interval is not None:
                        run.note_interval(interval, seconds, pace)
                        intervals.append(interval.loss)
            if intervals:
                self.progress.advance(update, fmean(intervals), pace * len(intervals), seconds)

    def pause(self) -> None:
        """Wait for the devices: all metrics are delivered and the clock stops."""
        self._deliver()
        self.watch.stop(self.dispatcher.state)
        if self.watch.pace:
            self.seconds_per_update = self.watch.pace[-1][0]

    def _evaluate(self) -> None:
        """Evaluate each run on the validation split."""
        self.pause()
        metrics = [metrics for run in self._running() if (metrics := self._evaluate_run(run)) is not None]
        self.progress.evaluated(self.done, _mean(metrics), live=len(metrics))
        self.watch.start()

    def _evaluate_run(self, run: Run) -> dict[str, float] | None:
        """Score a run, keep its best weights, write checkpoint and record; return the metrics unless it diverged."""
        state = self.dispatcher.gather(run)
        metrics = self.evaluator(state.params, self.valid_batches, decode=self.task.decode_validation)
        run.record.scored["valid"] = metrics.pop("items")
        gates = self.gate_probe(state.params, self.valid_batches[0])
        run.note_evaluation(self.done, self.watch.elapsed, metrics, gates)
        value = metrics[self.task.metric]
        if not math.isfinite(value):
            run.failure = Diverged(self.done, f"{self.task.metric} on the validation split", value)
            return None
        run.keep_best(self.done, metrics, state.params)
        run.checkpoint(self.done, state, self._clock())
        self._note_progress(run)
        run.record.write(run.directory)
        if self.pruner is not None and not self._budget_spent() and not run.out_of_patience:
            run.pruned = self.pruner(run.config, self.done, value)
        return metrics

    def _checkpoint_due(self) -> bool:
        every = self.training.checkpoint_every
        return every is not None and self.done % every == 0

    def _checkpoint(self) -> None:
        for run in self._running():
            run.checkpoint(self.done, self.dispatcher.gather(run), self._clock())

    def _interrupt(self, number: int) -> None:
        self.pause()
        self._checkpoint()
        raise Interrupted(number)

    def _budget_spent(self) -> bool:
        if self.training.seconds_budget is not None:
            return self.done > 0 and self.watch.elapsed >= self.training.seconds_budget
        return self.done >= (self.total_updates or 0)

    def _ended(self) -> list[Run]:
        """Return the runs whose training has ended."""
        return list(self.live) if self._budget_spent() else [run for run in self.live if run.stopped]

    def _running(self) -> list[Run]:
        return [run for run in self.live if run.failure is None]

    def _finish(self, run: Run) -> None:
        """Score the test split, and train if set, with the best weights; not for a run that diverged or was pruned."""
        if run.failure is None and not run.pruned:
            params, run.best = run.best_weights(self.dispatcher.gather(run).params)
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

    def _drop_idle_rows(self) -> None:
        """Go on with the runs that are left.

        Where their rows cannot be skipped, a program for fewer is compiled once they are half or fewer.
        """
        if self.live and self.dispatcher.skips_rows:
            self.dispatcher.keep(self.live)
        elif 0 < 2 * len(self.live) <= len(self.dispatcher.runs):
            self.compile_before += self.dispatcher.update.compile_seconds
            self.dispatcher = Dispatcher(self.live, self.graph, [self.dispatcher.gather(run) for run in self.live])

    def _resumed(self, initial: Sequence[TrainState]) -> Sequence[TrainState]:
        """Resume from the newest checkpoint that all runs have; return its states, the initial ones without any."""
        checkpoints = latest([run.checkpoints for run in self.live], initial[0])
        if checkpoints is None:
            for run in self.live:
                run.checkpoints.drop_after(0)
            starts = zip(self.live, initial, strict=True)
            return [with_initial_weights(run, self.graph, state) for run, state in starts]
        for run, (state, meta) in zip(self.live, checkpoints, strict=True):
            run.resume(state, meta)
        _, meta = checkpoints[0]
        self.replicas = max(self.replicas, meta.get("replicas", 1))
        self.wall_before, self.compile_before = meta["wall_seconds"], meta["compile_seconds"]
        self.watch = Stopwatch(meta["seconds"], meta["pace"])
        logger.info("Resuming from the checkpoint of update %s.", f"{meta['update']:,}")
        warn_of_changes(meta["environment"])
        return [state for state, _ in checkpoints]

    def _note_progress(self, run: Run) -> None:
        run.note_progress(self.done)
        record = run.record
        record.speed = {**self.watch.summary(), "compile_seconds": self._compile_seconds(), "item": self.task.item}
        record.speed["replicas"] = self.replicas
        record.memory = {"step_bytes": self.dispatcher.update.step_bytes, "peak_rss_bytes": peak_rss_bytes()}
        record.wall_seconds = self._wall_seconds()

    def _clock(self) -> dict[str, Any]:
        """Return the part of a checkpoint on time and environment, which all runs share."""
        return {
            "seconds": self.watch.elapsed,
            "pace": self.watch.pace,
            "compile_seconds": self._compile_seconds(),
            "wall_seconds": self._wall_seconds(),
            "replicas": self.replicas,
            "environment": environment(),
        }

    def _compile_seconds(self) -> float:
        return self.compile_before + self.dispatcher.update.compile_seconds

    def _wall_seconds(self) -> float:
        return self.wall_before + time.monotonic() - self.began


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: fmean(row[name] for row in rows) for name in rows[0]} if rows else {}
