"""Several processes, on one machine or many, that train one run: each computes its share of every batch.

Process 0 leads: it runs the loop, evaluates, and is the only one that writes. The others follow its messages, one after
the other, so that no decision (how many updates, when to stop) is taken twice. Messages go through the coordination
service of `jax.distributed`, where waiting has no limit, unlike in a collective.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax._src.distributed import global_state  # no public API reaches the coordination service

from gru_bench.errors import ConfigError
from gru_bench.sections import TrainingConfig
from gru_bench.training.signals import Interrupted

_WAIT = 60 * 60 * 1000  # milliseconds that a process may be behind another
_KEPT = 16  # messages
_TIMED_OUT = "DEADLINE_EXCEEDED"


class Channel:
    """Messages from process 0 to the others, in order."""

    def __init__(self) -> None:
        """Begin with the first message."""
        self._number = 0

    def send(self, message: str) -> None:
        """Send a message to the others."""
        self._number += 1
        self._service.key_value_set(self._key(self._number), message)
        if self._number > _KEPT:
            self._service.key_value_delete(self._key(self._number - _KEPT))

    def receive(self) -> str:
        """Return the next message, however long it takes."""
        self._number += 1
        while True:
            try:
                return self._service.blocking_key_value_get(self._key(self._number), 10_000)
            except jax.errors.JaxRuntimeError as error:
                if _TIMED_OUT not in str(error):
                    raise

    def wait_for_all(self) -> None:
        """Wait until all processes have received, and acted on, the messages up to here."""
        self._service.wait_at_barrier(f"gru_bench/barrier/{self._number}", _WAIT)

    @property
    def _service(self) -> Any:
        return global_state.client

    @staticmethod
    def _key(number: int) -> str:
        return f"gru_bench/message/{number}"


channel = Channel()


def join_processes(training: TrainingConfig) -> None:
    """Connect this process with the others; it must come before the first computation.

    Raises:
        ConfigError: the number differs, or they cannot be reached.
    """
    if training.processes == 1:
        return
    if not jax.distributed.is_initialized():
        try:
            jax.distributed.initialize(
                training.coordinator, None if training.process is None else training.processes, training.process
            )
        except (RuntimeError, ValueError) as error:
            raise ConfigError(
                "training.processes",
                training.processes,
                f"processes that find each other ({str(error).splitlines()[0].rstrip('.')})",
                "Start them with srun, or tell each training.coordinator=HOST:PORT and its training.process.",
            ) from error
    if jax.process_count() != training.processes:
        raise ConfigError("training.processes", training.processes, f"{jax.process_count()}: so many were started")


def following(training: TrainingConfig) -> bool:
    """Return whether another process leads this one; see `join_processes`."""
    return training.processes > 1 and jax.process_index() > 0


def lead(training: TrainingConfig, train: Callable[[], int]) -> int:
    """Train as process 0, and send the exit code to the others in the end.

    Args:
        training: how many processes there are.
        train: returns the exit code.
    """
    code = 1
    try:
        code = train()
    except Interrupted as stop:
        code = -stop.number
        raise
    finally:
        if training.processes > 1:
            channel.send(f"end {code}")
    return code
