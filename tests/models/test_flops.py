"""Operations of matrix products, read off a traced program."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from gru_bench.models.flops import product_flops

A, B = jnp.zeros((3, 4)), jnp.zeros((4, 5))
ONE = 2 * 3 * 4 * 5


def test_a_product_counts_two_operations_per_multiply_add():
    assert product_flops(jnp.matmul, A, B) == ONE
    assert product_flops(lambda a, b: jnp.tanh(a @ b).sum() + a.sum(), A, B) == ONE
    assert (
        product_flops(lambda a, b: jnp.einsum("bij,bjk->bik", a, b), jnp.zeros((7, 3, 4)), jnp.zeros((7, 4, 5)))
        == 7 * ONE
    )


def test_shapes_are_enough_and_nothing_is_computed():
    shapes = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in (A, B)]
    assert product_flops(jnp.matmul, *shapes) == ONE


def test_a_scan_counts_each_time_step_and_a_branch_its_longest_side():
    def scanned(a: jax.Array, b: jax.Array):
        return jax.lax.scan(lambda carry, _: (carry + (a @ b).sum(), None), 0.0, length=6)[0]

    def branched(a: jax.Array, b: jax.Array) -> jax.Array:
        return jax.lax.cond(a.sum() > 0, lambda: (a @ b @ b.T).sum(), lambda: (a @ b).sum())

    assert product_flops(scanned, A, B) == 6 * ONE
    assert product_flops(branched, A, B) == 2 * ONE


@pytest.mark.parametrize("wrap", [jax.jit, jax.checkpoint, jax.vmap])
def test_what_is_wrapped_counts(wrap):
    a, b = (A[None], B[None]) if wrap is jax.vmap else (A, B)
    assert product_flops(wrap(jnp.matmul), a, b) == ONE
