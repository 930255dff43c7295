"""What W&B costs a run: seconds of training with it, as a ratio to those without, round by round.

    python scripts/wandb_cost.py
    python scripts/wandb_cost.py rounds=20 updates=2000

Runs are the default ones of `train`, processes of their own; the server is one on the loopback address, well or in
trouble. Each round trains once without W&B and once with each server, in a new order. Take it on an idle machine.
"""

from __future__ import annotations

import os
import platform
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
from faults.runs import Ground
from faults.tracking import TROUBLES, Trouble, train_tracked
from rich import box
from rich.console import Console
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.errors import UserError
from gru_bench.history import METRICS_FILE, read_metrics
from gru_bench.training.environment import device, versions
from gru_bench.validation import Natural, Positive

_SERVERS: dict[str, Trouble | None] = {
    "none": None,
    "a server that answers": Trouble(),
    "a server that answers 500 in mid-run": TROUBLES["the server answers 500 in mid-run"],
}


def wandb_cost(*, rounds: Positive = 10, updates: Positive = 1000, seed: Natural = 0) -> int:
    """Train with and without W&B and print what it costs.

    Args:
        rounds: how many runs of each kind
        updates: of a run
        seed: of the orders
    """
    chance = random.Random(seed)
    took: dict[str, list[float]] = {name: [] for name in _SERVERS}
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), ("tracker=none", "task.sample_length=0", f"training.updates={updates}"))
        for number in range(rounds):
            for name in chance.sample(list(_SERVERS), len(_SERVERS)):
                took[name].append(_seconds(ground, _SERVERS[name]))
                print(f"round {number + 1} of {rounds}: {name}: {1e3 * took[name][-1]:.3f} ms per update", flush=True)
    table = Table(box=box.MARKDOWN)
    for column in ("W&B", "ms per update, median", "ratio to none, median", "quartiles"):
        table.add_column(column, justify="left" if column == "W&B" else "right")
    for name, seconds in took.items():
        ratios = np.array(seconds) / np.array(took["none"])
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        table.add_row(name, f"{1e3 * np.median(seconds):.3f}", f"{middle:.3f}", f"{low:.3f} to {high:.3f}")
    console = Console(width=120)
    console.print(table)
    known = versions()
    console.print(
        f"{rounds} rounds of {updates} updates. {device()}, {os.cpu_count()} cores; Python "
        f"{platform.python_version()}, jax {known['jax']}, commit {known['commit']}."
    )
    return 0


def _seconds(ground: Ground, trouble: Trouble | None) -> float:
    """Train; return the seconds of an update, all that happens between two of them included, compilation not."""
    run = ground.place("cost")
    done = ground.train(run) if trouble is None else train_tracked(ground, run, trouble)
    if done.code != 0:
        raise UserError(f"a run failed:\n{done.text}")
    if trouble is not None and not done.line("W&B: http"):
        raise UserError(f"W&B was not online:\n{done.text}")
    rows = [row for row in read_metrics(run / METRICS_FILE) if row["split"] == "train"]
    return (rows[-1]["seconds"] - rows[0]["seconds"]) / (rows[-1]["update"] - rows[0]["update"])


if __name__ == "__main__":
    sys.exit(run_command(wandb_cost))
