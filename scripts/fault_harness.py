"""What a run survives: faults done to real runs, each compared with an undisturbed one to the last bit.

    python scripts/fault_harness.py
    python scripts/fault_harness.py faults=kills,signals kills=200 seed=1

Runs are processes of their own, small ones, on the processor. A fault is survived if every file is whole after it, the
program said what happened in words, and the same command again ends with the metrics, rows and weights of the
undisturbed run. docs/reliability.md shows the table. Exit code 1: a fault was not survived.
"""

from __future__ import annotations

import os
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from faults.damage import damaged_checkpoints
from faults.disk import full_disk, protected
from faults.kills import aimed_kills, random_kills
from faults.memory import starved
from faults.runs import LONG, SHORT, Ground, Trial
from faults.signals import random_signals, second_signals
from faults.surroundings import changed, clocks, moved, versions
from faults.tracking import wandb_faults
from rich import box
from rich.console import Console
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.errors import ConfigError
from gru_bench.training.environment import device
from gru_bench.training.environment import versions as installed
from gru_bench.validation import Natural

_SHOWN = 110  # characters of a message


def harness(
    *,
    faults: str = "all",
    kills: Natural = 50,
    signals: Natural = 20,
    seconds: Natural = 6,
    pythons: str = "",
    folder: Path | None = None,
    seed: Natural = 0,
) -> int:
    """Do faults to real runs and print what came of them.

    Args:
        faults: all, or names of kinds separated by commas
        kills: how many kill -9 at random moments
        signals: how many SIGINT or SIGTERM at random moments
        seconds: how many pairs of SIGINT
        pythons: interpreters with other versions to go on with, separated by commas
        folder: where the runs go, and stay; a temporary one by default
        seed: of the random moments
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # runs begun in the background would be deaf to it
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        grounds = _Grounds(folder or Path(temporary))
        kinds: dict[str, Callable[[], Iterator[Trial]]] = {
            "kills": lambda: random_kills(grounds.long, kills, chance),
            "aimed_kills": lambda: aimed_kills(grounds.short),
            "signals": lambda: random_signals(grounds.long, signals, chance),
            "second_signals": lambda: second_signals(grounds.long, seconds, chance),
            "damage": lambda: damaged_checkpoints(grounds.short),
            "full_disk": lambda: full_disk(grounds.short),
            "read_only": lambda: protected(grounds.short),
            "memory": lambda: starved(grounds.short),
            "clocks": lambda: clocks(grounds.long, chance),
            "moved": lambda: moved(grounds.short),
            "changed": lambda: changed(grounds.short),
            "versions": lambda: versions(grounds.short, [name for name in pythons.split(",") if name]),
            "wandb": lambda: wandb_faults(grounds.long),
        }
        chosen = list(kinds) if faults == "all" else faults.split(",")
        for name in chosen:
            if name not in kinds:
                raise ConfigError("faults", name, f"all, {', '.join(kinds)}")
        began = time.monotonic()
        trials: list[Trial] = []
        for name in chosen:
            for trial in kinds[name]():
                mark = "FAILED" if trial.problem else "ok    "
                print(f"{mark}  {trial.fault}: {trial.problem or trial.message}", flush=True)
                trials.append(trial)
        return _show(trials, time.monotonic() - began)


class _Grounds:
    """The undisturbed runs, trained when they are first needed."""

    def __init__(self, folder: Path):
        self._folder = folder

    @cached_property
    def long(self) -> Ground:
        return Ground(self._folder / "long", LONG)

    @cached_property
    def short(self) -> Ground:
        return Ground(self._folder / "short", SHORT)


def _show(trials: list[Trial], seconds: float) -> int:
    table = Table(box=box.MARKDOWN)
    for column in ("fault", "times", "survived", "message, one of them"):
        table.add_column(column, justify="right" if column in ("times", "survived") else "left")
    for fault in dict.fromkeys(trial.fault for trial in trials):
        of_it = [trial for trial in trials if trial.fault == fault]
        survived = [trial for trial in of_it if not trial.problem]
        message = next((trial.message for trial in survived if trial.message), "")
        table.add_row(fault, str(len(of_it)), str(len(survived)), message[:_SHOWN])
    console = Console(width=220)
    console.print(table)
    failed = [trial for trial in trials if trial.problem]
    for trial in failed:
        console.print(f"{trial.fault}: {trial.problem}", markup=False)
    known = installed()
    console.print(
        f"{len(trials)} faults, {len(trials) - len(failed)} survived, {seconds:,.0f} s. {device()}, {os.cpu_count()} "
        f"cores; Python {platform.python_version()}, jax {known['jax']}, NumPy {known['numpy']}, commit "
        f"{known['commit']}."
    )
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(run_command(harness))
