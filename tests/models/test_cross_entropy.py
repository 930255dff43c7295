"""Cross-entropy in chunks against autodiff of the formula written out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gru_bench.models import cross_entropy as module
from gru_bench.models.cross_entropy import cross_entropy
from tests.training.support import ROOT

pytestmark = pytest.mark.usefixtures("strict")

LANES, TIME, SIZE, SYMBOLS = 3, 7, 5, 11


@pytest.fixture(params=[1, 4, 21], ids=lambda chunks: f"{chunks} chunks")
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The 21 rows in one chunk, in four that they do not fill, and each on its own."""
    rows = -(-LANES * TIME // request.param)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", rows * SYMBOLS)
    return request.param


def draw(dtype: Any = np.float32, scale: float = 1.0) -> tuple[tuple[Any, Any, Any], Any, Any]:
    """Return (hidden, kernel, bias), targets, mask."""
    noise = np.random.default_rng(0)
    shapes = (LANES, TIME, SIZE), (SIZE, SYMBOLS), (SYMBOLS,)
    arrays = tuple(jnp.asarray(scale * noise.normal(size=shape).astype(dtype)) for shape in shapes)
    targets = jnp.asarray(noise.integers(0, SYMBOLS, (LANES, TIME)).astype(np.int32))
    return arrays, targets, jnp.asarray(noise.random((LANES, TIME)) < 0.8)  # pyright: ignore[reportReturnType]


def plain(hidden: Any, kernel: Any, bias: Any, targets: Any, mask: Any) -> Any:
    logits = hidden @ kernel
    nll = optax.softmax_cross_entropy_with_integer_labels(logits + jnp.broadcast_to(bias, logits.shape), targets)
    return jnp.where(mask, nll, 0.0).sum()


def value_and_gradients(function: Callable[..., Any], arrays: Any, *rest: Any) -> list[np.ndarray]:
    weighted = jax.value_and_grad(lambda *arrays: 0.3 * function(*arrays, *rest), argnums=(0, 1, 2))
    return [np.asarray(leaf) for leaf in jax.tree.leaves(jax.jit(weighted)(*arrays))]


def assert_close(found: list[np.ndarray], expected: list[np.ndarray], tolerance: float) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(other).max())


def test_value_and_gradients_are_those_of_the_formula(chunks: int):
    arrays, *rest = draw()
    assert_close(value_and_gradients(cross_entropy, arrays, *rest), value_and_gradients(plain, arrays, *rest), 1e-5)


def test_in_double_precision_to_ten_digits(chunks: int):
    with jax.enable_x64(True):
        arrays, *rest = draw(np.float64)
        found = value_and_gradients(lambda *each: cross_entropy(*each, precision=jnp.float64), arrays, *rest)
        assert_close(found, value_and_gradients(plain, arrays, *rest), 1e-10)


def test_without_a_gradient_it_is_the_same_number(chunks: int):
    arrays, *rest = draw()
    assert float(cross_entropy(*arrays, *rest)) == pytest.approx(float(plain(*arrays, *rest)), rel=1e-6)


def test_rows_that_do_not_count_do_nothing(chunks: int):
    (hidden, *weights), targets, mask = draw()
    found = value_and_gradients(cross_entropy, (hidden, *weights), targets, mask)
    noisy = jnp.where(mask[..., None], hidden, 1e4)
    other = value_and_gradients(cross_entropy, (noisy, *weights), jnp.where(mask, targets, 0), mask)
    for one, two in zip(found, other, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not found[1][~np.asarray(mask)].any()


def test_great_logits_do_not_overflow(chunks: int):
    arrays, *rest = draw(scale=100.0)
    assert_close(value_and_gradients(cross_entropy, arrays, *rest), value_and_gradients(plain, arrays, *rest), 1e-5)


def test_many_at_once_are_each_on_its_own(chunks: int):
    arrays, targets, mask = draw()
    scales = jnp.array([1.0, 0.5, -2.0])

    def at(scale: Any) -> Any:
        return jax.value_and_grad(cross_entropy, argnums=(0, 1, 2))(arrays[0] * scale, *arrays[1:], targets, mask)

    together = jax.jit(jax.vmap(at))(scales)
    for index, scale in enumerate(scales):
        alone = [np.asarray(leaf) for leaf in jax.tree.leaves(at(scale))]
        assert_close([np.asarray(leaf[index]) for leaf in jax.tree.leaves(together)], alone, 1e-6)


def test_bfloat16_rounds_the_factors_alone():
    arrays, *rest = draw()
    rounded = tuple(array.astype(jnp.bfloat16).astype(jnp.float32) for array in arrays[:2])
    found = value_and_gradients(lambda *each: cross_entropy(*each, precision=jnp.bfloat16), arrays, *rest)
    expected = value_and_gradients(plain, (*rounded, arrays[2]), *rest)
    assert_close(found[:1], expected[:1], 1e-6)
    assert_close(found[1:], expected[1:], 1e-2)  # the gradient of the logits is rounded, too: 8 bits
    assert_close(found[3:], expected[3:], 1e-6)  # no product with rounded factors in the bias's


def test_logits_never_exist_all_at_once():
    shapes = (1024, 64), (64, 8192), (8192,)
    arrays = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    rest = jax.ShapeDtypeStruct((1024,), jnp.int32), jax.ShapeDtypeStruct((1024,), jnp.bool_)

    def temporary(function: Callable[..., Any]) -> int:
        gradient = jax.jit(jax.grad(function, argnums=(0, 1, 2)))
        analysis: Any = gradient.lower(*arrays, *rest).compile().memory_analysis()
        return analysis.temp_size_in_bytes

    logits = 4 * 1024 * 8192
    assert temporary(cross_entropy) < 0.7 * logits
    assert temporary(plain) >= logits


_SHARDED = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from gru_bench.models import cross_entropy as module
module.LOGITS_AT_ONCE, module.ROWS_AT_ONCE = 64, 6
noise = np.random.default_rng(0)
hidden, kernel, bias = noise.normal(size=(8, 3, 5)), noise.normal(size=(5, 11)), noise.normal(size=11)
arrays = [array.astype(np.float32) for array in (hidden, kernel, bias)]
rest = noise.integers(0, 11, (8, 3)).astype(np.int32), noise.random((8, 3)) < 0.8
gradient = jax.jit(jax.value_and_grad(module.cross_entropy, argnums=(0, 1, 2)))
mesh = Mesh(np.array(jax.devices()), ("lanes",))
def lay(array, *axes):
    return jax.device_put(array, NamedSharding(mesh, PartitionSpec(*axes)))
spread = gradient(lay(arrays[0], "lanes"), lay(arrays[1]), lay(arrays[2]), *(lay(array, "lanes") for array in rest))
assert len(spread[1][0].sharding.device_set) == 4
for one, other in zip(jax.tree.leaves(spread), jax.tree.leaves(gradient(*arrays, *rest))):
    np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=0, atol=1e-6 * np.abs(other).max())
"""


def test_lanes_may_lie_on_several_devices():
    environment = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", _SHARDED], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
