"""The interface of the problems of the memory task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.models.network import Signature
from gru_bench.tasks.task import Batch, Sums

Outputs = Float[Array, "sequences targets outputs"]
Reference = Callable[[Batch], np.ndarray]


@runtime_checkable
class Problem(Protocol):
    """One kind of memory test. A class takes the `form` of its `Sequences`.

    Attributes:
        metric: the name of the metric that selects.
        direction: whether less (`min`) or more of it is better.
        perfect: its best value.
    """

    metric: str
    direction: Literal["min", "max"]
    perfect: float

    @property
    def signature(self) -> Signature:
        """The inputs, and the number of outputs per time step."""
        ...

    def score(self, outputs: Outputs, batch: Batch) -> Sums:
        """Return the sums behind the metrics.

        Returns:
            `loss`, the sum to minimise; `items`, the number of its targets, int32; and further sums for metrics and
            figures.
        """
        ...

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return metrics from sums, including `items`."""
        ...

    def references(self, data: Sequences) -> Mapping[str, Reference]:
        """Return functions from a batch to the outputs of predictors without memory, by name."""
        ...

    def figures(self, sums: Mapping[str, Any]) -> Mapping[str, Figure]:
        """Return figures of the test split, by file name."""
        ...

    def read(self, text: str) -> Examples:
        """Parse the sequence of a user.

        Raises:
            DataError: it does not fit the problem.
        """
        ...

    def read_known(self, text: str) -> Examples:
        """Parse a sequence with known targets.

        Raises:
            DataError: it does not fit the problem, or its targets are unknown.
        """
        ...

    def describe(self, example: Examples, outputs: np.ndarray) -> dict[str, Any]:
        """Return the input as `given`, the output and the truth, as plain values for users.

        Args:
            example: one sequence.
            outputs: of shape (targets, outputs).
        """
        ...
