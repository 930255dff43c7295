"""Floating-point operations of a computation, counted in its traced program without running it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import Jaxpr, jaxprs_in_params


def product_flops(function: Callable[..., Any], *arguments: Any) -> int:
    """Return the operations of all matrix products of a function, two per multiply-add.

    Look-ups and element-wise operations are not counted. A scan counts its body once per time step, a condition its
    most expensive branch, a loop with an unknown number of iterations its body once.

    Args:
        function: any function that JAX can trace.
        arguments: its arguments; shapes (`jax.ShapeDtypeStruct`) are enough.
    """
    return _of_program(jax.make_jaxpr(function)(*arguments).jaxpr)


def _of_program(program: Jaxpr) -> int:
    return sum(_of_equation(equation) for equation in program.eqns)


def _of_equation(equation: Any) -> int:
    if equation.primitive.name == "dot_general":
        (contracted, _), _ = equation.params["dimension_numbers"]
        shape = equation.invars[0].aval.shape
        return 2 * math.prod(equation.outvars[0].aval.shape) * math.prod(shape[axis] for axis in contracted)
    inner = [_of_program(program) for program in jaxprs_in_params(equation.params)]
    if equation.primitive.name == "cond":
        return max(inner)
    return equation.params.get("length", 1) * sum(inner) if equation.primitive.name == "scan" else sum(inner)
