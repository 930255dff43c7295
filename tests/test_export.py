"""The command that writes weights for other libraries, and the modules of docs/export.md that load them."""

from __future__ import annotations

import json
import math
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from safetensors.numpy import load_file

from gru_bench.arguments import run_command
from gru_bench.compose import composed
from gru_bench.export import export
from gru_bench.models.network import Signature
from gru_bench.models.torch_weights import export_torch, load_torch, torch_modules
from gru_bench.sections import ModelConfig, TrainingConfig
from gru_bench.state_dicts import encode, read_state_dict
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.saved import load_run
from gru_bench.training.setup import load_task
from tests.networks import make_model
from tests.training.support import ROOT, record

TEXTS = ("data.train_size=100", "data.valid_size=100", "data.test_size=100")
CASES = [
    ("LanguageModel", ("model.layers=2", "model.tied_embeddings=true", *TEXTS)),
    ("TextClassifier", ("task=sentiment", "model=lstm", *TEXTS)),
    ("TextClassifier", ("task=sentiment", "model.bidirectional=true", *TEXTS)),
    ("Forecaster", ("task=time_series", "data=series_csv", "data.path=own.csv", "data.targets=sold")),
    (
        "Forecaster",
        ("task=time_series", "data=series_csv", "data.path=own.csv", "data.calendar=true", "model=lstm"),
    ),
]


