"""Checkpoints that are cut, changed by a bit, deleted or those of another run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from faults.runs import Ground, Trial, told
from gru_bench.training.checkpoint import read_arrays

_Damage = Callable[[Path, Path], None]


def damaged_checkpoints(ground: Ground) -> Iterator[Trial]:
    """Damage the newest checkpoint, then all, then the best weights of a run that was killed, and go on with it."""
    killed, stranger = ground.place("killed"), ground.place("stranger")
    fault = {"event": "open", "path": "*update-*", "nth": 10, "action": "kill"}
    ground.train(killed, fault=fault)
    ground.train(stranger, "seed=1", fault=fault)
    for name, damage in _DAMAGES.items():
        run = _copy(ground, killed, name)
        newest, _ = _states(run)
        damage(newest, stranger)
        problem, done = ground.goes_on(run)
        said = done.line(r"checkpoint \S+ .{,150}?Trying the one before it\.|Resuming from the checkpoint of [^.]*")
        yield Trial(f"newest checkpoint {name}", problem or _missing(said, "no message"), said)

        run = _copy(ground, killed, name)
        for path in _states(run):
            damage(path, stranger)
        gone = name == "deleted"
        done = ground.train(run)
        pattern = r"There is no checkpoint[^.]*\." if gone else r"No older one is intact; start over with fresh=true\."
        problem = told(done, pattern, (0 if gone else 1,))
        if not problem:
            problem, _ = ground.goes_on(run, *(() if gone else ("fresh=true",)))
        yield Trial(f"all checkpoints {name}", problem, done.line(pattern))

        run = _copy(ground, killed, name)
        damage(run / "checkpoints" / "best.npz", stranger)
        problem, done = ground.goes_on(run)
        said = done.line(r"best\.npz .{,150}?(Rewritten from|The best weights so far)[^.]*\.")
        yield Trial(f"best weights {name}", problem or _missing(said, "no message"), said)


def _cut(path: Path, stranger: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path, stranger: Path) -> None:
    content = bytearray(path.read_bytes())
    arrays, _ = read_arrays(path)
    largest = max(arrays.values(), key=lambda array: array.nbytes)
    content[content.index(largest.tobytes()) + largest.nbytes // 2] ^= 1
    path.write_bytes(content)


def _delete(path: Path, stranger: Path) -> None:
    path.unlink()


def _replace(path: Path, stranger: Path) -> None:
    shutil.copy(stranger / "checkpoints" / path.name, path)


_DAMAGES: dict[str, _Damage] = {
    "cut in half": _cut,
    "with one bit flipped": _flip,
    "deleted": _delete,
    "replaced by another run's": _replace,
}


def _states(run: Path) -> list[Path]:
    return sorted((run / "checkpoints").glob("update-*.npz"), reverse=True)


def _copy(ground: Ground, killed: Path, name: str) -> Path:
    return shutil.copytree(killed, ground.place("damaged"))


def _missing(said: str, problem: str) -> str:
    return "" if said else problem
