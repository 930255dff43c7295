"""Real runs in processes of their own: started, disturbed, gone on with, and compared with an undisturbed one."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from PIL import Image

from gru_bench.errors import UserError
from gru_bench.history import read_metrics
from gru_bench.record import read_record
from gru_bench.training.checkpoint import read_arrays

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).with_name("inside.py")

SETTINGS = (
    "tracker=none",
    "data.train_size=1500",
    "data.valid_size=300",
    "data.test_size=400",
    "model.hidden_size=8",
    "training.batch_size=4",
    "training.eval_batch_size=4",
    "training.bptt_window=8",
    "training.log_every=7",
    "task.sample_length=20",
)
SHORT = (*SETTINGS, "training.updates=60", "training.eval_every=20", "training.checkpoint_every=5")
LONG = (*SETTINGS, "training.updates=3000", "training.eval_every=250", "training.checkpoint_every=50")

_TIMES = frozenset({"seconds", "items_per_second"})
_COMPARED = ("status", "metrics", "updates", "epochs", "best_update", "scored", "baselines")
_SECONDS = 600

Phase = Literal["before it begins", "in training", "at its end"]


class Trial(NamedTuple):
    """What came of one fault.

    Attributes:
        fault: its kind.
        problem: what went wrong; empty where it was survived.
        message: what the program said of it.
    """

    fault: str
    problem: str
    message: str = ""


class Outcome(NamedTuple):
    """How a command ended: its exit code, or minus the signal that ended it, and its output."""

    code: int
    text: str

    def line(self, pattern: str) -> str:
        """Return the part of the output that fits, as one line; empty where none does."""
        found = re.search(pattern, " ".join(self.text.split()))
        return found[0] if found else ""


@dataclass
class Ground:
    """A folder for runs with the same settings, and the undisturbed one that they are compared with.

    Attributes:
        folder: where they are.
        settings: arguments of `train`.
        reference: the directory of the undisturbed run.
        seconds: how long that one took.
    """

    folder: Path
    settings: Sequence[str]
    reference: Path = field(init=False)
    seconds: float = field(init=False)

    def __post_init__(self) -> None:
        """Train the undisturbed run; a first one fills the cache of compiled programs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._numbers = itertools.count()
        for _ in range(2):
            self.reference = self.place("undisturbed")
            began = time.monotonic()
            done = self.train(self.reference)
            self.seconds = time.monotonic() - began
            if done.code != 0:
                raise UserError(f"the undisturbed run failed:\n{done.text}")

    def place(self, name: str = "run") -> Path:
        """Return a run directory that no other run has."""
        return self.folder / f"{name}-{next(self._numbers)}"

    def start(
        self,
        run: Path,
        *arguments: str,
        fault: Mapping[str, Any] | None = None,
        wrapper: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> Process:
        """Start the `train` command.

        Args:
            run: its run directory.
            *arguments: further settings.
            fault: what happens inside; see `inside`.
            wrapper: a command that runs it.
            variables: of the environment.
            python: the interpreter.
        """
        command = ["-m", "gru_bench.train"] if fault is None else ["-P", str(INSIDE), json.dumps(fault)]
        settings = [*self.settings, f"paths.cache={self.folder / 'cache'}", f"run_dir={run}", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **(variables or {})}
        log = self.folder / f"{run.name}.{next(self._numbers)}.out"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*wrapper, python, *command, *settings],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        return Process(process, log)

    def train(self, run: Path, *arguments: str, **options: Any) -> Outcome:
        """Run the `train` command to its end; see `start`."""
        return self.start(run, *arguments, **options).end()

    def goes_on(self, run: Path, *arguments: str, **options: Any) -> tuple[str, Outcome]:
        """Give the same command again; return what is wrong with the finished run, and the outcome."""
        done = self.train(run, *arguments, **options)
        if done.code != 0:
            return f"the same command again ended with {done.code}: {done.text[-300:]}", done
        return differs(run, self.reference) or unsound(run, finished=True), done


@dataclass
class Process:
    """A command under way, and the file with its output."""

    process: subprocess.Popen[bytes]
    log: Path

    def end(self) -> Outcome:
        """Wait for its end; one that hangs is killed and says so."""
        hung = self.wait(_SECONDS)
        if hung:
            self.process.kill()
        code = self.process.wait()
        return Outcome(code, f"{self.text}\nkilled after {_SECONDS} s" if hung else self.text)

    @property
    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; return whether it still runs."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False


def phase(text: str) -> Phase:
    """Tell from what a run has said how far it has come."""
    if re.search("100%  update|This run is finished", text):
        return "at its end"
    return "in training" if "recurrent parameters" in text else "before it begins"


def differs(run: Path, reference: Path) -> str:
    """Say in what the numbers of a finished run differ from those of another, to the last bit; empty: in nothing."""
    found, expected = ({name: getattr(read_record(one), name) for name in _COMPARED} for one in (run, reference))
    for name in _COMPARED:
        if found[name] != expected[name]:
            return f"{name} of the record: {found[name]}, undisturbed {expected[name]}"
    rows, wanted = (_without_times(read_metrics(one / "metrics.jsonl")) for one in (run, reference))
    if rows != wanted:
        return "the rows of metrics.jsonl differ"
    *_, newest = sorted((reference / "checkpoints").glob("update-*"))
    for path in sorted((reference / "checkpoints").glob("*.npz")):
        other = run / "checkpoints" / path.name
        if not other.exists():
            if path.name in (newest.name, "best.npz"):
                return f"{path.name} is missing"
            continue  # the one before the newest is of the update at which a run was stopped shortly before its end
        (one, _), (two, _) = read_arrays(other), read_arrays(path)
        if one.keys() != two.keys() or any(one[name].tobytes() != two[name].tobytes() for name in one):
            return f"arrays of {path.name} differ"
    return ""


def unsound(run: Path, *, finished: bool) -> str:
    """Name a file of a run directory that is not whole, or, of a finished run, is left over; empty: there is none."""
    for path in sorted(path for path in run.rglob("*") if path.is_file() and "wandb" not in path.parts):
        if path.name.endswith((".tmp", ".new")):
            if finished:
                return f"{path.name} is left over"
            continue
        try:
            if path.suffix == ".json":
                json.loads(path.read_bytes())
            elif path.suffix == ".jsonl":
                read_metrics(path)
            elif path.suffix == ".npz":
                read_arrays(path)
            elif path.suffix == ".png":
                with Image.open(path) as picture:
                    picture.load()
        except (OSError, ValueError, SyntaxError, UserError) as error:
            return f"{path.name} is half-written: {error}"
    return ""


def told(outcome: Outcome, pattern: str, codes: Sequence[int]) -> str:
    """Say what is wrong with how a disturbed command ended: its exit code, or no message that fits."""
    if outcome.code not in codes:
        return f"exit code {outcome.code}, expected one of {list(codes)}: {outcome.text[-300:]}"
    if "Traceback" in outcome.text:
        return f"a traceback instead of a message: {outcome.text[-300:]}"
    return "" if not pattern or outcome.line(pattern) else f"no message like '{pattern}': {outcome.text[-300:]}"


def _without_times(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in _TIMES} for row in rows]
