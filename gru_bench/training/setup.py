"""Set up a run: its task and data, its record and its directory."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import yaml

from gru_bench.config import Config
from gru_bench.data.batches.base import Batches
from gru_bench.data.factory import file_digests, make_data
from gru_bench.declarations import declared
from gru_bench.errors import UserError
from gru_bench.files import write_atomically
from gru_bench.record import RunRecord, read_record
from gru_bench.tasks.factory import make_task
from gru_bench.tasks.task import Task
from gru_bench.tracking.factory import make_tracker
from gru_bench.tracking.tracker import NoTracker
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.environment import device, host, threads, versions
from gru_bench.training.run import Run, now
from gru_bench.training.saved import DATA_FILE

logger = logging.getLogger("gru_bench")


def load_task(config: Config) -> tuple[Task, Any]:
    """Return the task that settings name and the data it is learned from.

    Raises:
        UserError: a wrong setting, or the data is missing or damaged.
    """
    data = make_data(config.data, config.paths, declared(config.task.place).constants["accepts"])
    return make_task(config.task, data.describe()), data


def begin_run(
    config: Config,
    directory: Path,
    started: str | None,
    task: Task,
    data: Any,
    blueprint: Blueprint,
    baselines: dict[str, dict[str, float]],
) -> Run:
    """Write what is known of a run beforehand, and return it.

    Args:
        config: its settings.
        directory: its directory.
        started: when it was first started, if it continues; None: now.
        task: its task.
        data: its data.
        blueprint: its model.
        baselines: metrics of reference predictors on the test split, by name.
    """
    batches = task.train_batches(data, config.training, config.seed)
    record = _new_record(config, blueprint, data, batches, started or now())
    record.baselines = baselines
    if digests := file_digests(config.data):
        record.data_facts = {**record.data_facts, "files": digests}
    if started is not None:
        earlier = read_record(directory)
        _keep_flops(record, earlier)
        record.initial_weights = earlier.initial_weights
    record.write(directory)
    write_atomically(directory / "config.yaml", yaml.safe_dump(config.to_dict(), sort_keys=False).encode())
    write_atomically(directory / DATA_FILE, json.dumps(task.describe()).encode())
    tracker = make_tracker(
        config.tracker,
        run_config=config.to_dict(),
        run_dir=directory,
        group=f"{config.task.name}/{config.data.source}",
        tags=[config.model.cell],
        name=f"{config.model.cell}-{config.hash}-seed{config.seed}",
    )
    return Run(config, directory, record, blueprint, batches, tracker)


def unwritten_run(config: Config, task: Task, data: Any) -> Run:
    """Return a run that another process writes down."""
    batches, blueprint = task.train_batches(data, config.training, config.seed), Blueprint(config, task)
    record = _new_record(config, blueprint, data, batches, now())
    return Run(config, config.directory, record, blueprint, batches, NoTracker())


def _keep_flops(record: RunRecord, earlier: RunRecord) -> None:
    """Let a continued run keep the operations per update from which its number of updates was derived.

    Raises:
        UserError: several processes train the run; those that write nothing do not know how it was begun.
    """
    training = record.config["training"]
    if training["flops_budget"] is None or earlier.flops_per_update == record.flops_per_update:
        return
    counts = f"{earlier.flops_per_update:.6g} operations per update then, {record.flops_per_update:.6g} now"
    if training["processes"] > 1:
        raise UserError(
            f"training.flops_budget: the run was begun by a version that counted operations differently ({counts}). "
            "Finish it in one process (training.processes=1), or start over with fresh=true."
        )
    logger.info("This run was begun by a version that counted operations differently (%s); it keeps its count.", counts)
    record.flops_per_update, record.flops_counted = earlier.flops_per_update, earlier.flops_counted


def _new_record(config: Config, blueprint: Blueprint, data: Any, batches: Batches, started: str) -> RunRecord:
    return RunRecord(
        status="running",
        task=config.task.name,
        data=config.data.source,
        model=config.model.cell,
        seed=config.seed,
        config=config.to_dict(),
        config_hash=config.hash,
        cell_options=blueprint.cell_options,
        cell_defaults=blueprint.cell_defaults,
        versions=versions(),
        device=device(),
        threads=threads(),
        host=host(),
        parameters=blueprint.shapes.parameters,
        state_size=blueprint.shapes.state_size,
        flops_per_update=blueprint.flops_per_update(batches),
        flops_counted=blueprint.shapes.products,
        metric=blueprint.task.metric,
        direction=blueprint.task.direction,
        data_facts=data.facts,
        started=started,
        folder=str(Path.cwd()),
    )
