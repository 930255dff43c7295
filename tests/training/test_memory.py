from __future__ import annotations

import errno

import jax
import numpy as np
import pytest

from gru_bench.training.memory import OutOfMemory, memory_in_words


def test_numpy_without_memory():
    with pytest.raises(OutOfMemory, match=r"out of memory \(Unable to allocate .*batch_size.*newest checkpoint"):
        with memory_in_words():
            np.zeros(2**46)


def test_xla_without_memory():
    with pytest.raises(OutOfMemory, match=r"out of memory \(.*RESOURCE_EXHAUSTED"), memory_in_words():
        jax.block_until_ready(jax.jit(lambda: jax.numpy.ones(2**42))())


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory")])
def test_python_and_the_system_without_memory(error: Exception):
    with pytest.raises(OutOfMemory, match="out of memory"), memory_in_words():
        raise error


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), ValueError("wrong")])
def test_other_errors_pass(error: Exception):
    with pytest.raises(type(error)) as caught, memory_in_words():
        raise error
    assert caught.value is error
