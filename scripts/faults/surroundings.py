"""What changes around a run: the clock, its place, its settings, the versions."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from faults.runs import Ground, Trial, told

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")  # Debian's package libfaketime
_CLOCKS = {"three days back": "-3d", "56 years back": "-20450d", "a century ahead": "+36500d"}
_VERSIONS = "import platform, jax; print('Python', platform.python_version(), 'with jax', jax.__version__)"


def clocks(ground: Ground, chance: random.Random) -> Iterator[Trial]:
    """Set the clock in mid-run, and again between two parts of a run."""
    if not FAKETIME.exists():
        yield Trial("clock set", f"not tried: {FAKETIME} is missing; install libfaketime")
        return
    for name, clock in _CLOCKS.items():
        run = ground.place("clock")
        told_time = run.with_suffix(".clock")
        told_time.write_text("+0\n")
        variables = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(told_time),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        process = ground.start(run, variables=variables)
        while not (run / "record.json").exists() and process.wait(0.01):
            pass
        process.wait(chance.uniform(0, 0.3 * ground.seconds))
        told_time.write_text(f"{clock}\n")
        process.wait(chance.uniform(0, 0.2 * ground.seconds))
        process.process.kill()
        process.end()
        problem, done = ground.goes_on(run, variables=variables)
        yield Trial(f"clock set {name} in mid-run", problem, done.line("Resuming from the checkpoint of update [^.]*"))


def moved(ground: Ground) -> Iterator[Trial]:
    """Move the directory of a run that was killed, then go on with it there."""
    run = _killed(ground)
    other = run.rename(ground.folder / "moved elsewhere")
    problem, done = ground.goes_on(other)
    yield Trial("run directory moved", problem, done.line("Resuming from the checkpoint of update [^.]*"))


def changed(ground: Ground) -> Iterator[Trial]:
    """Go on with other settings: refused, and each difference named; those that decide no number are let pass."""
    run = _killed(ground)
    settings = {"model.hidden_size": "9", "optimizer.learning_rate": "0.1", "seed": "4", "training.bptt_window": "9"}
    settings |= {"training.batch_size": "5", "training.log_every": "8", "data.test_size": "401"}
    done = ground.train(run, *(f"{name}={value}" for name, value in settings.items()))
    unnamed = [name for name in settings if f"{name}: " not in done.text]
    problem = told(done, "run_dir: found", (2,)) or ("" if not unnamed else f"differences not named: {unnamed}")
    yield Trial("other settings", problem, done.line(r"this one holds a run with other settings \([^;]*;"))
    problem, done = ground.goes_on(run, "training.updates_per_dispatch=3", "debug=true", "paths.runs=elsewhere")
    yield Trial("settings that decide no number", problem, done.line("Resuming from the checkpoint of update [^.]*"))


def versions(ground: Ground, pythons: list[str]) -> Iterator[Trial]:
    """Begin a run here and go on with other interpreters."""
    for python in pythons:
        run = _killed(ground)
        which = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True).stdout.strip()
        done = ground.train(run, python=python)
        problem = told(done, r"The environment has changed", (0,))
        yield Trial(f"going on with {which}", problem, done.line(r"The environment has changed \([^)]*\)"))
        shutil.rmtree(run)


def _killed(ground: Ground) -> Path:
    run = ground.place("killed")
    ground.train(run, fault={"event": "open", "path": "*update-*", "nth": 8, "action": "kill"})
    return run
