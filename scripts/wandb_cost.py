"""What W&B costs a run: seconds of an update with it, as a ratio to those without.

    python scripts/wandb_cost.py
    python scripts/wandb_cost.py rounds=20 updates=10000

Runs are the default ones of `train`, processes of their own; the server is one on the loopback address, well or in
trouble. One run without W&B and one with it are trained side by side, so that both meet the same noise of the machine,
each on a core of its own, which W&B's own process has to share; then once more with the cores exchanged. Take it on an
idle machine.
"""

from __future__ import annotations

import math
import os
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np
from faults.runs import Ground, Outcome
from faults.tracking import TROUBLES, Trouble, train_tracked
from rich import box
from rich.console import Console
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.errors import UserError
from gru_bench.history import METRICS_FILE, read_metrics
from gru_bench.training.environment import device, versions
from gru_bench.validation import Positive

_SERVERS = {
    "a server that answers": Trouble(),
    "a server that answers 500 in mid-run": TROUBLES["the server answers 500 in mid-run"],
}
_EDGE = 0.2  # of a run, at its start and at its end, in which the other one may not be training


def wandb_cost(*, rounds: Positive = 10, updates: Positive = 5000) -> int:
    """Train with and without W&B and print what it costs.

    Args:
        rounds: how many times with each server and each order of the cores
        updates: of a run
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise UserError("two runs side by side take two cores; this process may use one.")
    ratios: dict[str, list[float]] = {name: [] for name in _SERVERS}
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), ("tracker=none", "task.sample_length=0", f"training.updates={updates}"))
        for number in range(rounds):
            for name, trouble in _SERVERS.items():
                pair = [_ratio(ground, trouble, *order) for order in (cores, reversed(cores))]
                ratios[name].append(math.sqrt(math.prod(pair)))
                print(f"round {number + 1} of {rounds}: {name}: {pair[0]:.4f}, {pair[1]:.4f}", flush=True)
    table = Table(box=box.MARKDOWN)
    for column in ("W&B", "ratio to none, median", "quartiles", "mean", "standard error"):
        table.add_column(column, justify="left" if column == "W&B" else "right")
    for name, found in ratios.items():
        low, middle, high = np.percentile(found, (25, 50, 75))
        error = np.std(found, ddof=1) / math.sqrt(rounds) if rounds > 1 else math.nan
        table.add_row(name, f"{middle:.4f}", f"{low:.4f} to {high:.4f}", f"{np.mean(found):.4f}", f"{error:.4f}")
    console = Console(width=120)
    console.print(table)
    known = versions()
    console.print(
        f"{rounds} rounds of {updates} updates. {device()}, {os.cpu_count()} cores; Python "
        f"{platform.python_version()}, jax {known['jax']}, commit {known['commit']}."
    )
    return 0


def _ratio(ground: Ground, trouble: Trouble, core: int, tracked_core: int) -> float:
    """Train without W&B on a core and with it on another; return the ratio of the seconds of an update."""
    plain, tracked = ground.place("plain"), ground.place("tracked")
    beside = ground.start(plain, wrapper=_on(core))
    with_it = train_tracked(ground, tracked, trouble, wrapper=_on(tracked_core))
    if not with_it.line("W&B: http"):
        raise UserError(f"W&B was not online:\n{with_it.text}")
    return _seconds(tracked, with_it) / _seconds(plain, beside.end())


def _on(core: int) -> list[str]:
    return ["taskset", "--cpu-list", str(core)]


def _seconds(run: Path, done: Outcome) -> float:
    """Return the seconds of an update, all that happens between two of them included."""
    if done.code != 0:
        raise UserError(f"a run failed:\n{done.text}")
    rows = [row for row in read_metrics(run / METRICS_FILE) if row["split"] == "train"]
    last = rows[-1]["update"]
    inner = [row for row in rows if _EDGE * last <= row["update"] <= (1 - _EDGE) * last]
    return (inner[-1]["seconds"] - inner[0]["seconds"]) / (inner[-1]["update"] - inner[0]["update"])


if __name__ == "__main__":
    sys.exit(run_command(wandb_cost))
