from __future__ import annotations

import errno
import subprocess
import sys

import jax
import numpy as np
import pytest

from gru_bench.training.memory import OutOfMemory, readable_memory_errors

AT_EXIT = """
import atexit, sys
from gru_bench.training.memory import OutOfMemory, readable_memory_errors
def fail():
    raise MemoryError
atexit.register(fail)
hook = sys.unraisablehook
try:
    with readable_memory_errors():
        fail()
except OutOfMemory:
    sys.unraisablehook = hook
    sys.exit(3)
"""


@pytest.fixture(autouse=True)
def reported(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What Python reports of errors that it has to ignore."""
    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_value))
    return seen


class Callback:
    """Fails when it is collected, as JAX's do."""

    def __init__(self, error: Exception):
        self.error = error

    def __del__(self) -> None:
        raise self.error


def test_callbacks_without_memory_are_silent_also_afterwards(reported: list[object]):
    def fail() -> None:
        Callback(MemoryError())
        raise MemoryError

    with pytest.raises(OutOfMemory), readable_memory_errors():
        fail()
    Callback(MemoryError())
    assert reported == []


def test_callbacks_without_memory_at_the_end_of_the_process_are_silent():
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")


def test_other_callbacks_are_reported(reported: list[object]):
    error = ValueError("wrong")
    with readable_memory_errors():
        Callback(error)
    Callback(last := MemoryError())
    assert reported == [error, last]


def test_numpy_without_memory():
    with pytest.raises(OutOfMemory, match=r"out of memory \(Unable to allocate .*batch_size.*newest checkpoint"):
        with readable_memory_errors():
            np.zeros(2**46)


def test_xla_without_memory():
    with pytest.raises(OutOfMemory, match=r"out of memory \(.*RESOURCE_EXHAUSTED"), readable_memory_errors():
        jax.block_until_ready(jax.jit(lambda: jax.numpy.ones(2**42))())


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory")])
def test_python_and_the_system_without_memory(error: Exception):
    with pytest.raises(OutOfMemory, match="out of memory"), readable_memory_errors():
        raise error


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), ValueError("wrong")])
def test_other_errors_pass(error: Exception):
    with pytest.raises(type(error)) as caught, readable_memory_errors():
        raise error
    assert caught.value is error
