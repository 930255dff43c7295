"""`kill -9`: at random moments, and in the middle of whatever a run writes or computes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from faults.runs import Ground, Trial, phase, unsound

_HALF = 1000
_AIMED = {
    "first compilation": {"event": "call", "function": "gru_bench.training.step:Compiled.__call__", "after": 0.2},
    "compiled program half-written": {"event": "open", "path": "*/compiled/*", "action": "cut", "bytes": _HALF},
    "owner.json half-written": {"event": "open", "path": "*owner.json*", "action": "cut", "bytes": 10},
    "config.yaml half-written": {"event": "open", "path": "*config.yaml*", "action": "cut", "bytes": 500},
    "first record half-written": {"event": "open", "path": "*record.json*", "action": "cut", "bytes": _HALF},
    "later record half-written": {"event": "open", "path": "*record.json*", "nth": 3, "action": "cut", "bytes": _HALF},
    "record before its rename": {"event": "os.rename", "path": "*record.json*", "nth": 2},
    "checkpoint before its first byte": {"event": "open", "path": "*update-*", "nth": 6},
    "checkpoint half-written": {"event": "open", "path": "*update-*", "nth": 6, "action": "cut", "bytes": 9000},
    "checkpoint before its rename": {"event": "os.rename", "path": "*update-*", "nth": 6},
    "checkpoint before the old one goes": {"event": "os.remove", "path": "*update-*", "nth": 4},
    "best weights half-written": {"event": "open", "path": "*best.npz*", "nth": 2, "action": "cut", "bytes": _HALF},
    "best weights before their checkpoint": {"event": "os.rename", "path": "*update-*", "nth": 8},
    "row of metrics half-written": {
        "event": "call",
        "function": "gru_bench.training.run:Run._write",
        "nth": 6,
        "action": "cut",
        "file": "metrics.jsonl",
        "bytes": 40,
    },
    "evaluation": {"event": "call", "function": "gru_bench.training.evaluate:Evaluator.sums", "nth": 2, "after": 0.003},
    "test split": {"event": "call", "function": "gru_bench.training.evaluate:Evaluator.sums", "nth": 4, "after": 0.001},
    "samples half-written": {"event": "open", "path": "*samples.json*", "action": "cut", "bytes": 20},
    "picture half-written": {"event": "open", "path": "*.png*", "action": "cut", "bytes": 20000},
    "last record half-written": {
        "event": "call",
        "function": "gru_bench.training.run:Run.settle",
        "action": "cut",
        "bytes": _HALF,
    },
    "end of the process": {"event": "os.remove", "path": "*owner.json"},
}


def random_kills(ground: Ground, times: int, chance: random.Random) -> Iterator[Trial]:
    """Kill a run at random moments of its life, go on with it, kill it again; compare each that came to its end."""
    kills, run = 0, ground.place("killed")
    while kills < times:
        process = ground.start(run)
        if process.wait(chance.uniform(0, 1.05 * ground.seconds)):
            process.process.kill()
            process.end()
            kills += 1
            moment = phase(process.text)
            yield Trial(f"kill -9 at a random moment, {moment}", unsound(run, finished=False) if run.exists() else "")
        else:
            yield Trial("run that was killed, to its end", *_ended(ground, run))
            run = ground.place("killed")
    yield Trial("run that was killed, to its end", *_ended(ground, run))


def _ended(ground: Ground, run: Path) -> tuple[str, str]:
    problem, done = ground.goes_on(run)
    return problem, done.line(r"This run is finished|Resuming from the checkpoint of update [\d,]+")


def aimed_kills(ground: Ground) -> Iterator[Trial]:
    """Kill a run in the middle of each kind of write and of each phase."""
    for name, fault in _AIMED.items():
        run = ground.place("aimed")
        fault = {"action": "kill", **fault}
        if "file" in fault:
            fault["file"] = str(run / fault["file"])
        cache = f"paths.cache={run}.cache"  # of its own, so that it compiles
        done = ground.train(run, cache, fault=fault)
        problem = "" if done.code < 0 else f"was not killed but ended with {done.code}: {done.text[-200:]}"
        problem = problem or unsound(run, finished=False)
        if not problem:
            problem, done = ground.goes_on(run, cache)
        yield Trial(
            f"kill -9: {name}",
            problem,
            done.line(r"The lock of \S+ is stale.*?Taking over\.") and "stale lock taken over",
        )
