from __future__ import annotations

import dataclasses
import datetime
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.errors import UserError
from gru_bench.models.sizing import cell_flops
from gru_bench.tasks.task import Task
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.setup import begin_run, load_task
from tests.training.support import SMALL


def test_the_seed_decides_weights_and_dropout():
    drawn = {}
    for seed in (0, 1, 0):
        config = composed(*SMALL, f"seed={seed}")
        network, key = Blueprint(config, load_task(config)[0]).draw(config.seed)
        leaves = [*jax.tree.leaves(nnx.state(network, nnx.Param)), jax.random.key_data(key)]
        known = drawn.setdefault(seed, leaves)
        assert all(np.array_equal(one, other) for one, other in zip(known, leaves, strict=True))
    assert not any(np.array_equal(one, other) for one, other in zip(drawn[0], drawn[1], strict=True) if np.any(one))


def test_shapes_are_those_of_the_weights():
    config = composed(*SMALL, "model=lstm")
    task, _ = load_task(config)
    blueprint = Blueprint(config, task)
    shapes, (network, _) = blueprint.shapes, blueprint.draw(config.seed)
    assert shapes.parameters == network.parameters
    assert shapes.parts == network.parts
    assert shapes.parts["head"] == 7 * 9
    assert not any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(blueprint.params))


HOURLY = (
    "task=time_series",
    "data=series_csv",
    "data.path=hourly.csv",
    "data.targets=[y]",
    "data.covariates=[x]",
    "data.calendar=true",
    "data.context=12",
    "data.horizon=4",
)
GRAMMAR = ("task=sentiment", "data.train_size=400", "data.valid_size=100", "data.test_size=100")
NETWORKS = {
    "stacked": (*SMALL, "model.layers=3", "model.residual=true", "model.layer_norm=true"),
    "tied": (*SMALL, "model=lstm", "model.peepholes=true", "model.tied_embeddings=true", "model.embedding_size=null"),
    "reset before": (*SMALL, "model.reset_after=false"),
    "scan": (*SMALL, "model=mgu", "model.recurrence=scan"),
    "parallel": (*SMALL, "model=min_gru", "model.recurrence=parallel"),
    "last state": (*GRAMMAR, "model.layers=2"),
    "attention": (*GRAMMAR, "model.pooling=attention"),
    "attention in both directions": (*GRAMMAR, "model.pooling=attention", "model.bidirectional=true"),
    "features": HOURLY,
    "features and attention": (*HOURLY, "model=rnn", "model.pooling=attention", "model.bidirectional=true"),
    "memory": ("task=memory", "data=copy"),
    "counting": ("task=memory", "data=anbn"),
    "music": ("task=music",),
}


def by_hand(config: Config, task: Task, batch: Any) -> float:
    """Return the operations of the products of one batch, forward: layers, pooling and head."""
    settings, signature = config.model, task.signature
    cell = Blueprint(config, task).cell
    directions = 2 if settings.bidirectional else 1
    first = signature.channels if signature.symbols is None else settings.embedding_size or cell.hidden_size
    width = directions * cell.hidden_size
    layers = directions * sum(cell_flops(cell, size) for size in [first or 0, *[width] * (settings.layers - 1)])
    attention = 2 * (width * width + width) if settings.pooling == "attention" else 0
    rows, steps = batch["inputs"].shape[:2]
    outputs = rows if signature.pooled else batch["mask"].size
    head = 2 * (width + signature.features) * signature.outputs
    return (layers + attention) * rows * steps + head * outputs


@pytest.mark.parametrize("kind", NETWORKS)
def test_flops_are_those_of_the_products_in_the_program(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Forward once and backward twice: three times the products of the loss, over an average batch."""
    monkeypatch.chdir(tmp_path)
    if "data=series_csv" in NETWORKS[kind]:
        times = [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=hour) for hour in range(400)]
        rows = [f"{time:%Y-%m-%d %H:%M},{math.sin(n / 4):.4f},{n % 7}" for n, time in enumerate(times)]
        Path("hourly.csv").write_text("\n".join(["time,y,x", *rows]) + "\n")
    config = composed(*NETWORKS[kind], "tracker=none", "model.hidden_size=8")
    task, data = load_task(config)
    blueprint, batches = Blueprint(config, task), task.train_batches(data, config.training, seed=0)
    total = sum(by_hand(config, task, batch) for batch in batches)
    assert blueprint.flops_per_update(batches) == pytest.approx(3 * total / len(batches), rel=1e-12)
    parts = ["layers", "head", *["features"] * ("features" in kind), *["pooling"] * ("attention" in kind)]
    assert blueprint.shapes.products == parts
    assert task.signature.features == (4 * (1 + 6) if "features" in kind else 0)


def test_a_continued_run_keeps_the_operations_that_its_updates_were_derived_from(tmp_path: Path):
    budget = ("training.updates=null", "training.epochs=null", "training.flops_budget=1e8")
    config = composed(*(text for text in SMALL if not text.startswith("training.updates")), *budget)
    task, data = load_task(config)
    run = begin_run(config, tmp_path, None, task, data, Blueprint(config, task), {})
    assert run.total_updates is not None
    earlier = dataclasses.replace(
        run.record, flops_per_update=run.record.flops_per_update / 2, flops_counted=["layers"]
    )
    earlier.write(tmp_path)
    continued = begin_run(config, tmp_path, earlier.started, task, data, Blueprint(config, task), {})
    assert continued.total_updates == pytest.approx(2 * run.total_updates, abs=1)
    assert continued.record.flops_counted == ["layers"]
    anew = begin_run(config, tmp_path, None, task, data, Blueprint(config, task), {})
    assert anew.total_updates == run.total_updates
    earlier.write(tmp_path)
    shared = dataclasses.replace(config, training=dataclasses.replace(config.training, processes=2))
    with pytest.raises(UserError, match="counted operations differently"):
        begin_run(shared, tmp_path, earlier.started, task, data, Blueprint(shared, task), {})
