"""Weights & Biases in trouble: a run must not notice, and what it was not told must be there to upload later."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from faults.disk import small_disk
from faults.runs import Ground, Outcome, Trial, differs, told, unsound
from gru_bench.history import read_metrics
from tests.tracking.fake_wandb_server import Received, serve

_KEY = "a" * 40
_UPLOAD = r"(to upload|to upload the rest): (wandb sync [^\n]*)"
_FOLDER_SIZE = "256k"

Fault = int | Literal["", "hang", "reset"]


class Trouble(NamedTuple):
    """What is wrong with the server, from the start or once it has received something, and with the key."""

    from_start: Fault = ""
    later: Fault = ""
    key: str = _KEY
    url: str = ""


TROUBLES: Mapping[str, Trouble] = {
    "no network": Trouble(url="http://127.0.0.1:9"),
    "no key": Trouble(key=""),
    "a key that is none": Trouble(key="short"),
    "a key that the server refuses": Trouble(from_start=401),
    "the server answers 500": Trouble(from_start=500),
    "the server hangs": Trouble(from_start="hang"),
    "the server resets connections": Trouble(from_start="reset"),
    "the server answers 500 in mid-run": Trouble(later=500),
    "the server hangs in mid-run": Trouble(later="hang"),
    "the server resets connections in mid-run": Trouble(later="reset"),
}


def wandb_faults(ground: Ground) -> Iterator[Trial]:
    """Train with a server, or a key, or a folder at fault; compare the run, then upload what was kept."""
    for name, trouble in TROUBLES.items():
        yield _trial(ground, name, trouble)
    if os.geteuid():
        yield Trial("W&B: disk full in its folder", "not tried: to mount a small file system takes root")
    else:
        yield _without_room(ground)


def train_tracked(ground: Ground, run: Path, trouble: Trouble, wrapper: Sequence[str] = ()) -> Outcome:
    """Train with W&B in some trouble, or in none, to the end."""
    with serve() as server:
        server.fault = trouble.from_start
        variables = _login(trouble.url or server.url, trouble.key, run)
        process = ground.start(run, "tracker=wandb", wrapper=wrapper, variables=variables)
        while trouble.later and not server.streamed and process.wait(0.01):
            pass
        server.fault = trouble.later or trouble.from_start
        done = process.end()
        server.fault = ""
    return done


def _trial(ground: Ground, name: str, trouble: Trouble) -> Trial:
    run = ground.place("tracked")
    done = train_tracked(ground, run, trouble)
    problem = _same(ground, run, done)
    said = done.line(r"W&B: [^;]*; to upload")
    if not problem:
        problem = told(done, _UPLOAD, (0,)) or _uploaded(run, done)
    return Trial(f"W&B: {name}", problem, said)


def _without_room(ground: Ground) -> Trial:
    run = ground.place("tracked")
    run.mkdir()
    with small_disk(run / "wandb", _FOLDER_SIZE):
        fault = {"event": "call", "function": "gru_bench.training.run:Run._write", "nth": 40, "action": "fill"}
        fault |= {"folder": str(run / "wandb")}
        done = ground.train(run, "tracker=wandb", fault=fault, variables=_login("http://127.0.0.1:9", "", run))
        (run / "wandb" / "filler").unlink(missing_ok=True)
        problem = _same(ground, run, done)
    return Trial("W&B: disk full in its folder", problem, done.line(r"W&B: [^.]*\."))


def _login(url: str, key: str, run: Path) -> dict[str, str]:
    """Return the variables of a login; each run has a home of its own, without the user's settings."""
    home = run.with_suffix(".home")
    home.mkdir()
    return {"WANDB_BASE_URL": url, "WANDB_API_KEY": key, "HOME": str(home)}


def _same(ground: Ground, run: Path, done: Outcome) -> str:
    if done.code != 0:
        return f"ended with {done.code}: {done.text[-300:]}"
    return differs(run, ground.reference) or unsound(run, finished=True)


def _uploaded(run: Path, done: Outcome) -> str:
    """Upload with the command that the run printed; say what of the run's rows the server then lacks."""
    found = re.search(_UPLOAD, done.text)
    if found is None:
        return "no command to upload later"
    with serve() as server:
        command = [sys.executable, "-m", *shlex.split(found[2])]
        environment = {**os.environ, **_login(server.url, _KEY, run.with_name(f"{run.name}-upload"))}
        subprocess.run(command, cwd=run.parent, env=environment, check=False, capture_output=True, timeout=120)
        return _lacking(run, server)


def _lacking(run: Path, server: Received) -> str:
    wanted = [(row["update"], row["loss"]) for row in read_metrics(run / "metrics.jsonl") if row["split"] == "train"]
    have = [(row["update"], row["train/loss"]) for row in server.history if "train/loss" in row]
    return "" if have == wanted else f"{len(wanted)} rows of training, {len(have)} uploaded"
