"""The end of memory, in words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from gru_bench.errors import UserError

_EXHAUSTED = "RESOURCE_EXHAUSTED"  # how XLA reports a full device, or host


class OutOfMemory(UserError):
    """Host or device have no memory left."""


@contextmanager
def memory_in_words() -> Iterator[None]:
    """Turn what Python, NumPy, JAX and the system raise without memory into one message.

    Raises:
        OutOfMemory: there is no memory left.
    """
    try:
        yield
    except (MemoryError, OSError, jax.errors.JaxRuntimeError) as error:
        if isinstance(error, OSError) and error.errno != errno.ENOMEM:
            raise
        if isinstance(error, jax.errors.JaxRuntimeError) and _EXHAUSTED not in str(error):
            raise
        first, *_ = str(error).splitlines() or ["allocation failed"]
        raise OutOfMemory(
            f"out of memory ({first or 'allocation failed'}). Stop other programs, or give smaller settings such as "
            "training.batch_size, training.eval_batch_size and model.hidden_size; with the same settings, the same "
            "command goes on from the newest checkpoint."
        ) from error
