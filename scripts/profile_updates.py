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
import os
import platform
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.measure.rounds import in_turn
from gru_bench.measure.updates import WARM_UP, begin_training, device_seconds, loop_seconds
from gru_bench.tasks.task import Task
from gru_bench.training.environment import device, keep_freed_memory, versions
from gru_bench.training.loop import Training
from gru_bench.training.replicas import use_cores_as_devices
from gru_bench.training.setup import load_task


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
    use_cores_as_devices(max(1, replicas))
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
    task, data = load_task(config)
    with tempfile.TemporaryDirectory() as folder:
        loops = {size: _training(config, task, data, Path(folder, str(size)), size, 1) for size in sizes}
        together = _training(config, task, data, Path(folder, "all"), sizes[-1], replicas) if replicas else None
        bare = _training(config, task, data, Path(folder, "bare"), config.training.updates_per_dispatch, 1)
        bare.dispatch()
        timers = {"device": partial(device_seconds, bare.dispatcher, updates)}
        timers |= {f"loop {size}": partial(loop_seconds, training, updates) for size, training in loops.items()}
        if together is not None:
            timers["all"] = partial(loop_seconds, together, max(updates // replicas, sizes[-1]))
        measured = in_turn(timers, WARM_UP + rounds)
        median = {name: statistics.median(values[WARM_UP:]) for name, values in measured.items()}
        shown = [f"{1e3 * median['device']:.2f}"]
        for size in sizes:
            overhead = 1 - median["device"] / median[f"loop {size}"]
            shown.append(f"{1e3 * median[f'loop {size}']:.2f} ({100 * overhead:.1f} %)")
        if together is not None:
            one, every = 1 / median[f"loop {sizes[-1]}"], replicas / median["all"]
            shown.append(f"{one:,.0f}, {every:,.0f} ({every / one:.2f})")
            compiled = loops[sizes[-1]].dispatcher.update.compile_seconds, together.dispatcher.update.compile_seconds
            shown.append(", ".join(f"{seconds:.1f}" for seconds in compiled))
        return shown


def _training(config: Config, task: Task, data: Any, folder: Path, per_dispatch: int, replicas: int) -> Training:
    training = dataclasses.replace(config.training, updates_per_dispatch=per_dispatch, replicas=replicas)
    return begin_training(dataclasses.replace(config, training=training), task, data, folder)


if __name__ == "__main__":
    sys.exit(run_command(profile))
