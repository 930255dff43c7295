"""Measure two ways to keep a training state: one `.npz` file with a sha256 (ours) and Orbax.

    python scripts/compare_checkpoints.py hidden_size=320 repeats=9 kills=5

Prints time to save and to restore, files and bytes, what comes back after damage, and what comes back after
`kill -9` in the midst of saving. The decision that rests on it: docs/decisions/checkpoints.md.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from flax import nnx
from rich.console import Console
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.errors import UserError
from gru_bench.models.builder import make_cells
from gru_bench.models.network import Signature, build_network
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.training.checkpoint import Checkpoints, latest
from gru_bench.training.environment import device
from gru_bench.validation import Natural, Positive

State = dict[str, jax.Array]
SYMBOLS = 65
FLIPPED = 64
Damage = Callable[[Path], None]


class Keeper(NamedTuple):
    """One way to keep a state: save as update `n`, and restore the newest one as (n, state)."""

    save: Callable[[int, State], None]
    restore: Callable[[State], tuple[int, State]]
    close: Callable[[], None]


def one_file(folder: Path) -> Keeper:
    """Ours: `gru_bench.training.checkpoint`."""
    checkpoints = Checkpoints(folder)

    def restore(template: State) -> tuple[int, State]:
        found = latest([checkpoints], template)
        if found is None:
            raise UserError("no checkpoint")
        ((state, meta),) = found
        return meta["update"], state

    return Keeper(lambda update, state: _done(checkpoints.save(update, state, {"update": update})), restore, _nothing)


def orbax(folder: Path) -> Keeper:
    """Orbax's manager, waited for until the save is complete; two are kept."""
    manager = ocp.CheckpointManager(folder.absolute(), options=ocp.CheckpointManagerOptions(max_to_keep=2))

    def save(update: int, state: State) -> None:
        manager.save(update, args=ocp.args.StandardSave(state))
        manager.wait_until_finished()

    def restore(template: State) -> tuple[int, State]:
        update = manager.latest_step()
        if update is None:
            raise UserError("no checkpoint")
        return update, cast(State, manager.restore(update, args=ocp.args.StandardRestore(template)))

    return Keeper(save, restore, manager.close)


KEEPERS: dict[str, Callable[[Path], Keeper]] = {"one file": one_file, "orbax": orbax}


def _done(_: object) -> None: ...


def _nothing() -> None: ...


def make_state(hidden_size: int) -> State:
    """Return weights, Adam moments and key of an LSTM language model over characters, by name."""
    model = ModelConfig(cell="lstm", hidden_size=hidden_size)
    signature = Signature(symbols=SYMBOLS, outputs=SYMBOLS)
    cells = make_cells(model, TrainingConfig(updates=1), lambda cells, key: build_network(cells, signature, key))
    network = build_network(cells, signature, jax.random.key(0))
    params = nnx.split(network)[1]
    tree = (params, optax.adam(1e-3).init(params), jax.random.key_data(jax.random.key(1)))
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    state = {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}
    noise = np.random.default_rng(0)  # moments of zeros would compress and hide damage
    return {
        name: jnp.asarray(noise.normal(size=leaf.shape), leaf.dtype) if leaf.ndim > 1 else leaf
        for name, leaf in state.items()
    }


def at_update(state: State, update: int) -> State:
    """Return the state that belongs to an update; no two updates have the same."""
    return {name: value + jnp.asarray(update, value.dtype) for name, value in state.items()}


def equal(one: State, other: State) -> bool:
    """Whether all bits are the same."""
    return all(np.array_equal(np.asarray(one[name]), np.asarray(other[name])) for name in one)


def milliseconds(action: Callable[[], object], repeats: int) -> str:
    """Return median and range of an action's time."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(action())
        times.append(1000 * (time.perf_counter() - start))
    return f"{statistics.median(times):.0f} ({min(times):.0f} to {max(times):.0f})"


def flip(path: Path) -> None:
    """Invert 64 bytes in the middle of a file."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + FLIPPED] = bytes(byte ^ 0xFF for byte in content[middle : middle + FLIPPED])
    path.write_bytes(content)


