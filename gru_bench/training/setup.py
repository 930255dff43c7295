"""What there is before the first update: data and task, the network as drawn, the record, the run."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import jax
import yaml
from flax import nnx

from gru_bench.config import Config
from gru_bench.data.factory import file_digests, make_data
from gru_bench.errors import UserError
from gru_bench.files import write_atomically
from gru_bench.models.factory import cell_defaults, make_cell, make_model, stack_shape
from gru_bench.models.network import Network
from gru_bench.models.pooling import POOLINGS
from gru_bench.models.sizing import state_size, update_flops
from gru_bench.record import RunRecord, read_record
from gru_bench.tasks.factory import make_task
from gru_bench.tasks.settings import ACCEPTS
from gru_bench.tasks.task import Task, TrainBatches
from gru_bench.tracking.tracker import NoTracker, make_tracker
from gru_bench.training.environment import device, host, threads, versions
from gru_bench.training.run import Run, now
from gru_bench.training.saved import DATA_FILE

logger = logging.getLogger("gru_bench")


def load_task(config: Config) -> tuple[Task, Any]:
    """Return the task that settings name and the data it is learned from.

    Raises:
        UserError: a wrong setting, or the data is missing or damaged.
    """
    data = make_data(config.data, config.paths, ACCEPTS[config.task.name])
    return make_task(config.task, data.describe()), data


def initial_network(config: Config, task: Task) -> tuple[Network, jax.Array]:
    """Return the network before the first update, and the key that draws its dropout masks; the seed decides both."""
    weights_key, dropout_key = jax.random.split(jax.random.key(config.seed))
    return make_model(config.model, config.training, task.signature, weights_key), dropout_key


def network_shapes(config: Config, task: Task) -> Network:
    """Return the network with the shapes of its weights instead of weights: nothing is computed."""
    return nnx.eval_shape(lambda: initial_network(config, task)[0])


def counted_products(config: Config, task: Task) -> list[str]:
    """Return the parts of a network whose matrix products `flops_per_update` counts."""
    pooling = task.signature.pooled and POOLINGS[config.model.pooling].step_flops(1) > 0
    return ["layers", "head", *["features"] * bool(task.signature.features), *["pooling"] * pooling]


def flops_per_update(config: Config, task: Task, batches: TrainBatches) -> float:
    """Return the floating-point operations of an update with an average batch; see `update_flops`."""
    signature = task.signature
    cell, shape = make_cell(config.model, signature), stack_shape(config.model, signature)
    pooling = POOLINGS[config.model.pooling] if signature.pooled else None
    return update_flops(
        cell,
        shape,
        signature.outputs,
        batches.time_steps,
        batches.outputs,
        features=signature.features,
        pooling_flops=pooling.step_flops(shape.output_size(cell.hidden_size)) if pooling else 0,
    )


def begin_run(
    config: Config, directory: Path, started: str | None, task: Task, data: Any, baselines: dict[str, dict[str, float]]
) -> Run:
    """Write what is known of a run beforehand, and return it.

    Args:
        config: its settings.
        directory: its directory.
        started: when it was begun, where it goes on; None now.
        task: its task.
        data: its data.
        baselines: metrics of reference predictors on the test split, by name.
    """
    batches = task.train_batches(data, config.training, config.seed)
    record = _new_record(config, task, data, batches, started or now())
    record.baselines = baselines
    if digests := file_digests(config.data):
        record.data_facts = {**record.data_facts, "files": digests}
    if started is not None:
        _keep_flops(record, read_record(directory))
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
    return Run(config, directory, record, batches, tracker)


def unwritten_run(config: Config, task: Task, data: Any) -> Run:
    """Return a run that another process writes down."""
    batches = task.train_batches(data, config.training, config.seed)
    record = _new_record(config, task, data, batches, now())
    return Run(config, config.directory, record, batches, NoTracker())


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


def _new_record(config: Config, task: Task, data: Any, batches: TrainBatches, started: str) -> RunRecord:
    cell, shape = make_cell(config.model, task.signature), stack_shape(config.model, task.signature)
    defaults = cell_defaults(config.model)
    return RunRecord(
        status="running",
        task=config.task.name,
        data=config.data.source,
        model=config.model.cell,
        seed=config.seed,
        config=config.to_dict(),
        config_hash=config.hash,
        cell_options={name: getattr(cell, name) for name in defaults},
        cell_defaults=defaults,
        versions=versions(),
        device=device(),
        threads=threads(),
        host=host(),
        parameters=network_shapes(config, task).parameters,
        state_size=state_size(cell, shape),
        flops_per_update=flops_per_update(config, task, batches),
        flops_counted=counted_products(config, task),
        metric=task.metric,
        direction=task.direction,
        data_facts=data.facts,
        started=started,
        folder=str(Path.cwd()),
    )
