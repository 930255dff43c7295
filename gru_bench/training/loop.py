"""The one training loop: update, log, evaluate, checkpoint, stop."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from rich.console import Console

from gru_bench.config import Config
from gru_bench.errors import ConfigError
from gru_bench.models.factory import make_model
from gru_bench.models.network import Network
from gru_bench.record import RunRecord
from gru_bench.tasks.task import Task, TrainBatches
from gru_bench.tracking.metrics_file import MetricsFile
from gru_bench.tracking.progress import Progress
from gru_bench.tracking.tracker import Tracker
from gru_bench.training.checkpoint import Checkpoints, load_tree, save_tree
from gru_bench.training.environment import environment, peak_rss_bytes
from gru_bench.training.evaluate import Evaluator
from gru_bench.training.meter import Diverged, Meter, Stopwatch
from gru_bench.training.optimizer import make_optimizer, make_schedule
from gru_bench.training.signals import Interrupted, SignalWatch
from gru_bench.training.step import Compiled, TrainState, make_update

logger = logging.getLogger("gru_bench")


class Training:
    """A run from its settings to its final weights; `run` goes on from the newest checkpoint where there is one."""

    def __init__(
        self,
        config: Config,
        task: Task,
        data: Any,
        batches: TrainBatches,
        run_dir: Path,
        record: RunRecord,
        tracker: Tracker,
        console: Console,
    ):
        self.config, self.task, self.data, self.batches = config, task, data, batches
        self.run_dir, self.record, self.tracker, self.console = run_dir, record, tracker, console
        self.checkpoints = Checkpoints(run_dir / "checkpoints")

        training = config.training
        self.valid_batches = task.eval_batches(data, "valid", training)
        self.updates_per_epoch = len(self.batches)
        self.total_updates = total_updates(config, self.updates_per_epoch, record.flops_per_update)
        self.eval_every = training.eval_every or self.updates_per_epoch
        self.schedule = make_schedule(config.optimizer, self.updates_per_epoch, self.total_updates)
        optimizer = make_optimizer(config.optimizer, self.schedule)

        model_key, dropout_key = jax.random.split(jax.random.key(config.seed))
        network = make_model(config.model, training, task.signature, model_key)
        self.graph, params = nnx.split(network)
        self.state = TrainState(
            params=params,
            optimizer=optimizer.init(params),
            carry=task.initial_carry(network, training.batch_size),
            key=dropout_key,
            update=jnp.zeros((), jnp.int32),
        )
        self.update = Compiled(make_update(self.graph, task, optimizer, training.loss_reduction), donate=(0,))
        self.evaluator = Evaluator(self.graph, task)

        self.done = 0
        self.best: dict[str, Any] = {"update": None, "value": math.nan}
        self.without_improvement = 0
        self.evaluated_at = 0
        self.wall_before = 0.0
        self.meter = Meter(training.log_every, config.optimizer.clip_norm, [])
        self.watch = Stopwatch()

    def run(self) -> RunRecord:
        """Train to the end of the budget, or until validation no longer improves, and read the test split once.

        Raises:
            Interrupted: SIGINT or SIGTERM came; the checkpoint is written.
            Diverged: a loss, a gradient or the validation metric is not finite; the last good checkpoint is kept.
            UserError: the disk is full, or no checkpoint is whole.
        """
        self.began = time.monotonic()
        self._resume()
        metrics_file = MetricsFile(self.run_dir / "metrics.jsonl")
        metrics_file.truncate_after(self.done)
        progress = Progress(
            self.total_updates,
            self.task.item,
            self.console,
            total_seconds=self.config.training.seconds_budget,
            first_update=self.done,
        )
        try:
            with metrics_file as self.metrics_file, progress as self.progress, SignalWatch() as self.signals:
                self._train()
        finally:
            self._note_progress()
        self._finish()
        return self.record

    def _train(self) -> None:
        self.watch.start()
        while not self._spent():
            self._do_update()
            if self.done % self.config.training.log_every == 0:
                self._log(block=False)
            if self.done % self.eval_every == 0:
                self._evaluate()
            elif self._checkpoint_due():
                self._pause()
                self._checkpoint()
                self.watch.start()
            if self.signals.received is not None:
                self._interrupt(self.signals.received)
        self._pause()
        if self.evaluated_at != self.done:
            self._evaluate()

    def _do_update(self) -> None:
        batch = self.batches.at(*divmod(self.done, self.updates_per_epoch))
        compiled_before = self.update.compile_seconds
        self.state, metrics = self.update(self.state, batch)
        self.done += 1
        if self.update.compile_seconds > compiled_before:
            jax.block_until_ready(self.state)
            self.watch.start()
        else:
            self.watch.add(int(batch["mask"].sum()))
        self.meter.add(self.done, metrics)

    def _spent(self) -> bool:
        training = self.config.training
        if training.patience is not None and self.without_improvement >= training.patience:
            return True
        if training.seconds_budget is not None:
            return self.done > 0 and self.watch.elapsed >= training.seconds_budget
        return self.done >= (self.total_updates or 0)

    def _log(self, block: bool) -> None:
        for interval in self.meter.take(self.done, block):
            row = {
                "loss": interval.loss,
                "gradient_norm": interval.gradient_norm,
                "clipped_share": interval.clipped_share,
                "learning_rate": float(np.asarray(self.schedule(interval.update - 1))),
            }
            pace = self.watch.items_per_second
            self.progress.advance(interval.update, interval.loss, pace, self.watch.elapsed)
            self._write("train", interval.update, {**row, "items_per_second": pace})

    def _write(self, split: str, update: int, values: Mapping[str, float]) -> None:
        epoch = update / self.updates_per_epoch
        seconds = self.watch.elapsed
        self.metrics_file.write({"update": update, "epoch": epoch, "split": split, "seconds": seconds, **values})
        self.tracker.log({f"{split}/{name}": value for name, value in values.items()} | {"epoch": epoch}, update)

    def _pause(self) -> None:
        """Let the device finish, so that all metrics are known and the clock stops."""
        self.watch.stop(self.state)
        self._log(block=True)

    def _evaluate(self) -> None:
        self._pause()
        metrics = self.evaluator(self.state.params, self.valid_batches)
        self.record.scored["valid"] = metrics.pop("items")
        gates = {f"gates/{name}": value for name, value in self._gate_activity().items()}
        self._write("valid", self.done, metrics | gates)
        self.progress.evaluated(self.done, metrics)
        self.evaluated_at = self.done
        value = metrics[self.task.metric]
        if not math.isfinite(value):
            raise Diverged(self.done, f"{self.task.metric} on the validation split", value)
        improved = self._improved(value)
        self.without_improvement = 0 if improved else self.without_improvement + 1
        if improved or value == self.best["value"]:  # of equal ones the last: it was trained longer
            self.best = {"update": self.done, "value": value, "metrics": metrics}
            save_tree(self.checkpoints.best_path, self.state.params, self.best)
        self._checkpoint()
        self._note_progress()
        self.record.write(self.run_dir)
        self.watch.start()

    def _improved(self, value: float) -> bool:
        if self.best["update"] is None:
            return True
        return value < self.best["value"] if self.task.direction == "min" else value > self.best["value"]

    def _gate_activity(self) -> dict[str, float]:
        batch = self.valid_batches[0]
        network = nnx.merge(self.graph, self.state.params)
        carry = network.zero_carry(batch["mask"].shape[0])
        activity = _gate_activity(network, batch["inputs"], carry, batch.get("padding"))
        return {name: float(value) for name, value in jax.device_get(activity).items()}

    def _checkpoint_due(self) -> bool:
        every = self.config.training.checkpoint_every
        return every is not None and self.done % every == 0

    def _checkpoint(self) -> None:
        meta = {
            "update": self.done,
            "best": self.best,
            "without_improvement": self.without_improvement,
            "evaluated_at": self.evaluated_at,
            "scored": self.record.scored,
            "unreported": self.meter.unreported,
            "seconds": self.watch.elapsed,
            "pace": self.watch.pace,
            "compile_seconds": self.update.compile_seconds,
            "wall_seconds": self._wall_seconds(),
            "environment": environment(),
        }
        self.checkpoints.save(self.done, self.state, meta)

    def _resume(self) -> None:
        found = self.checkpoints.latest(self.state)
        if found is None:
            return
        self.state, meta = found
        self.done, self.best = meta["update"], meta["best"]
        self.without_improvement, self.evaluated_at = meta["without_improvement"], meta["evaluated_at"]
        self.wall_before = meta["wall_seconds"]
        self.record.scored = meta["scored"]
        self.update.compile_seconds = meta["compile_seconds"]
        training = self.config.training
        self.meter = Meter(training.log_every, self.config.optimizer.clip_norm, meta["unreported"])
        self.watch = Stopwatch(meta["seconds"], meta["pace"])
        logger.info("Going on from the checkpoint of update %s.", f"{self.done:,}")
        now = environment()
        changed = [
            f"{name}: {meta['environment'].get(name)} -> {value}"
            for name, value in now.items()
            if meta["environment"].get(name) != value
        ]
        if changed:
            logger.warning(
                "The surroundings have changed (%s): from here on, numbers may differ in their last bits from those "
                "of an uninterrupted run.",
                "; ".join(changed),
            )

    def _interrupt(self, number: int) -> None:
        self._pause()
        self._checkpoint()
        raise Interrupted(number)

    def _finish(self) -> None:
        params, best = load_tree(self.checkpoints.best_path, self.state.params)
        self.best_network: Network = nnx.merge(self.graph, params)
        self.test_sums = self.evaluator.sums(params, self.task.eval_batches(self.data, "test", self.config.training))
        test = self.task.metrics(self.test_sums)
        self.record.scored["test"] = test.pop("items")
        self.record.metrics = {"valid": best["metrics"], "test": test}
        self._note_progress()

    def _note_progress(self) -> None:
        record = self.record
        record.updates, record.epochs = self.done, self.done / self.updates_per_epoch
        record.best_update = self.best["update"]
        if self.best["update"] is not None and "test" not in record.metrics:
            record.metrics = {"valid": self.best["metrics"]}
        record.speed = {**self.watch.summary(), "compile_seconds": self.update.compile_seconds, "item": self.task.item}
        record.memory = {"step_bytes": self.update.step_bytes, "peak_rss_bytes": peak_rss_bytes()}
        record.wall_seconds = self._wall_seconds()

    def _wall_seconds(self) -> float:
        return self.wall_before + time.monotonic() - self.began


@jax.jit
def _gate_activity(network: Network, inputs: jax.Array, carry: Any, padding: jax.Array | None) -> dict[str, jax.Array]:
    return network.gate_activity(inputs, carry, padding)


def total_updates(config: Config, updates_per_epoch: int, flops_per_update: float) -> int | None:
    """Return how many updates the budget allows; None where it is in seconds.

    Raises:
        ConfigError: the budget does not allow a single update.
    """
    training = config.training
    if training.updates is not None:
        return training.updates
    if training.epochs is not None:
        return max(1, round(training.epochs * updates_per_epoch))
    if training.flops_budget is None:
        return None
    if training.flops_budget < flops_per_update:
        raise ConfigError(
            "training.flops_budget",
            training.flops_budget,
            f"at least the operations of one update, {flops_per_update:.4g}",
        )
    return int(training.flops_budget // flops_per_update)
