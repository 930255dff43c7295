"""Wrong settings are refused before JAX, which takes seconds to load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import runpy, sys
for command in sys.stdin.read().splitlines():
    name, *arguments = command.split()
    sys.argv = [name, *arguments]
    try:
        runpy.run_module(f"gru_bench.{name}", run_name="__main__")
    except SystemExit as end:
        assert end.code in (1, 2), (command, end.code)
    else:
        raise AssertionError(command)
    assert not {"jax", "flax", "optax"} & sys.modules.keys(), command
    for module in [module for module in sys.modules if module.startswith("gru_bench.")]:
        del sys.modules[module]
"""
WRONG = {
    "train task=langage": "task: found 'langage'",
    "train model.hidden_size=-1": "model.hidden_size: found -1",
    "train task=sentiment data=reber": "data: found 'reber'",
    "train data.train_size=x": "data.train_size: found 'x'",
    "train task.state=none": "task.state: found 'none'",
    "train model.reset_after=7": "model.reset_after: found 7",
    "train model.recurrence=parallel": "model.recurrence: found 'parallel'",
    "train model.bidirectional=true": "model.bidirectional: found true",
    "train data=text_file data.path=nowhere.txt": "data.path: there is no file",
    "train model.initial_weights=w.npz": "model.initial_weights: found 'w.npz', allowed: a file that ends in",
    "train model.initial_weights=nowhere.pt": "model.initial_weights: there is no file",
    "train tracker.project=a/b": "tracker.project: found 'a/b'",
    "train tracker.entity=what?": "tracker.entity: found 'what?'",
    "sweep space=gru task=sentiment data=reber": "data: found 'reber'",
    "export run=nowhere out=w.pt": "nowhere is no run directory",
    "evaluate run=nowhere": "nowhere is no run directory",
    "predict run=nowhere": "nowhere is no run directory",
    "reproduce experiments=nowhere": "experiments: found 'nowhere', allowed: a folder that holds claims",
    "bench cells=gruu": "cells: found 'gruu'",
    "report nowhere": "nowhere: no such folder",
    "reproduce claim=accurracy": "claim: found 'accurracy'",
}


def test_a_wrong_setting_is_refused_before_jax_is_loaded(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input="\n".join(WRONG),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    messages = [line.removeprefix("error: ") for line in done.stderr.splitlines()]
    for message, expected in zip(messages, WRONG.values(), strict=True):
        assert message.startswith(expected)
    assert list(tmp_path.iterdir()) == []
