"""Measurements made by hand."""

from __future__ import annotations

from typing import Any

from gru_bench.measurement import Measurement


def measured(implementation: str, milliseconds: float, **values: Any) -> Measurement:
    """Return a row whose quartiles lie 10 % beside the median."""
    standard: dict[str, Any] = {
        "cell": "gru",
        "what": "training",
        "batch": 16,
        "time": 500,
        "input": 64,
        "hidden": 64,
        "precision": "float32",
        "library": f"{implementation} 1.0",
        "count": 30,
        "compile_seconds": 0.5,
        "kernel": "4 dot in ynn, 2 dot, 2 loop",
        "parameter_bytes": 99_072,
        "carry_bytes": 256,
        "step_bytes": 3 * 2**20,
        "flops": 1.18e9,
        "load": 0.01,
        "rounds": "2026-01-01T00:00:00.000000+00:00",
        "device": "cpu: Test",
        "threads": 2,
        "versions": "python=3.11.7 jax=0.10.2",
        "commit": "abc",
    }
    seconds = milliseconds / 1e3
    return Measurement(
        implementation=implementation, median=seconds, q25=0.9 * seconds, q75=1.1 * seconds, **(standard | values)
    )


def two_cells() -> list[Measurement]:
    """Return a GRU and an LSTM in four implementations at one point."""
    times = {"gru": (10.0, 12.0, 20.0, 5.0), "lstm": (15.0, 18.0, 12.0, 10.0)}
    return [
        measured(name, milliseconds, cell=cell)
        for cell, of_cell in times.items()
        for name, milliseconds in zip(("fast", "flax", "torch", "products"), of_cell, strict=True)
    ]
