"""Checkpoints: one array file each, no pickle, written atomically, checked by sha256 at every read.

Why one `.npz` file and not Orbax: docs/decisions/checkpoints.md.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gru_bench.errors import UserError
from gru_bench.files import remove, write_atomically
from gru_bench.record import RunRecord

KEPT = 2
_DIGEST, _META = "__sha256__", "__meta__"
_RUN = "run"
_NAME = re.compile(r"update-(\d+)\.npz")

logger = logging.getLogger("gru_bench")


class DamagedCheckpoint(UserError):
    """A checkpoint's content does not fit its digest, or the file cannot be read."""


class Checkpoints:
    """The checkpoints of one run directory: the newest two, and the best weights on the validation split."""

    def __init__(self, folder: Path, identity: Mapping[str, Any] | None = None):
        """Nothing is read or written yet.

        Args:
            folder: where they are.
            identity: what makes them those of one run and no other; it is written to each and compared at each read.
        """
        self.folder = folder
        self._identity = dict(identity or {})

    @property
    def best_path(self) -> Path:
        """Where the best weights are."""
        return self.folder / "best.npz"

    def save(self, update: int, tree: Any, meta: Mapping[str, Any]) -> Path:
        """Write the checkpoint of an update and drop all but the newest two.

        Raises:
            UserError: the disk is full or the folder is not writable; older checkpoints are still there.
        """
        path = self._path(update)
        save_tree(path, tree, self._with_identity(meta))
        for old in self._paths()[KEPT:]:
            remove(old)
        return path

    @property
    def updates(self) -> list[int]:
        """The updates that there are checkpoints of, the newest first."""
        return [int(path.stem.removeprefix("update-")) for path in self._paths()]

    def load(self, update: int, template: Any) -> tuple[Any, dict[str, Any]]:
        """Return tree and meta of the checkpoint of an update.

        Raises:
            DamagedCheckpoint: it is not whole, or that of another run or update.
        """
        path = self._path(update)
        tree, meta = self._own(path, *load_tree(path, template))
        if meta.get("update", update) != update:
            raise DamagedCheckpoint(f"checkpoint {path} is misnamed: it is that of update {meta['update']}.")
        return tree, meta

    def save_best(self, params: Any, meta: Mapping[str, Any]) -> None:
        """Replace the best weights.

        Raises:
            UserError: the file cannot be written; the old one is still there.
        """
        save_tree(self.best_path, params, self._with_identity(meta))

    def load_best(self, template: Any) -> tuple[Any, dict[str, Any]]:
        """Return the best weights and what was written down with them.

        Raises:
            DamagedCheckpoint: there are none, or they are not whole, or those of another run.
        """
        return self._own(self.best_path, *load_tree(self.best_path, template))

    def drop_after(self, update: int) -> None:
        """Remove the checkpoints of later updates, so that they do not outlast the ones that are written next."""
        for later in self.updates:
            if later > update:
                remove(self._path(later))

    def _with_identity(self, meta: Mapping[str, Any]) -> dict[str, Any]:
        return {**meta, _RUN: self._identity} if self._identity else dict(meta)

    def _own(self, path: Path, tree: Any, meta: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return tree and meta of a checkpoint; one without the identity of its run is of an older version."""
        identity = meta.pop(_RUN, {})
        differing = [
            f"{name} {identity[name]}, expected {value}"
            for name, value in self._identity.items()
            if identity.get(name, value) != value
        ]
        if differing:
            raise DamagedCheckpoint(f"checkpoint {path} is that of another run: {'; '.join(differing)}.")
        return tree, meta

    def _path(self, update: int) -> Path:
        return self.folder / f"update-{update:09d}.npz"

    def _paths(self) -> list[Path]:
        """Newest first."""
        if not self.folder.is_dir():
            return []
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), reverse=True)


def checkpoint_identity(record: RunRecord) -> dict[str, Any]:
    """Return what makes checkpoints those of the run of this record: settings, seed and data."""
    digest = str(record.data_facts.get("digest"))[:16]
    return {"settings": record.config_hash, "seed": record.seed, "data": digest}


def latest(several: Sequence[Checkpoints], template: Any) -> list[tuple[Any, dict[str, Any]]] | None:
    """Return tree and meta of the newest checkpoint that all runs have and that is whole; None where there is none.

    A damaged one is named in the log and skipped for the one before it.

    Args:
        several: the checkpoints of one run, or of several that are trained together.
        template: the structure of a tree.

    Raises:
        DamagedCheckpoint: there are checkpoints and all are damaged.
    """
    damaged: DamagedCheckpoint | None = None
    for update in sorted(set.intersection(*(set(checkpoints.updates) for checkpoints in several)), reverse=True):
        try:
            return [checkpoints.load(update, template) for checkpoints in several]
        except DamagedCheckpoint as error:
            logger.warning("%s Trying the one before it.", error)
            damaged = error
    if damaged is not None:
        raise DamagedCheckpoint(f"{damaged} No older one is intact; start over with fresh=true.")
    return None


def save_tree(path: Path, tree: Any, meta: Mapping[str, Any]) -> None:
    """Write the arrays of a pytree and plain values to one file, atomically.

    Raises:
        UserError: the file cannot be written.
    """
    arrays = _named_arrays(tree)
    arrays[_META] = np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8)
    arrays[_DIGEST] = np.frombuffer(_digest(arrays), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue())


def load_tree(path: Path, template: Any) -> tuple[Any, dict[str, Any]]:
    """Read what `save_tree` wrote, in the structure of `template`.

    Raises:
        DamagedCheckpoint: the file is cut off, its bytes changed, or its arrays do not fit the template.
    """
    arrays, meta = read_arrays(path)
    wanted = _named_shapes(template)
    for name, array in wanted.items():
        stored = arrays.get(name)
        if stored is None or stored.shape != array.shape or stored.dtype != array.dtype:
            actual = "missing" if stored is None else f"{stored.dtype}{list(stored.shape)}"
            raise DamagedCheckpoint(
                f"checkpoint {path} does not fit these settings: {name} is {actual}, expected "
                f"{array.dtype}{list(array.shape)}."
            )
    leaves = [_as_leaf(arrays[name], leaf) for name, leaf in zip(wanted, jax.tree.leaves(template), strict=True)]
    return jax.tree.unflatten(jax.tree.structure(template), leaves), meta


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays of a checkpoint by name, and the plain values.

    Raises:
        DamagedCheckpoint: the file cannot be read, or its content does not fit its digest.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        digest = arrays.pop(_DIGEST).tobytes()
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DamagedCheckpoint(f"checkpoint {path} cannot be read: {reason}.") from None
    if _digest(arrays) != digest:
        raise DamagedCheckpoint(f"checkpoint {path} is damaged: its content does not fit its sha256.")
    return arrays, json.loads(arrays.pop(_META).tobytes())


def _named_arrays(tree: Any) -> dict[str, np.ndarray]:
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): _as_array(leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _named_shapes(tree: Any) -> dict[str, Any]:
    """Return what has shape and dtype of each array, of a tree of arrays or of shapes."""
    named = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): jax.random.key_data(leaf) if _is_key(leaf) else leaf
        for path, leaf in named
    }


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _as_array(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _as_leaf(array: np.ndarray, template: Any) -> Any:
    return jax.random.wrap_key_data(jnp.asarray(array)) if _is_key(template) else jnp.asarray(array)


def _digest(arrays: Mapping[str, np.ndarray]) -> bytes:
    state = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        state.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        state.update(array.data.cast("B") if array.size else b"")
    return state.digest()
