"""Several processes, on one machine or many, that train one run: each computes its share of every batch.

Process 0 leads: it runs the loop, evaluates, and is the only one that writes. The others do what it says, one message
after the other, so that no decision (how many updates, when to stop) is taken twice. Messages go through the
coordination service of `jax.distributed`, where waiting has no end, unlike in a collective.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax._src.distributed import global_state  # the service has no public face

from gru_bench.errors import ConfigError
from gru_bench.sections import TrainingConfig
from gru_bench.training.signals import Interrupted

_WAIT = 60 * 60 * 1000  # milliseconds that a process may come later than another
_KEPT = 16  # messages
_TIMED_OUT = "DEADLINE_EXCEEDED"


class Channel:
    """What process 0 tells the others, in order."""

    def __init__(self) -> None:
        """Begin with the first message."""
        self._number = 0

    def say(self, message: str) -> None:
        """Tell the others something."""
        self._number += 1
        self._service.key_value_set(self._key(self._number), message)
        if self._number > _KEPT:
            self._service.key_value_delete(self._key(self._number - _KEPT))

    def hear(self) -> str:
        """Return the next message, however long it takes."""
        self._number += 1
        while True:
            try:
                return self._service.blocking_key_value_get(self._key(self._number), 10_000)
            except jax.errors.JaxRuntimeError as error:
                if _TIMED_OUT not in str(error):
                    raise

    def meet(self) -> None:
        """Wait until all processes have heard, and done, what was said until here."""
        self._service.wait_at_barrier(f"gru_bench/met/{self._number}", _WAIT)

    @property
    def _service(self) -> Any:
        return global_state.client

    @staticmethod
    def _key(number: int) -> str:
        return f"gru_bench/said/{number}"


channel = Channel()


def join_processes(training: TrainingConfig) -> None:
    """Let this process and the others find each other; it must come before the first computation.

    Raises:
        ConfigError: there are not so many, or they cannot be found.
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


@contextlib.contextmanager
def leading(training: TrainingConfig) -> Iterator[Callable[[int], int]]:
    """Tell the others in the end that it is over, with the exit code that is passed through what this yields."""
    codes = [1]

    def ended(code: int) -> int:
        codes.append(code)
        return code

    try:
        yield ended
    except Interrupted as stop:
        codes.append(-stop.number)
        raise
    finally:
        if training.processes > 1:
            channel.say(f"end {codes[-1]}")
