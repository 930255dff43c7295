"""Training that starts from the weights of a PyTorch state dict."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench.compose import composed
from gru_bench.config import identity
from gru_bench.export import export
from gru_bench.state_dicts import encode, read_state_dict
from tests.training.support import SMALL, Outcome, arrays, record, train


@pytest.fixture(scope="module")
def weights(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a finished run as a state dict."""
    out = tmp_path_factory.mktemp("weights") / "w.safetensors"
    export(run=finished_run, out=out)
    return out


def begin(run: Path, weights: Path, updates: int = 0, *arguments: str) -> Outcome:
    settings = [argument for argument in SMALL if not argument.startswith(("training.updates", "task.sample"))]
    own = (f"model.initial_weights={weights}", f"training.updates={updates}", "task.sample_length=0")
    return train(*settings, *own, f"run_dir={run}", f"paths.cache={run.parent}/cache", *arguments)


def test_weights_come_back_as_a_run_of_no_updates(finished_run: Path, weights: Path, tmp_path: Path):
    run = tmp_path / "run"
    done = begin(run, weights)
    assert done.code == 0, done.err
    found = record(run)
    assert (found["status"], found["updates"], found["best_update"]) == ("finished", 0, 0)
    assert found["metrics"] == record(finished_run)["metrics"]
    assert found["initial_weights"] == {
        "file": str(weights),
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    export(run=run, out=tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == weights.read_bytes()


def test_a_run_goes_on_without_its_file_and_is_refused_with_another_one(weights: Path, tmp_path: Path):
    file, run = tmp_path / "w.safetensors", tmp_path / "run"
    file.write_bytes(weights.read_bytes())
    assert begin(run, file, 4, "training.eval_every=2").code == 0
    finished, best = record(run), arrays(run / "checkpoints/best.npz")
    (run / "checkpoints/update-000000004.npz").unlink()
    (run / "record.json").write_text(json.dumps(finished | {"status": "running"}))

    state, _ = read_state_dict(str(file), "file")
    file.write_bytes(encode({name: np.asarray(value) + 1 for name, value in state.items()}, ".safetensors"))
    done = begin(run, file, 4, "training.eval_every=2")
    assert done.code == 2
    assert f"{run} holds a run that started from other weights" in done.err

    file.unlink()
    done = begin(run, file, 4, "training.eval_every=2", "fresh=true")
    assert (done.code, "there is no file" in done.err) == (2, True)
    done = begin(run, file, 4, "training.eval_every=2")
    assert done.code == 0, done.err
    assert "Resuming from the checkpoint of update 2" in done.out
    for key in ("metrics", "initial_weights", "best_update"):
        assert record(run)[key] == finished[key]
    for key, value in arrays(run / "checkpoints/best.npz").items():
        np.testing.assert_array_equal(value, best[key])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("model.hidden_size=9",), "rnn.weight_ih_l0 (24, 8), expected (27, 9)"),
        (("model=mgu",), "model.cell: found 'MGU', allowed: a cell that PyTorch has"),
    ],
)
def test_weights_of_another_network_are_one_message(
    settings: tuple[str, ...], message: str, weights: Path, tmp_path: Path
):
    done = begin(tmp_path / "run", weights, 1, *settings)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert message in done.err
    assert record(tmp_path / "run")["status"] == "failed"


def test_without_a_file_the_settings_are_those_of_earlier_versions():
    settings = composed("task=language_modeling").to_dict()
    earlier: dict[str, Any] = {**settings, "model": dict(settings["model"])}
    del earlier["model"]["initial_weights"]
    assert identity(earlier) == identity(settings)
    assert composed("model.initial_weights=w.pt").hash != composed("task=language_modeling").hash
