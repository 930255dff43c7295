"""Processes 1 and up of a run in several processes: each computes its share of every update, and nothing else."""

from __future__ import annotations

from gru_bench.config import Config
from gru_bench.training.dispatch import Dispatcher, initial_state
from gru_bench.training.processes import channel
from gru_bench.training.setup import load_task, unwritten_run
from gru_bench.training.signals import Interrupted, SignalWatch


def follow(config: Config) -> int:
    """Do what process 0 sends until it ends, and return its exit code.

    Raises:
        Interrupted: a signal stopped process 0. A signal to this process alone is ignored; a second one acts at once.
    """
    task, data = load_task(config)
    dispatcher: Dispatcher | None = None
    with SignalWatch():
        while True:
            command, *number = channel.receive().split()
            match command:
                case "begin":
                    run = unwritten_run(config, task, data)
                    graph, state = initial_state(run)
                    dispatcher = Dispatcher([run], graph, [state])
                case "update" if dispatcher is not None:
                    dispatcher.dispatch(int(number[0]))
                case "gather" if dispatcher is not None:
                    dispatcher.gather(dispatcher.runs[0])
                case _:
                    break
    code = int(number[0])
    if code < 0:
        raise Interrupted(-code)
    return code
