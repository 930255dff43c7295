"""The base class of tasks: the contract between data, network and training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jaxtyping import Array, Float
from matplotlib.figure import Figure

from gru_bench.data.batches.base import Batches
from gru_bench.errors import ConfigError
from gru_bench.models.builder import Cells
from gru_bench.models.model import Model
from gru_bench.models.network import Signature, build_network
from gru_bench.sections import TrainingConfig

Batch = Mapping[str, Any]
Carry = Any
Sums = dict[str, Array]
Split = Literal["train", "valid", "test"]


class Loss(NamedTuple):
    """The loss of a batch.

    Attributes:
        total: the sum of the per-item losses; `training.loss_reduction` divides it.
        items: the number of items in the sum.
        carry: the carry for the next batch.
    """

    total: Float[Array, ""]
    items: Float[Array, ""]
    carry: Carry


class Goal(NamedTuple):
    """The test metric by which networks are compared, whether less (`min`) or more of it is better, its best value."""

    metric: str
    direction: Literal["min", "max"]
    perfect: float


class Sample(NamedTuple):
    """An example for the report: an input and the network's output."""

    given: str
    output: str


@dataclass(frozen=True)
class Prediction:
    """The prediction of a trained network for new inputs.

    Attributes:
        text: for the terminal; an iterator yields each answer of a chat as soon as it is there, and fills `rows`.
        rows: the same as a table, one mapping per row, for CSV, JSON and data frames.
        draw: returns a figure of it; None: there is none.
    """

    text: str | Iterator[str]
    rows: Sequence[Mapping[str, Any]] = field(repr=False)
    draw: Callable[[], Figure] | None = field(default=None, repr=False)


class Task:
    """A task: its model, batches, loss and metrics, in one class with its options as keywords.

    Attributes:
        accepts: the kind of data.
        metric: the name of the metric that selects; `direction` tells whether less (`min`) or more is better.
        item: the unit of throughput, in the plural.
        causal: whether outputs must not depend on later inputs, which rules out bidirectional networks.
        pooled: whether there is one output per sequence instead of one per time step.
        attends: whether the model is an encoder-decoder, to which `model.attention` applies.
        decode_validation: whether to compute decoded metrics at every evaluation instead of only at the end.
    """

    accepts: str
    metric: str
    direction: Literal["min", "max"]
    item: str
    causal: bool = True
    pooled: bool = False
    attends: bool = False
    decode_validation: bool = False

    # Required

    @property
    def signature(self) -> Signature:
        """The inputs and outputs of the default network; not needed by a task that overrides `build`."""
        raise TypeError(f"{type(self).__name__} defines neither `signature` nor `build`")

    def train_batches(self, data: Any, training: TrainingConfig, seed: int) -> Batches:
        """Return the training batches."""
        raise TypeError(f"{type(self).__name__} has no training batches")

    def eval_batches(self, data: Any, split: Split, training: TrainingConfig) -> Batches:
        """Return the batches of a split, each of its items scored exactly once; of train, at most as many as of test.

        The selection of train depends only on the data.
        """
        raise TypeError(f"{type(self).__name__} has no evaluation batches")

    def loss(self, network: Any, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the training loss of a batch; `key` is that of the dropout masks, None switches dropout off."""
        raise TypeError(f"{type(self).__name__} has no loss")

    def score(self, network: Any, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the carry after a batch and the sums behind the metrics."""
        raise TypeError(f"{type(self).__name__} has no score")

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return metrics from sums over all batches; `items` is the number of scored items."""
        raise TypeError(f"{type(self).__name__} has no metrics")

    # Optional

    def build(self, cells: Cells, key: Array) -> Model:
        """Build the model; by default the network of `signature`: encoder, recurrent layers, pooling and head."""
        return build_network(cells, self.signature, key)

    @property
    def goal(self) -> Goal:
        """By what networks are compared: the metric that selects, at best 0 of an error or 1 of a share."""
        return Goal(self.metric, self.direction, 0.0 if self.direction == "min" else 1.0)

    def describe(self) -> dict[str, Any]:
        """Return plain values for JSON that a saved run needs, besides its weights, to be used without its data."""
        return {}

    def initial_carry(self, network: Any, batch_size: int) -> Carry:
        """Return the carry before the first batch; by default there is none."""
        return ()

    def decode(self, network: Any, batch: Batch) -> Any:
        """Return the decoded output of a batch, such as sequences or rankings, for metrics that need more than sums.

        It runs on the host and may call compiled functions on the device.
        """
        raise TypeError(f"{type(self).__name__} decodes nothing")

    def decoded_metrics(self, decoded: Sequence[Any]) -> dict[str, float]:
        """Return metrics of a whole split from the results of `decode` for its batches, in order."""
        raise TypeError(f"{type(self).__name__} decodes nothing")

    def baselines(self, data: Any) -> dict[str, dict[str, float]]:
        """Return metrics of reference predictors on the test split, by name."""
        return {}

    def samples(self, network: Any, data: Any, seed: int) -> Sequence[Sample]:
        """Return some examples of outputs."""
        return ()

    def figures(self, network: Any, data: Any, sums: Mapping[str, Any]) -> Mapping[str, Callable[[], Figure]]:
        """Return functions that draw figures of the test split, by file name without extension.

        Args:
            network: the network with its best weights.
            data: the data.
            sums: the sums of `score` over the test split.
        """
        return {}

    def file_batches(self, path: Path, training: TrainingConfig) -> Batches:
        """Return the batches of a whole file in the format of the run's data.

        Raises:
            DataError: the file is missing, unreadable or in another format.
        """
        raise ConfigError("path", path, "nothing: this task does not read files")

    predict: Callable[..., Prediction]
    """Returns a `Prediction` for new inputs: its first argument is the network, the others are the arguments of
    `python -m gru_bench.predict`. Of the data it needs only the result of `describe`."""

    @property
    def decodes(self) -> bool:
        """Whether the task has metrics of decoded output."""
        return type(self).decode is not Task.decode
