"""Measure what the host costs an update, and what replicas gain: `training.updates_per_dispatch`, `training.replicas`.

    python scripts/profile_updates.py tasks=language_modeling,sentiment,time_series models=gru,lstm replicas=8 rounds=5

For each task (its default run) and cell, in interleaved rounds and with compilation apart:

- device: seconds per update of the compiled program alone, its batches ready, `block_until_ready`;
- loop: seconds per update of the training loop (batches, dispatch, reading metrics, rows of the metrics file), and the
  overhead: the share of them that the device does not account for;
- replicas: updates times replicas per second, beside those of one run after the other.
"""

from __future__ import annotations

import dataclasses
import io
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.data.factory import make_data
from gru_bench.session import begin_run
from gru_bench.tasks.factory import ACCEPTS, make_task
from gru_bench.tasks.task import Task
from gru_bench.training.environment import device, keep_freed_memory, versions
from gru_bench.training.layout import take_cores_as_devices
from gru_bench.training.lengths import store
from gru_bench.training.loop import Training

WARM_UP, READY = 3, 10  # rounds that do not count; batches of the device's own measurement
UNENDING = 10**7


def profile(
    *,
    tasks: str = "language_modeling,sentiment,time_series",
    models: str = "gru,lstm",
    dispatches: str = "1,10",
    replicas: int = 8,
    rounds: int = 5,
    updates: int = 40,
    settings: str = "",
) -> int:
    """Measure and print.

    Args:
        tasks: names of tasks
        models: names of cells
        dispatches: values of training.updates_per_dispatch
        replicas: how many to train at once; 0 leaves them out
        rounds: interleaved measurements, of which the median is shown
        updates: optimiser updates per measurement
        settings: further settings of train, separated by blanks, such as "model.hidden_size=32"
    """
    take_cores_as_devices(max(1, replicas))
    keep_freed_memory()
    sizes = [int(text) for text in dispatches.split(",")]
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("task", "cell", "device\nms", *(f"loop, {size} per dispatch\nms (overhead)" for size in sizes)):
        table.add_column(title, justify="left" if title in ("task", "cell") else "right")
    if replicas:
        table.add_column(f"updates x replicas per second\none by one, {replicas} at once (gain)", justify="right")
        table.add_column("compile s\none, all", justify="right")
    for name in tasks.split(","):
        for cell in models.split(","):
            arguments = (f"task={name}", f"model={cell}", "tracker=none", *settings.split())
            table.add_row(name, cell, *_measure(composed(*arguments), sizes, replicas, rounds, updates))
    known = versions()
    console = Console(width=150)
    console.print(table)
    console.print(
        f"{device()}, {os.cpu_count()} cores; Python {platform.python_version()}, jax {known['jax']}, commit "
        f"{known['commit']}; median of {rounds} rounds of {updates} updates."
    )
    return 0


def _measure(config: Config, sizes: list[int], replicas: int, rounds: int, updates: int) -> list[str]:
    data = make_data(config.data, config.paths, ACCEPTS[config.task.name])
    task = make_task(config.task, data.describe())
    with tempfile.TemporaryDirectory() as folder:
        loops = {size: _training(config, task, data, Path(folder, str(size)), size, 1) for size in sizes}
        together = _training(config, task, data, Path(folder, "all"), sizes[-1], replicas) if replicas else None
        bare = _training(config, task, data, Path(folder, "bare"), READY, 1)
        bare.dispatch()
        measured: dict[str, list[float]] = {}
        for number in range(WARM_UP + rounds):
            found = {"device": _device_seconds(bare, updates)}
            found |= {f"loop {size}": _loop_seconds(training, updates) for size, training in loops.items()}
            if together is not None:
                found["all"] = _loop_seconds(together, max(updates // replicas, sizes[-1]))
            if number >= WARM_UP:
                for name, seconds in found.items():
                    measured.setdefault(name, []).append(seconds)
        median = {name: statistics.median(values) for name, values in measured.items()}
        shown = [f"{1e3 * median['device']:.2f}"]
        for size in sizes:
            overhead = 1 - median["device"] / median[f"loop {size}"]
            shown.append(f"{1e3 * median[f'loop {size}']:.2f} ({100 * overhead:.1f} %)")
        if together is not None:
            one, every = 1 / median[f"loop {sizes[-1]}"], replicas / median["all"]
            shown.append(f"{one:,.0f}, {every:,.0f} ({every / one:.2f})")
            compiled = loops[sizes[-1]].update.compile_seconds, together.update.compile_seconds
            shown.append(", ".join(f"{seconds:.1f}" for seconds in compiled))
        return shown


def _training(config: Config, task: Task, data: Any, folder: Path, per_dispatch: int, replicas: int) -> Training:
    """Return a training that evaluates never; its files go to `folder`."""
    training = dataclasses.replace(
        config.training,
        updates=UNENDING,
        epochs=None,
        eval_every=UNENDING,
        checkpoint_every=None,
        updates_per_dispatch=per_dispatch,
        replicas=replicas,
    )
    runs = [
        begin_run(member, folder / str(member.seed), None, task, data, {})
        for member in dataclasses.replace(config, training=training).runs
    ]
    for run in runs:
        run.open_metrics(0)
    return Training(runs, task, data, Console(file=io.StringIO()))


def _loop_seconds(training: Training, updates: int) -> float:
    """Return seconds per update of the loop, the device's last one included."""
    before, compiled = training.done, training.update.compile_seconds
    start = time.perf_counter()
    training.watch.start()
    while training.done < before + updates:
        training.dispatch()
    training.pause()
    elapsed = time.perf_counter() - start - (training.update.compile_seconds - compiled)
    return elapsed / (training.done - before)


def _device_seconds(training: Training, updates: int) -> float:
    """Return seconds per update of the compiled program, over batches like those of the loop."""
    run = training.rows[0]
    seconds, done = 0.0, 0
    while done < updates:
        batches = [run.batch(training.done + done + index) for index in range(READY)]
        for batch in batches:
            stored = store(batch, run.batches.lengths)
            stacked = jax.device_put({name: np.stack([value] * READY) for name, value in stored.items()})
            jax.block_until_ready(stacked)
            compiled = training.update.compile_seconds
            start = time.perf_counter()
            training.state, _ = training.update(training.state, stacked, np.int32(READY), training.scalars)
            jax.block_until_ready(training.state)
            compiled = training.update.compile_seconds - compiled
            seconds += (time.perf_counter() - start - compiled) / READY
            done += 1
    training.done += done
    return seconds / done


if __name__ == "__main__":
    sys.exit(run_command(profile))
