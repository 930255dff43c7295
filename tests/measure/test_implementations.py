"""Every implementation does the work that its point names."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from gru_bench.measure import layer as module
from gru_bench.measure.implementations import INSTALL, OWN, PEERS, load
from gru_bench.measure.layer import JaxLayer, Prepared, operands
from gru_bench.measurement import PASSES, Pass, Point, Shape
from tests.presets import CELLS

SHAPE = Shape(3, 5, 4, 6)
NAMES = {"fast": "jax", "scan": "jax", "products": "jax", "flax": "flax", "keras": "keras", "torch": "torch"}


def made(name: str) -> Any:
    if importlib.util.find_spec(NAMES[name]) is None:
        pytest.skip(f"{NAMES[name]} is not installed: {INSTALL}")
    return (OWN | PEERS)[name].make()


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("name", NAMES)
def test_training_runs_in_bfloat16(name: str, cell: str):
    made(name).prepare(Point(cell, SHAPE, "training", "bfloat16")).run()


@pytest.mark.slow
@pytest.mark.parametrize("what", PASSES)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("name", NAMES)
def test_every_pass_runs_and_tells_its_cost(name: str, cell: str, what: Pass):
    shape = Shape(1, 1, 4, 6) if what == "step" else SHAPE
    point = Point(cell, shape, what)
    implementation = made(name)
    if implementation.refusal(point):
        assert (name, what) == ("scan", "step")
        return
    prepared = implementation.prepare(point)
    prepared.run()
    prepared.run()
    gates = len(CELLS[cell](hidden_size=6).gates)
    assert prepared.parameter_bytes >= 4 * gates * 6 * (4 + 6)
    assert prepared.calls == (100 if what == "step" else 1)
    assert prepared.kernel != "no product"
    assert (prepared.compile_seconds is None) == (prepared.step_bytes is None) == (name == "torch")


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("name", ["fast", "scan", "flax", "keras"])
def test_the_passes_of_a_layer_are_the_same_function(name: str, cell: str):
    found = made(name).layer(Point(cell, SHAPE, "training"))
    inputs, cotangent = map(jnp.asarray, operands(Point(cell, SHAPE, "training")))
    outputs = found.apply(found.weights, inputs)
    assert outputs.shape == cotangent.shape == (3, 5, 6)
    carry, steps = found.carry, []
    for time in range(SHAPE.time):
        carry, output = found.step(found.weights, carry, inputs[:, time])
        steps.append(output)
    assert jnp.allclose(outputs, jnp.stack(steps, axis=1), atol=1e-5)
    assert jnp.abs(outputs).max() > 0.01


def test_training_returns_the_gradients_of_all_weights_and_of_the_inputs(monkeypatch: pytest.MonkeyPatch):
    seen: list[Any] = []

    def take(*arguments: Any) -> Prepared:
        seen.append(arguments)
        return Prepared(run=lambda: None, kernel="", parameter_bytes=0)

    monkeypatch.setattr(module, "prepare_function", take)
    point = Point("gru", SHAPE, "training")
    weight = jnp.arange(24.0).reshape(4, 6)
    module.prepare_layer(
        JaxLayer({"w": weight}, None, lambda weights, x: x @ weights["w"], lambda *_: (None, None)), point
    )
    function, (leaves, inputs, cotangent), _ = seen[0]
    loss, (d_weights, d_inputs) = jax.jit(function)(leaves, inputs, cotangent)
    assert jnp.allclose(loss, jnp.sum((inputs @ weight) * cotangent), rtol=1e-5)
    assert jnp.allclose(d_weights[0], jnp.einsum("bti,bth->ih", inputs, cotangent), atol=1e-4)
    assert jnp.allclose(d_inputs, cotangent @ weight.T, atol=1e-4)


@pytest.mark.parametrize("cell", ["mgu", "min_gru"])
@pytest.mark.parametrize("name", ["fast", "products"])
def test_cells_of_two_and_of_no_recurrent_kernels_are_timed(name: str, cell: str):
    for what in PASSES:
        prepared = made(name).prepare(Point(cell, Shape(1, 1, 4, 6) if what == "step" else SHAPE, what))
        prepared.run()
        prepared.run()
        assert prepared.kernel != "no product"


def test_operations_are_those_of_the_products():
    from gru_bench.measure.sweep import flops

    shape = Shape(16, 10, 64, 64)
    for what in ("forward", "training"):
        point = Point("lstm", shape, what)
        assert flops(point) == (3 if what == "training" else 1) * 2 * 16 * 10 * (64 + 64) * 4 * 64


def test_what_a_library_lacks_is_refused():
    point = Point("minimal", SHAPE, "forward")
    assert made("flax").refusal(point) == "it has no minimal"
    assert PEERS["cudnn"].make().refusal(Point("lstm", SHAPE, "forward")) == "it needs a GPU"


def test_a_missing_peer_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "gru_bench.measure.peers.torch", raising=False)
    found, missing = load(["flax", "torch"])
    assert [entry.name for entry in found] == ["fast", "scan", "products", "flax"]
    assert len(missing) == 1
    assert missing[0].startswith("torch skipped")
    assert missing[0].endswith("pip install 'gru_bench[bench]'")
