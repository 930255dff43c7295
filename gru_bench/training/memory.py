"""Turn out-of-memory failures into readable errors."""

from __future__ import annotations

import atexit
import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import jax

from gru_bench.errors import UserError

_EXHAUSTED = "RESOURCE_EXHAUSTED"  # how XLA reports a full device, or host


class OutOfMemory(UserError):
    """Host or device have no memory left."""


@contextmanager
def readable_memory_errors() -> Iterator[None]:
    """Turn what Python, NumPy, JAX and the system raise without memory into one message.

    JAX's callbacks at garbage collections and at the end of the process meet the same lack; Python, which only reports
    their errors, is to be silent about that, also once this has raised.

    Raises:
        OutOfMemory: there is no memory left.
    """
    report = sys.unraisablehook

    def report_others(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, MemoryError):
            report(unraisable)

    sys.unraisablehook = report_others
    exhausted = False
    try:
        yield
    except (MemoryError, OSError, jax.errors.JaxRuntimeError) as error:
        if isinstance(error, OSError) and error.errno != errno.ENOMEM:
            raise
        if isinstance(error, jax.errors.JaxRuntimeError) and _EXHAUSTED not in str(error):
            raise
        exhausted = True
        atexit.register(setattr, sys, "unraisablehook", report_others)  # others restore theirs until then
        first, *_ = str(error).splitlines() or ["allocation failed"]
        raise OutOfMemory(
            f"out of memory ({first or 'allocation failed'}). Stop other programs, or give smaller settings such as "
            "training.batch_size, training.eval_batch_size and model.hidden_size; with the same settings, the same "
            "command continues from the newest checkpoint."
        ) from error
    finally:
        if not exhausted:
            sys.unraisablehook = report
