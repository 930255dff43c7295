"""Files of PyTorch state dicts: `.safetensors`, read and written without PyTorch, and `.pt`, with it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from gru_bench.data.files.text import existing_file
from gru_bench.errors import ConfigError, DataError, UserError
from gru_bench.replacing import GENERATOR

SUFFIXES = (".safetensors", ".pt", ".pth")


def check_suffix(path: Path | str, key: str) -> None:
    """Check that the name of a file says its format.

    Args:
        path: the file.
        key: the argument or setting that named it, for the message.

    Raises:
        ConfigError: it ends in another suffix.
    """
    if Path(path).suffix.lower() not in SUFFIXES:
        raise ConfigError(key, str(path), f"a file that ends in {' or '.join(SUFFIXES)}")


def encode(state: Mapping[str, np.ndarray], suffix: str) -> bytes:
    """Return the content of a file that holds a state dict.

    Args:
        state: arrays by name.
        suffix: one of `SUFFIXES`.

    Raises:
        UserError: the format needs PyTorch, which is not installed.
    """
    if suffix.lower() == SUFFIXES[0]:
        return safetensors.numpy.save(dict(state), metadata={"generator": GENERATOR})
    torch, buffer = _torch(suffix), io.BytesIO()
    torch.save({name: torch.from_numpy(value) for name, value in state.items()}, buffer)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = GENERATOR.encode()  # the only place for it that PyTorch does not read
    return buffer.getvalue()


def is_state_dict(path: Path) -> bool:
    """Say whether a file is a state dict that `encode` made."""
    content = path.read_bytes()
    header, zipped = content[:4096], content.startswith(b"PK")
    return f'"generator":"{GENERATOR}"'.encode() in header or (zipped and content.endswith(GENERATOR.encode()))


def read_state_dict(path: str, key: str) -> tuple[dict[str, Any], str]:
    """Return the tensors or arrays of a file by name, and its sha256.

    Args:
        path: the file; `~` is the home folder.
        key: the setting that named it, for messages.

    Raises:
        DataError: the file is missing or holds no state dict.
        UserError: the format needs PyTorch, which is not installed.
    """
    place = existing_file(path, key)
    try:
        raw = place.read_bytes()
        state = _decode(raw, place.suffix)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise DataError(f"{key}: {place} is no state dict that can be read ({error}). Save it in float32.") from error
    return state, hashlib.sha256(raw).hexdigest()


def _decode(raw: bytes, suffix: str) -> dict[str, Any]:
    if suffix.lower() == SUFFIXES[0]:
        return safetensors.numpy.load(raw)
    torch = _torch(suffix)
    try:
        state = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch raises all kinds, and advises to trust the file
        raise ValueError(f"{type(error).__name__}, expected the file of torch.save(model.state_dict(), ...)") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"a {type(state).__name__}, expected model.state_dict(): tensors by name")
    return dict(state)


def _torch(suffix: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise UserError(
            f"a {suffix} file needs PyTorch: pip install torch. Files that end in {SUFFIXES[0]} need none."
        ) from error
    return torch
