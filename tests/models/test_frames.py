from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest

from gru_bench.models.frames import Frames
from gru_bench.models.initializers import orthogonal


@pytest.mark.parametrize("shape", [(8, 8, 1), (5, 7, 3), (1, 6, 1)])
def test_convolutions_equal_a_loop(shape: tuple[int, int, int], strict: None):
    network = Frames(jax.random.key(0), shape, 4, orthogonal, "float32", filters=(2, 3))
    draw = np.random.default_rng(0)
    for bias in network.biases:
        bias[...] = jax.numpy.asarray(draw.normal(size=bias.shape), "float32")
    frames = draw.normal(size=(2, 3, *shape)).astype(np.float32)
    kernels = [np.asarray(kernel[...], np.float64) for kernel in network.kernels]
    biases = [np.asarray(bias[...], np.float64) for bias in network.biases]
    expected = np.zeros((2, 3, 4))
    for place in itertools.product(range(2), range(3)):
        values = frames[place].astype(np.float64)
        for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
            values = _convolved(values, kernel.reshape(3, 3, values.shape[-1], -1), bias)
        expected[place] = np.maximum(values.reshape(-1) @ kernels[-1] + biases[-1], 0)
    assert (expected > 0).any()
    np.testing.assert_allclose(network(jax.numpy.asarray(frames)), expected, atol=1e-5)


def _convolved(values: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    height, width, _ = values.shape
    result = np.zeros((-(-height // 2), -(-width // 2), bias.size))
    for row, column in np.ndindex(*result.shape[:2]):
        total = bias.copy()
        for up, left in itertools.product(range(3), repeat=2):
            y, x = 2 * row + up - 1, 2 * column + left - 1
            if 0 <= y < height and 0 <= x < width:
                total = total + values[y, x] @ kernel[up, left]
        result[row, column] = np.maximum(total, 0)
    return result
