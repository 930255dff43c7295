from __future__ import annotations

import jax
import jax.numpy as jnp

from gru_bench.measure.kernels import kernels_of

PROGRAM = """HloModule jit_f, entry_computation_layout={(f32[2,3]{1,0})->f32[2,4]{1,0}}

%fused_computation.1 (param_0: f32[2,3], param_1: f32[3,4]) -> f32[2,4] {
  %param_0 = f32[2,3]{1,0} parameter(0)
  ROOT %dot_general.4 = f32[2,4]{1,0} dot(%param_0, %param_1), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%body (arg: (s32[], f32[2,4])) -> (s32[], f32[2,4]) {
  %ynn_fusion = f32[2,4]{1,0} fusion(%a, %b), kind=kCustom, calls=%fused_computation.1, metadata={op_name="x"}, \
backend_config={"fusion_config":{"kind":"__ynn_fusion"},"outer_dimension_partitions":[]}
  %dot.2 = f32[2,4]{1,0} dot(%c, %d), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  %gemm = (f32[2,4]{1,0}, s8[4]{0}) custom-call(%c, %d), custom_call_target="__cublas$gemm", backend_config={}
}

ENTRY %main.5 (x: f32[2,3]) -> f32[2,4] {
  %while.7 = (s32[], f32[2,4]{1,0}) while(%tuple), condition=%region, body=%body
  ROOT %dot.9 = f32[2,4]{1,0} dot(%e, %f), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
"""


def test_products_go_by_what_computes_them():
    assert kernels_of(PROGRAM) == "1 __cublas$gemm, 2 dot, 1 dot in ynn, 1 loop"
    assert kernels_of("") == "no product"


def test_what_xla_compiles_here_is_read():
    def layer(x: jax.Array, weight: jax.Array) -> jax.Array:
        return jax.lax.scan(lambda h, _: (jnp.tanh(h @ weight), None), x, length=9)[0]

    program = jax.jit(layer).lower(jnp.ones((8, 64)), jnp.ones((64, 64))).compile().as_text()
    assert program is not None
    found = kernels_of(program)
    assert "1 loop" in found
    assert found != "1 loop"  # the product is found as well, whichever library computes it