def cut(path: Path) -> None:
    """Drop the second half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def after(name: str, state: State, damage: Damage) -> str:
    """Save updates 1 and 2, damage the largest file of the newest, restore, and say what comes back."""
    with _folder() as folder:
        keeper = KEEPERS[name](folder)
        for update in (1, 2):
            keeper.save(update, at_update(state, update))
        keeper.close()
        newest = {path for path in _files(folder) if "2" in path.relative_to(folder).parts[0]}
        damage(max(newest, key=lambda path: path.stat().st_size))
        return restored(name, folder, state)


def restored(name: str, folder: Path, state: State) -> str:
    """Restore and compare with what had been saved."""
    keeper = KEEPERS[name](folder)
    try:
        update, found = keeper.restore(state)
    except Exception as error:  # the libraries raise what they like; which one it is, is the result
        return f"error: {type(error).__name__}"
    finally:
        keeper.close()
    if not equal(found, at_update(state, update)):
        return "wrong values, no error"
    return f"update {update}, exact"


def kill_while_saving(name: str, hidden_size: int, state: State, delay: float) -> str:
    """Let a process save one update after the other, kill it, and say what can be restored."""
    with _folder() as folder:
        command = [sys.executable, __file__, f"save_into={folder}", f"keeper={name}", f"hidden_size={hidden_size}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            process.stdout.readline()  # update 1 is saved
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        found = restored(name, folder, state)
        return "exact" if found.endswith("exact") else found


def save_for_ever(name: str, folder: Path, state: State) -> None:
    """Save update after update until killed."""
    keeper, update = KEEPERS[name](folder), 0
    while True:
        update += 1
        keeper.save(update, at_update(state, update))
        if update == 1:
            print("saved", flush=True)


def compare(
    *,
    hidden_size: Positive = 320,
    repeats: Positive = 9,
    kills: Natural = 5,
    save_into: Path | None = None,
    keeper: str = "",
) -> None:
    """Measure both ways to keep a training state.

    Args:
        hidden_size: of the LSTM whose state is kept; 320 gives about 10 MB
        repeats: how often saving and restoring are timed
        kills: how often a saving process is killed
        save_into: for the processes that are to be killed
        keeper: likewise
    """
    logging.disable(logging.WARNING)
    state = make_state(hidden_size)
    if save_into is not None:
        save_for_ever(keeper, save_into, state)
    size = sum(value.nbytes for value in state.values())
    table = Table("", *KEEPERS, title=f"A state of {size / 1e6:.1f} MB in {len(state)} arrays", title_justify="left")
    columns = {name: _measure(name, hidden_size, state, repeats, kills) for name in KEEPERS}
    for row in next(iter(columns.values())):
        table.add_row(row, *(column[row] for column in columns.values()))
    console = Console(highlight=False)
    console.print(table)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("jax", "numpy", "orbax-checkpoint"))
    console.print(f"{device()}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}", soft_wrap=True)


def _measure(name: str, hidden_size: int, state: State, repeats: int, kills: int) -> dict[str, str]:
    rows = {}
    with _folder() as folder:
        keeper, updates = KEEPERS[name](folder), iter(range(1, 10**9))
        states = [at_update(state, 1), at_update(state, 2)]
        keeper.save(next(updates), states[0])  # the first one warms up
        rows["save, ms"] = milliseconds(lambda: keeper.save(next(updates), states[0]), repeats)
        rows["restore, ms"] = milliseconds(lambda: keeper.restore(state)[1], repeats)
        keeper.close()
        files = _files(folder)
        rows["files, MB (two kept)"] = f"{len(files)}, {sum(file.stat().st_size for file in files) / 1e6:.1f}"
    rows[f"newest: {FLIPPED} bytes flipped"] = after(name, state, flip)
    rows["newest: second half cut off"] = after(name, state, cut)
    delays = [random.Random(index).uniform(0.0, 0.5) for index in range(kills)]
    outcomes = [kill_while_saving(name, hidden_size, state, delay) for delay in delays]
    counts = {outcome: outcomes.count(outcome) for outcome in outcomes}
    rows[f"kill -9 while saving, {kills} times"] = ", ".join(f"{number} {what}" for what, number in counts.items())
    return rows


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="checkpoints-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(run_command(compare))
