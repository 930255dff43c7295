"""How long a run takes to its first update, and a command to its help, from the start of the process.

    python scripts/time_start.py settings="task=sentiment model=lstm"

Each run starts in a fresh directory; the first one finds no compiled programs and the others find its.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.errors import UserError
from gru_bench.validation import Positive

COMMANDS = ("train", "evaluate", "predict", "report", "bench")
LOOK_EVERY = 0.01  # seconds


def time_start(*, settings: str = "", repeats: Positive = 5) -> None:
    """Time the start of `train` and the help of every command.

    Args:
        settings: further settings of train, separated by blanks
        repeats: of each, of which the median is shown
    """
    with tempfile.TemporaryDirectory() as folder:
        cold, *cached = (_first_update(Path(folder), number, settings) for number in range(repeats + 1))
    table = Table("from process start to", "seconds", box=box.SIMPLE_HEAD)
    table.add_row("first update, nothing compiled yet", f"{cold:.2f}")
    table.add_row("first update, compiled before", f"{statistics.median(cached):.2f}")
    for command in COMMANDS:
        table.add_row(f"{command} --help", f"{statistics.median(_help(command) for _ in range(repeats)):.2f}")
    console = Console(width=100)
    console.print(table)
    console.print(f"{os.cpu_count()} cores; Python {platform.python_version()}; median of {repeats}.")


def _first_update(folder: Path, number: int, settings: str) -> float:
    """Start a run, wait for its first row of metrics, and end it."""
    run_dir = folder / f"run{number}"
    overrides = [f"run_dir={run_dir}", f"paths.cache={folder / 'cache'}", "tracker=none", "training.log_every=1"]
    command = [sys.executable, "-m", "gru_bench.train", *settings.split(), *overrides]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        metrics = run_dir / "metrics.jsonl"
        while not (metrics.exists() and metrics.stat().st_size):
            if process.poll() is not None:
                raise UserError(f"{' '.join(command)} ended without an update: {process.communicate()[1]}")
            time.sleep(LOOK_EVERY)
        elapsed = time.perf_counter() - start
        process.terminate()
    return elapsed


def _help(command: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", f"gru_bench.{command}", "--help"], check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(run_command(time_start))
