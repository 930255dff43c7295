"""What a process does that is led by another one: its share of each update, and nothing else."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from rich.console import Console

from gru_bench.config import Config
from gru_bench.tasks.task import Task
from gru_bench.training.layout import Shared
from gru_bench.training.loop import Training
from gru_bench.training.processes import channel
from gru_bench.training.setup import load_task, unwritten_run
from gru_bench.training.signals import Interrupted, SignalWatch
from gru_bench.training.step import TrainState


def follow(config: Config) -> int:
    """Compute this process's share until process 0 says that it is over, and return its exit code.

    Raises:
        Interrupted: a signal stopped process 0. One that reaches this process alone is left to that one; a second one
            acts at once.
    """
    task, data = load_task(config)
    led: _Led | None = None
    with SignalWatch():
        while True:
            word, *number = channel.hear().split()
            match word:
                case "begin":
                    led = _Led(config, task, data)
                case "update" if led is not None:
                    led.update_as_told(int(number[0]))
                case "gather" if led is not None:
                    led.gather()
                case _:
                    break
    code = int(number[0])
    if code < 0:
        raise Interrupted(-code)
    return code


class _Led(Training):
    """The updates of a run alone: nothing is read, evaluated or written."""

    def __init__(self, config: Config, task: Task, data: Any):
        self._told = 0
        super().__init__([unwritten_run(config, task, data)], task, data, Console(file=io.StringIO()))
        self.done = int(np.asarray(self.state.update))

    def update_as_told(self, count: int) -> None:
        """Do so many updates."""
        self._told = count
        self.dispatch()

    def gather(self) -> None:
        """Have the carry gathered."""
        assert isinstance(self.layout, Shared)
        self.layout.gather(self.state)

    def _room(self) -> int:
        return self._told

    def _resumed(self, states: Any) -> list[TrainState]:
        return list(states)

    def _read(self) -> None:
        self._dispatched = None
