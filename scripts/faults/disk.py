"""A disk that is full, and a run directory that may no longer be written, at each kind of write."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faults.inside import protect
from faults.runs import Ground, Outcome, Trial, told, unsound

SIZE = "4m"
WRITABLE = 0o755
_PLAIN = {  # as root the right to write is asked only without these
    "wrapper": ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
}
_WRITES: dict[str, Mapping[str, Any]] = {
    "owner.json": {"event": "open", "path": "*owner.json*"},
    "the first record": {"event": "open", "path": "*record.json*"},
    "config.yaml": {"event": "open", "path": "*config.yaml*"},
    "data.json": {"event": "open", "path": "*data.json*"},
    "metrics.jsonl": {"event": "call", "function": "gru_bench.training.run:Run._write", "nth": 6},
    "a checkpoint": {"event": "open", "path": "*update-*", "nth": 6},
    "the best weights": {"event": "open", "path": "*best.npz*", "nth": 2},
    "a later record": {"event": "open", "path": "*record.json*", "nth": 3},
    "samples.json": {"event": "open", "path": "*samples.json*"},
    "a picture": {"event": "call", "function": "gru_bench.outputs:gate_activity"},
    "the last record": {"event": "call", "function": "gru_bench.training.run:Run.settle"},
}
_OUTPUTS = ("samples.json", "a picture")  # the run is finished by then: what cannot be written is a warning
_REASON = r"(No space left on device|Permission denied)"
_WARNED = rf"(Samples|Picture \w+): failed, .* cannot write [^:]*: {_REASON}[^.]*\."
_SAID = rf"error: (\S+: cannot be written \(|cannot (write|lock|remove) [^:]*: ){_REASON}[^.]*\.[^.]*\."


def _answered(write: str, done: Outcome) -> str:
    return told(done, _WARNED, (0,)) if write in _OUTPUTS else told(done, _SAID, (1,))


def full_disk(ground: Ground) -> Iterator[Trial]:
    """Fill the file system of a run at each kind of write, free it, and go on."""
    if os.geteuid():
        yield Trial("disk full", "not tried: to mount a small file system takes root")
        return
    for name, write in _WRITES.items():
        run = ground.place("full")
        with small_disk(run, SIZE):
            fault = {**write, "action": "fill", "folder": str(run)}
            done = ground.train(run / "run", fault=fault)
            problem = _answered(name, done) or unsound(run / "run", finished=False)
            if not problem:
                (run / "filler").unlink()
                problem, _ = ground.goes_on(run / "run")
        yield Trial(f"disk full at {name}", problem, done.line(_SAID) or done.line(_WARNED))


def protected(ground: Ground) -> Iterator[Trial]:
    """Take the right to write to a run directory at each kind of write, give it back, and go on."""
    for name, write in _WRITES.items():
        if name in ("metrics.jsonl",):  # is open by then
            continue
        run = ground.place("protected")
        fault = {**write, "action": "protect", "folder": str(run)}
        done = ground.train(run, fault=fault, **({} if os.geteuid() else _PLAIN))
        problem = _answered(name, done) or unsound(run, finished=False)
        for path in (run, *run.rglob("*")):
            path.chmod(WRITABLE)
        if not problem:
            problem, _ = ground.goes_on(run)
        yield Trial(f"read-only at {name}", problem, done.line(_SAID) or done.line(_WARNED))
    run = shutil.copytree(ground.reference, ground.place("protected"))
    protect(run)
    done = ground.train(run, **({} if os.geteuid() else _PLAIN))
    yield Trial("read-only from the start", told(done, _SAID, (1,)), done.line(_SAID))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Make a folder that is a file system of its own, of a size such as `4m`; it takes root."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