@pytest.fixture(scope="module")
def exported(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "weights.safetensors"
    assert run_command(export, [f"run={finished_run}", f"out={out}"]) == 0
    return out


def test_the_best_weights_are_written_by_the_names_of_pytorch(finished_run: Path, exported: Path):
    state = load_file(exported)
    assert list(state) == sorted(state)
    np.testing.assert_equal(state, export_torch(load_run(finished_run).network))
    assert {name.partition(".")[0] for name in state} == {"embedding", "rnn", "head"}


def test_the_modules_are_printed_and_an_earlier_export_is_replaced(
    finished_run: Path, exported: Path, capsys: pytest.CaptureFixture[str]
):
    before = exported.read_bytes()
    assert run_command(export, [f"run={finished_run}", f"out={exported}"]) == 0
    output = capsys.readouterr()
    assert output.out.splitlines() == [
        "self.embedding = torch.nn.Embedding(7, 8)",
        "self.rnn = torch.nn.GRU(8, 8, batch_first=True)",
        "self.head = torch.nn.Linear(8, 7)",
    ]
    assert output.err == f"Written: {exported}\n"
    assert exported.read_bytes() == before


def test_what_cannot_be_exported_is_one_message(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def error(code: int, out: Path, *more: str, run: Path = finished_run) -> str:
        assert run_command(export, [f"run={run}", f"out={out}", *more]) == code
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        return message

    foreign = tmp_path / "weights.pt"
    foreign.write_bytes(b"somebody else's")
    assert "ends in .safetensors or .pt" in error(2, tmp_path / "weights.npz")
    assert "an earlier output of this command" in error(2, foreign)
    assert "is not one of the run in" in error(2, finished_run / "checkpoints" / "w.pt", "overwrite=true")
    assert "holds no record.json" in error(1, foreign, run=tmp_path)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "pip install torch" in error(1, foreign, "overwrite=true")
    assert foreign.read_bytes() == b"somebody else's"
    (tmp_path / "record.json").write_text(json.dumps(record(finished_run) | {"status": "interrupted"}))
    assert "the run is interrupted, expected a finished one" in error(1, tmp_path / "w.safetensors", run=tmp_path)


def test_overwrite_replaces_a_foreign_file(finished_run: Path, exported: Path, tmp_path: Path):
    out = tmp_path / "w.safetensors"
    out.write_text("foreign")
    assert run_command(export, [f"run={finished_run}", f"out={out}", "overwrite=true"]) == 0
    assert out.read_bytes() == exported.read_bytes()


def test_damaged_weights_are_one_message(finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = shutil.copytree(finished_run, tmp_path / "run")
    (run / "checkpoints/best.npz").write_bytes(b"")
    assert run_command(export, [f"run={run}", f"out={tmp_path}/w.safetensors"]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "w.safetensors").exists()


def documented(text: str) -> str:
    """Return the code of docs/export.md that has a text."""
    page = (ROOT / "docs/export.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.S) if text in block]
    return code


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_documented_modules_give_the_outputs_of_the_network(
    name: str, settings: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file as load_torch_file

    monkeypatch.chdir(tmp_path)
    rows = [f"2024-01-{1 + hour // 24:02} {hour % 24:02}:00,{math.sin(hour):.4f},{hour % 7}" for hour in range(240)]
    Path("own.csv").write_text("\n".join(["time,sold,day", *rows]))
    config = composed(*settings, "model.hidden_size=9", "training.eval_batch_size=6")
    task, data = load_task(config)
    blueprint, draw = Blueprint(config, task), np.random.default_rng(0)
    weights = jax.tree.map(lambda leaf: jnp.asarray(draw.normal(0, 0.4, leaf.shape), leaf.dtype), blueprint.params)
    network: Any = nnx.merge(blueprint.graph, weights)
    Path("weights.safetensors").write_bytes(encode(export_torch(network), ".safetensors"))
    lines = [f"        self.{key} = {module}\n" for key, module in torch_modules(network).items()]
    code = re.sub(r"(        self\.\w+ = .*\n)+", "".join(lines), documented(f"class {name}("))
    if config.model.bidirectional:
        code = code.replace("final[-1]", "torch.cat([final[-2], final[-1]], dim=-1)")
    exec(code, namespace := {})
    model = namespace[name]()
    model.load_state_dict(load_torch_file("weights.safetensors"))
    batch = task.eval_batches(data, "test", config.training)[0]
    known = {key: jnp.asarray(batch[key]) for key in ("padding", "features") if key in batch}
    expected, _ = network(jnp.asarray(batch["inputs"]), network.zero_carry(len(batch["inputs"])), **known)
    count = int(batch["mask"].sum()) if name != "LanguageModel" else len(batch["inputs"])
    inputs = [batch["inputs"][:count]]
    inputs += [batch["padding"][:count].sum(axis=1)] if "padding" in batch else []
    inputs += [batch["features"][:count]] if "features" in batch else []
    with torch.no_grad():
        outputs = model(*(torch.from_numpy(array) for array in inputs))
    outputs = outputs[0] if isinstance(outputs, tuple) else outputs
    np.testing.assert_allclose(outputs.numpy(), np.asarray(expected)[:count], rtol=1e-5, atol=1e-5)


def test_a_module_of_other_names_is_renamed_as_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    parts = {"embedding": torch.nn.Embedding(7, 9), "lstm": torch.nn.LSTM(9, 9, 2, batch_first=True)}
    model = torch.nn.ModuleDict({**parts, "decoder": torch.nn.Linear(9, 7)})
    exec(documented("torch.save("), {"torch": torch, "model": model})

    signature = Signature(symbols=7, outputs=7)
    config = ModelConfig(cell="lstm", hidden_size=9, layers=2, init="uniform", init_scale=0.5)
    network = make_model(config, TrainingConfig(updates=1), signature, jax.random.key(0))
    load_torch(network, read_state_dict("weights.pt", "file")[0])
    symbols = np.random.default_rng(0).integers(0, 7, (4, 20))
    outputs, _ = network(jnp.asarray(symbols), network.zero_carry(4))
    with torch.no_grad():
        hidden, _ = parts["lstm"](parts["embedding"](torch.from_numpy(symbols)))
        expected = model["decoder"](hidden).numpy()
    np.testing.assert_allclose(np.asarray(outputs), expected, rtol=1e-5, atol=1e-5)
