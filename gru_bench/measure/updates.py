"""Seconds of whole training updates of several arms, timed in turn in one process, without compilation."""

from __future__ import annotations

import dataclasses
import io
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.console import Console

from gru_bench.config import Config
from gru_bench.errors import ConfigError
from gru_bench.measure.rounds import in_turn
from gru_bench.sections import TrackerConfig
from gru_bench.tasks.task import Task
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.dispatch import Dispatcher
from gru_bench.training.loop import Training
from gru_bench.training.setup import begin_run, load_task

WARM_UP = 3  # rounds that are not counted
_UNENDING = 10**7


def update_seconds(configs: Mapping[str, Config], rounds: int, updates: int) -> dict[str, list[float]]:
    """Return the seconds per update of the training loop in each round, by arm.

    Each round times every arm once, and starts with another one; the seconds of one round are a paired measurement.
    The loop is that of `train`: batches, dispatch, reading metrics, rows of the metrics file; it neither evaluates nor
    reports to a tracker. The first `WARM_UP` rounds are not counted.

    Args:
        configs: settings by arm, with the same task and data. An update of replicas is one update of each.
        rounds: number of counted rounds.
        updates: updates per round and arm; the last dispatch may add a few, which are counted.

    Raises:
        UserError: the arms differ in task or data, or a setting or file is wrong.
    """
    first = _of_one_task(configs)
    task, data = load_task(first)
    with tempfile.TemporaryDirectory() as folder:
        timers = {
            name: partial(loop_seconds, begin_training(config, task, data, Path(folder, str(number))), updates)
            for number, (name, config) in enumerate(configs.items())
        }
        return {name: seconds[WARM_UP:] for name, seconds in in_turn(timers, WARM_UP + rounds).items()}


def _of_one_task(configs: Mapping[str, Config]) -> Config:
    first, *others = configs.values()
    for config in others:
        for section in ("task", "data"):
            value, expected = config.to_dict()[section], first.to_dict()[section]
            if value != expected:
                raise ConfigError(section, value, f"{expected}, as in the first arm", "Arms share task and data.")
    return first


def begin_training(config: Config, task: Task, data: Any, folder: Path) -> Training:
    """Return a training without an end, evaluations or a tracker; its files go to `folder`."""
    training = dataclasses.replace(
        config.training,
        updates=_UNENDING,
        epochs=None,
        flops_budget=None,
        seconds_budget=None,
        eval_every=_UNENDING,
        checkpoint_every=None,
    )
    config = dataclasses.replace(config, training=training, tracker=TrackerConfig(name="none"))
    runs = [
        begin_run(member, folder / str(number), None, task, data, Blueprint(member, task), {})
        for number, member in enumerate(config.runs)
    ]
    for run in runs:
        run.open_metrics(0)
    return Training(runs, task, data, Console(file=io.StringIO()))


def loop_seconds(training: Training, updates: int) -> float:
    """Return seconds per update of the loop, until the device is done and without compilation."""
    before, compiled = training.done, training.dispatcher.update.compile_seconds
    start = time.perf_counter()
    training.watch.start()
    while training.done < before + updates:
        training.dispatch()
    training.pause()
    elapsed = time.perf_counter() - start - (training.dispatcher.update.compile_seconds - compiled)
    return elapsed / (training.done - before)


def device_seconds(dispatcher: Dispatcher, updates: int) -> float:
    """Return seconds per update of the compiled program alone, over batches like those of the loop.

    Args:
        dispatcher: of one run.
        updates: number of timed batches, rounded up to a multiple of the updates that a dispatch has place for.
    """
    run, update, ready = dispatcher.runs[0], dispatcher.update, dispatcher.capacity
    seconds, done = 0.0, 0
    while done < updates:
        batches = [run.batch(dispatcher.done + done + index) for index in range(ready)]
        for batch in batches:
            placed = jax.block_until_ready(jax.device_put(dispatcher.place([[batch] * ready])))
            compiled = update.compile_seconds
            start = time.perf_counter()
            dispatcher.state, _ = update(dispatcher.state, placed, np.int32(ready), dispatcher.scalars)
            jax.block_until_ready(dispatcher.state)
            compiled = update.compile_seconds - compiled
            seconds += (time.perf_counter() - start - compiled) / ready
            done += 1
    dispatcher.done += done
    return seconds / done
