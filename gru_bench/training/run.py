"""One run while it is trained: its progress, its best weights and the files it writes."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import optax

from gru_bench.config import Config
from gru_bench.data.batches.base import Batches
from gru_bench.errors import ConfigError
from gru_bench.models.model import Model
from gru_bench.record import RunRecord, Status
from gru_bench.tracking.metrics_file import MetricsFile
from gru_bench.tracking.tracker import Tracker, summarise
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.checkpoint import Checkpoints, DamagedCheckpoint, checkpoint_identity
from gru_bench.training.meter import Diverged, Interval, Meter
from gru_bench.training.optimizer import make_schedule
from gru_bench.training.step import Params, TrainState

logger = logging.getLogger("gru_bench")


class Run:
    """One run, alone or beside others: its settings, its directory, its record and its progress.

    Attributes:
        failure: why it diverged, where it did.
        pruned: why it was stopped early, if it was.
        network: the network with its best weights, once the run is finished.
        test_sums: what the test metrics are made of, once the run is finished.
    """

    def __init__(
        self,
        config: Config,
        directory: Path,
        record: RunRecord,
        blueprint: Blueprint,
        batches: Batches,
        tracker: Tracker,
    ):
        """Begin at update 0; `resume` continues from a checkpoint."""
        self.config, self.directory, self.record = config, directory, record
        self.blueprint, self.batches, self.tracker = blueprint, batches, tracker
        self.checkpoints = Checkpoints(directory / "checkpoints", checkpoint_identity(record))
        self.updates_per_epoch = len(batches)
        self.meter = Meter(config.training.log_every, config.optimizer.clip_norm, [])
        self.best: dict[str, Any] = {"update": None, "value": math.nan}
        self.without_improvement = 0
        self.evaluated_at = 0
        self.failure: Diverged | None = None
        self.pruned = ""
        self.network: Model | None = None
        self.test_sums: dict[str, np.ndarray] = {}

    @cached_property
    def total_updates(self) -> int | None:
        """How many updates the budget allows; see `total_updates`."""
        return total_updates(self.config, self.updates_per_epoch, self.record.flops_per_update)

    @cached_property
    def schedule(self) -> optax.Schedule:
        """The learning rate as a function of the update."""
        return make_schedule(self.config.optimizer, self.updates_per_epoch, self.total_updates)

    def resume(self, state: TrainState, meta: Mapping[str, Any]) -> None:
        """Continue from what `checkpoint` wrote."""
        self.best, self.evaluated_at = meta["best"], meta["evaluated_at"]
        self.without_improvement = meta["without_improvement"]
        self.record.scored = meta["scored"]
        self.meter = Meter(self.config.training.log_every, self.config.optimizer.clip_norm, meta["unreported"])
        self.checkpoints.drop_after(meta["update"])
        if self.best["update"] is not None:
            self._recover_best(state)

    def _recover_best(self, state: TrainState) -> None:
        """Restore the best weights from the checkpoint of their update, where they are damaged or gone."""
        update = self.best["update"]
        try:
            self.checkpoints.load_best(state.params)
        except DamagedCheckpoint as damage:
            try:
                best, _ = self.checkpoints.load(update, state)
            except DamagedCheckpoint:
                logger.warning(
                    "%s The best weights so far, of update %s, are lost: the run can end only if a later evaluation is "
                    "better.",
                    damage,
                    f"{update:,}",
                )
            else:
                self.checkpoints.save_best(best.params, self.best)
                logger.warning("%s Rewritten from the checkpoint of update %s.", damage, f"{update:,}")

    def open_metrics(self, update: int) -> MetricsFile:
        """Open the metrics file, without the rows beyond `update`."""
        self._metrics = MetricsFile(self.directory / "metrics.jsonl")
        self._metrics.truncate_after(update)
        return self._metrics

    def batch(self, update: int) -> Mapping[str, Any]:
        """Return the batch that comes after `update` updates."""
        return self.batches.update(update)

    def note_interval(self, interval: Interval, seconds: float, pace: float) -> None:
        """Write a row of training."""
        row = {
            "loss": interval.loss,
            "gradient_norm": interval.gradient_norm,
            "clipped_share": interval.clipped_share,
            "learning_rate": float(np.asarray(self.schedule(interval.update - 1))),
            "items_per_second": pace,
        }
        self._write("train", interval.update, seconds, row)

    def note_evaluation(
        self, update: int, seconds: float, metrics: Mapping[str, float], gates: Mapping[str, float]
    ) -> None:
        """Write a row of an evaluation."""
        self._write("valid", update, seconds, {**metrics, **{f"gates/{name}": value for name, value in gates.items()}})
        self.evaluated_at = update

    def keep_best(self, update: int, metrics: Mapping[str, float], params: Params) -> None:
        """Keep the weights if no earlier ones were better on the validation split."""
        value = metrics[self.record.metric]
        improved = self._improved(value)
        self.without_improvement = 0 if improved else self.without_improvement + 1
        if improved or value == self.best["value"]:  # of equal ones the last: it was trained longer
            self.best = {"update": update, "value": value, "metrics": dict(metrics)}
            self.checkpoints.save_best(params, self.best)

    def best_weights(self, template: Params) -> tuple[Params, dict[str, Any]]:
        """Return the best weights, and what was written down with them.

        Raises:
            DamagedCheckpoint: their file is damaged or gone.
        """
        try:
            return self.checkpoints.load_best(template)
        except DamagedCheckpoint as error:
            raise DamagedCheckpoint(
                f"{error} The best weights cannot be restored; train the run again with fresh=true."
            ) from None

    @property
    def stopped(self) -> bool:
        """Whether the run diverged, was pruned, or has not improved for so long that it stops early."""
        return self.failure is not None or bool(self.pruned) or self.out_of_patience

    @property
    def out_of_patience(self) -> bool:
        """Whether the run has not improved for so long that it stops early."""
        patience = self.config.training.patience
        return patience is not None and self.without_improvement >= patience

    def checkpoint(self, update: int, state: TrainState, meta: Mapping[str, Any]) -> None:
        """Write a checkpoint; `meta` is what runs that are trained at once share."""
        own = {
            "update": update,
            "best": self.best,
            "without_improvement": self.without_improvement,
            "evaluated_at": self.evaluated_at,
            "scored": self.record.scored,
            "unreported": self.meter.unreported,
        }
        self._metrics.sync()
        self.checkpoints.save(update, state, {**meta, **own})

    def note_progress(self, update: int) -> None:
        """Bring the record up to date."""
        record = self.record
        record.updates, record.epochs = update, update / self.updates_per_epoch
        record.best_update = self.best["update"]
        if self.best["update"] is not None and "test" not in record.metrics:
            record.metrics = {"valid": self.best["metrics"]}

    def end(self, status: Status, reason: str = "") -> None:
        """Record how the run ended, and end its tracking."""
        try:
            self.settle(status, reason)
        finally:
            self.end_tracking()

    def settle(self, status: Status, reason: str = "") -> None:
        """Record how the run ended."""
        self.record.status, self.record.reason = status, reason
        self.record.ended = now()
        self.record.write(self.directory)

    def end_tracking(self) -> None:
        """Hand the tracker its summary; nothing can be tracked afterwards."""
        self.tracker.finish(summarise(dataclasses.asdict(self.record)), failed=self.record.status != "finished")

    def _improved(self, value: float) -> bool:
        if self.best["update"] is None:
            return True
        return value < self.best["value"] if self.record.direction == "min" else value > self.best["value"]

    def _write(self, split: str, update: int, seconds: float, values: Mapping[str, float]) -> None:
        epoch = update / self.updates_per_epoch
        self._metrics.write({"update": update, "epoch": epoch, "split": split, "seconds": seconds, **values})
        self.tracker.log({f"{split}/{name}": value for name, value in values.items()} | {"epoch": epoch}, update)


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


def now() -> str:
    """Return the local time with its offset from UTC, to the second."""
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
