"""What a test of memory asks: the part of the task that differs from problem to problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.models.network import Signature
from gru_bench.tasks.task import Batch, Sums

Outputs = Float[Array, "sequences asked outputs"]
Reference = Callable[[Batch], np.ndarray]


@runtime_checkable
class Problem(Protocol):
    """One kind of question about a sequence.

    A class of this kind takes the `form` of its `Sequences`.

    Attributes:
        metric: the name of the metric that selects.
        direction: whether less (`min`) or more of it is better.
    """

    metric: str
    direction: Literal["min", "max"]

    @property
    def signature(self) -> Signature:
        """What is read, and how many numbers are put out at a time step."""
        ...

    def score(self, outputs: Outputs, batch: Batch) -> Sums:
        """Return the sums that metrics are made of.

        Returns:
            `loss`, the sum that is trained on; `items`, the number of targets in it, int32; and what else metrics and
            pictures need.
        """
        ...

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return metrics from sums, `items` among them."""
        ...

    def references(self, data: Sequences) -> Mapping[str, Reference]:
        """Return what networks without memory would put out for a batch, by name."""
        ...

    def figures(self, sums: Mapping[str, Any]) -> Mapping[str, Figure]:
        """Return pictures of the test split, by file name."""
        ...

    def read(self, text: str) -> Examples:
        """Return the sequence that a person wrote.

        Raises:
            DataError: it is none.
        """
        ...

    def read_known(self, text: str) -> Examples:
        """Return a sequence that can be scored, which is more than that it can be read.

        Raises:
            DataError: it cannot.
        """
        ...

    def tell(self, example: Examples, outputs: np.ndarray) -> dict[str, Any]:
        """Return for people what was `given`, what came out, and the truth; plain values.

        Args:
            example: one sequence.
            outputs: of shape (asked, outputs).
        """
        ...
