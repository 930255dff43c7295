"""All implementations by short name; the library of a peer is imported on demand."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gru_bench.measure.layer import Implementation
from gru_bench.measure.ours import Ours
from gru_bench.measure.products import Products

INSTALL = "pip install 'gru_bench[bench]'"


@dataclass(frozen=True)
class Entry:
    """An implementation that is not loaded yet.

    Attributes:
        package: its distribution.
        make: imports the library and returns the implementation.
    """

    package: str
    make: Callable[[], Implementation]

    @property
    def library(self) -> str:
        """The package with its version, if it is installed as a distribution."""
        try:
            return f"{self.package} {importlib.metadata.version(self.package)}"
        except importlib.metadata.PackageNotFoundError:
            return self.package


def _flax() -> Implementation:
    from gru_bench.measure.peers.flax import Flax

    return Flax()


def _keras() -> Implementation:
    from gru_bench.measure.peers.keras import Keras

    return Keras()


def _torch() -> Implementation:
    from gru_bench.measure.peers.torch import Torch

    return Torch()


def _cudnn() -> Implementation:
    from gru_bench.measure.peers.cudnn import Cudnn

    return Cudnn()


OWN = {
    "fast": Entry("gru_bench", lambda: Ours("fast")),
    "scan": Entry("gru_bench", lambda: Ours("scan")),
    "products": Entry("jax", Products),
}
PEERS = {
    "flax": Entry("flax", _flax),
    "keras": Entry("keras", _keras),
    "torch": Entry("torch", _torch),
    "cudnn": Entry("jax", _cudnn),
}


@dataclass(frozen=True)
class Available:
    """A loaded implementation."""

    name: str
    library: str
    implementation: Implementation


def load(peers: Sequence[str]) -> tuple[list[Available], list[str]]:
    """Return our implementations and those of installed peers, and a line for each missing peer."""
    available, missing = [], []
    for name, entry in (OWN | {name: PEERS[name] for name in peers}).items():
        try:
            available.append(Available(name, entry.library, entry.make()))
        except ImportError as error:
            missing.append(f"{name} skipped, {entry.package} cannot be imported ({error}): {INSTALL}")
    return available, missing
