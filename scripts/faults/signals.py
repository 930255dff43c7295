"""SIGINT and SIGTERM: at random moments, once and twice."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from faults.runs import Ground, Outcome, Phase, Trial, phase, told, unsound

_SAID = r"SIG\w+: stopped at [^.]*\. The[^.]*\."
_WELL = rf"{_SAID}|This run is finished|process peak"  # the last is of the table of a run that came to its end


def random_signals(ground: Ground, times: int, chance: random.Random) -> Iterator[Trial]:
    """Stop a run at random moments of its life, go on with it, stop it again; compare each that came to its end."""
    sent, run = 0, ground.place("stopped")
    while sent < times:
        number = chance.choice((signal.SIGINT, signal.SIGTERM))
        process = ground.start(run)
        if process.wait(chance.uniform(0, 1.05 * ground.seconds)):
            moment = phase(process.text)
            process.process.send_signal(number)
            done = process.end()
            sent += 1
            problem = _judged(done, run, number, moment)
            yield Trial(f"{number.name} at a random moment, {moment}", problem, done.line(_SAID))
        else:
            yield _ended(ground, run)
            run = ground.place("stopped")
    yield _ended(ground, run)


def second_signals(ground: Ground, times: int, chance: random.Random) -> Iterator[Trial]:
    """Press Ctrl-C twice; the second acts at once, and the run goes on from the checkpoint before."""
    for _ in range(times):
        run = ground.place("twice")
        process = ground.start(run)
        while not (run / "record.json").exists() and process.wait(0.01):
            pass
        process.wait(chance.uniform(0, 0.5 * ground.seconds))
        moment = phase(process.text)
        process.process.send_signal(signal.SIGINT)
        process.wait(chance.uniform(0, 0.1))
        process.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        done = process.end()
        seconds = time.monotonic() - began
        problem = _judged(done, run, signal.SIGINT, moment)
        if not problem:
            problem, _ = ground.goes_on(run)
        yield Trial("two SIGINTs", problem, f"{done.line(_SAID)} (gone {seconds:.1f} s after the second)")


def _judged(done: Outcome, run: Path, number: signal.Signals, moment: Phase) -> str:
    """Say what is wrong after a signal: before its run had begun, or once that is finished, a process may just end."""
    may_end = moment == "at its end" or "This run is finished" in done.text
    codes = [128 + number, -number] + [0] * may_end
    problem = told(done, "" if moment == "before it begins" else _WELL, codes)
    return problem or (unsound(run, finished=False) if run.exists() else "")


def _ended(ground: Ground, run: Path) -> Trial:
    problem, done = ground.goes_on(run)
    return Trial("run that was stopped, to its end", problem, done.line("Resuming from the checkpoint of update [^.]*"))
