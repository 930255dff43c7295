"""What a task is: the contract between data, network and training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
        total: the sum of the per-item losses; its gradient, divided as `training.loss_reduction` says, is followed.
        items: the number of items in the sum.
        carry: what passes to the next batch.
    """

    total: Float[Array, ""]
    items: Float[Array, ""]
    carry: Carry


class Sample(NamedTuple):
    """A piece of output for people: what was given and what the network made of it."""

    given: str
    output: str


@dataclass(frozen=True)
class Prediction:
    """What a trained network says of something new.

    Attributes:
        text: for the terminal.
        rows: the same as a table, one mapping per row, for CSV, JSON and data frames.
        draw: makes a picture of the same, where there is one.
    """

    text: str
    rows: Sequence[Mapping[str, Any]] = field(repr=False)
    draw: Callable[[], Figure] | None = field(default=None, repr=False)


class Task:
    """What is learned: its model, batches, loss and metrics. A task is one class, with its options as keywords.

    Attributes:
        accepts: the kind of data that it reads.
        metric: the name of the metric that selects; `direction` says whether less (`min`) or more is better.
        item: what is counted per second, in the plural.
        causal: whether outputs must not depend on later inputs, which rules out bidirectional networks.
        pooled: whether there is one output per sequence instead of one per time step.
        decode_validation: whether decoded metrics are wanted at every evaluation; otherwise at the end alone.
    """

    accepts: str
    metric: str
    direction: Literal["min", "max"]
    item: str
    causal: bool = True
    pooled: bool = False
    decode_validation: bool = False

    # Required

    @property
    def signature(self) -> Signature:
        """What the task asks of the default network; not needed where `build` is overridden."""
        raise TypeError(f"{type(self).__name__} says neither `signature` nor `build`")

    def train_batches(self, data: Any, training: TrainingConfig, seed: int) -> Batches:
        """Return the training batches."""
        raise TypeError(f"{type(self).__name__} has no training batches")

    def eval_batches(self, data: Any, split: Split, training: TrainingConfig) -> Batches:
        """Return the batches of a split, each of its items scored exactly once; of train, at most as many as of test.

        Which ones of train depends on the data alone.
        """
        raise TypeError(f"{type(self).__name__} has no evaluation batches")

    def loss(self, network: Any, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the training loss of a batch; `key` draws dropout masks, None switches dropout off."""
        raise TypeError(f"{type(self).__name__} has no loss")

    def score(self, network: Any, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the carry after a batch and the sums that metrics are made of."""
        raise TypeError(f"{type(self).__name__} has no score")

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return metrics from sums over all batches; `items` is the number of scored items."""
        raise TypeError(f"{type(self).__name__} has no metrics")

    # Optional

    def build(self, cells: Cells, key: Array) -> Model:
        """Build the model; by default an encoder, stacked recurrent layers, pooling and a head, as `signature` says."""
        return build_network(cells, self.signature, key)

    def describe(self) -> dict[str, Any]:
        """Return what a saved run needs beside its weights to be used without its data, JSON-able."""
        return {}

    def initial_carry(self, network: Any, batch_size: int) -> Carry:
        """Return what passes from batch to batch, as it is before the first one; by default nothing does."""
        return ()

    def decode(self, network: Any, batch: Batch) -> Any:
        """Return what the network makes of a batch where metrics need more than sums, such as sequences or rankings.

        It runs on the host and calls what it likes on the device.
        """
        raise TypeError(f"{type(self).__name__} decodes nothing")

    def decoded_metrics(self, decoded: Sequence[Any]) -> dict[str, float]:
        """Return metrics of a whole split from what `decode` made of its batches, in order."""
        raise TypeError(f"{type(self).__name__} decodes nothing")

    def baselines(self, data: Any) -> dict[str, dict[str, float]]:
        """Return metrics of reference predictors on the test split, by name."""
        return {}

    def samples(self, network: Any, data: Any, seed: int) -> Sequence[Sample]:
        """Return some output for people to read."""
        return ()

    def figures(self, network: Any, data: Any, sums: Mapping[str, Any]) -> Mapping[str, Callable[[], Figure]]:
        """Return what draws pictures of how the network does on the test split, by file name without its ending.

        Args:
            network: the network with its best weights.
            data: the data.
            sums: over the test split, as `score` makes them.
        """
        return {}

    def file_batches(self, path: Path, training: TrainingConfig) -> Batches:
        """Return the batches of a file of the same form as the run's data, all of it scored.

        Raises:
            DataError: the file is missing, unreadable or of another form.
        """
        raise ConfigError("path", path, "nothing: this task reads no files of its own")

    predict: Callable[..., Prediction]
    """Returns a `Prediction` for new inputs: its first argument is the network, the others are the arguments of
    `python -m gru_bench.predict`. It needs no data but what `describe` returned."""

    @property
    def decodes(self) -> bool:
        """Whether the task has metrics of decoded output."""
        return type(self).decode is not Task.decode
