"""Files of state dicts, with and without PyTorch."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from gru_bench.errors import DataError, UserError
from gru_bench.state_dicts import SUFFIXES, encode, is_state_dict, read_state_dict
from tests.bad_input import Planted

STATE = {"head.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "head.bias": np.ones(2, np.float32)}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_written_is_read_back_and_recognised(suffix: str, tmp_path: Path):
    if suffix != ".safetensors":
        pytest.importorskip("torch")
    path = tmp_path / f"w{suffix}"
    path.write_bytes(encode(STATE, suffix))
    state, digest = read_state_dict(str(path), "key")
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {name: np.asarray(value).tolist() for name, value in state.items()} == {
        name: value.tolist() for name, value in STATE.items()
    }
    assert is_state_dict(path)
    path.write_bytes(safetensors.numpy.save(STATE))
    assert not is_state_dict(path)


@pytest.mark.parametrize("content", [b"", b"abc", encode(STATE, ".safetensors")[:-3], b"\xff" * 100])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_damaged_files_are_one_message(content: bytes, suffix: str, tmp_path: Path):
    if suffix == ".pt":
        pytest.importorskip("torch")
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"key: .* is no state dict that can be read \([^\n]*\)\.") as caught:
        read_state_dict(str(path), "key")
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="key: there is no file"):
        read_state_dict(str(tmp_path / "other.pt"), "key")


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    for name, content in {
        "planted.pt": {"a": Planted()},
        "list.pt": [torch.ones(2)],
        "module.pt": torch.nn.ReLU(),
    }.items():
        torch.save(content, name)
        with pytest.raises(DataError, match="no state dict"):
            read_state_dict(name, "key")
    assert len(list(tmp_path.iterdir())) == 3


def test_pytorch_is_asked_for_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "w.pt").write_bytes(b"PK")
    with pytest.raises(UserError, match="pip install torch"):
        read_state_dict(str(tmp_path / "w.pt"), "key")
    with pytest.raises(UserError, match="pip install torch"):
        encode(STATE, ".pt")
