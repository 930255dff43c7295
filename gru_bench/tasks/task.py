"""What a task is: the contract between data, network and training loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Array, Float
from matplotlib.figure import Figure

from gru_bench.config import TrainingConfig
from gru_bench.models.factory import Signature
from gru_bench.models.network import Network

Batch = Mapping[str, Any]
Carry = Any
Sums = dict[str, Array]
Split = Literal["train", "valid", "test"]


@runtime_checkable
class TrainBatches(Protocol):
    """The batches of the training split, by random access; their order is a pure function of (seed, epoch).

    A batch is a mapping of arrays whose first axis counts sequences. `inputs` is what the network reads, `mask` True
    where something is scored, and `padding`, where sequences differ in length, True where a time step counts.
    """

    @property
    def lengths(self) -> tuple[int, ...]:
        """The numbers of time steps that `inputs` may have along its second axis, ascending; `padding` has the same."""
        ...

    @property
    def time_steps(self) -> float:
        """Time steps of all sequences of an average batch together."""
        ...

    @property
    def outputs(self) -> float:
        """Outputs that the head computes for an average batch."""
        ...

    def __len__(self) -> int:
        """Return the number of batches, that is of updates, in an epoch."""
        ...

    def at(self, epoch: int, index: int) -> Batch:
        """Return batch `index` of an epoch."""
        ...


@runtime_checkable
class EvalBatches(Protocol):
    """The batches of a split that is scored, in order: each of its items exactly once."""

    def __len__(self) -> int:
        """Return the number of batches."""
        ...

    def __getitem__(self, index: int) -> Batch:
        """Return batch `index`."""
        ...


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


@runtime_checkable
class Task(Protocol):
    """What is learned: batches, loss, metrics, samples.

    Attributes:
        accepts: the kind of data that it reads.
        metric: the name of the metric that selects; `direction` says whether less (`min`) or more is better.
        item: what is counted per second, in the plural.
        predict: says something of new inputs, as a `Prediction`; its first argument is the network, the others are
            the arguments of `python -m gru_bench.predict`. It needs no data but what `describe` returned.
    """

    accepts: str
    metric: str
    direction: Literal["min", "max"]
    item: str

    @property
    def signature(self) -> Signature:
        """What the task asks of a network."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what a saved run needs beside its weights to be used without its data, JSON-able."""
        ...

    def train_batches(self, data: Any, training: TrainingConfig, seed: int) -> TrainBatches:
        """Return the training batches."""
        ...

    def eval_batches(self, data: Any, split: Split, training: TrainingConfig) -> EvalBatches:
        """Return the batches of a split, each of its items scored exactly once; of train, at most as many as of test.

        Which ones of train depends on the data alone.
        """
        ...

    def file_batches(self, path: Path, training: TrainingConfig) -> EvalBatches:
        """Return the batches of a file of the same form as the run's data, all of it scored.

        Raises:
            DataError: the file is missing, unreadable or of another form.
        """
        ...

    def initial_carry(self, network: Network, batch_size: int) -> Carry:
        """Return what passes from batch to batch, as it is before the first one; `()` if nothing does."""
        ...

    def loss(self, network: Network, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the training loss of a batch."""
        ...

    def score(self, network: Network, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the carry after a batch and the sums that metrics are made of."""
        ...

    def zero_sums(self) -> Sums:
        """Return the sums before the first batch."""
        ...

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return metrics from sums; `items` is the number of scored items."""
        ...

    def baselines(self, data: Any) -> dict[str, dict[str, float]]:
        """Return metrics of reference predictors on the test split, by name."""
        ...

    def samples(self, network: Network, data: Any, seed: int) -> Sequence[Sample]:
        """Return some output for people to read."""
        ...

    def figures(self, network: Network, data: Any, sums: Mapping[str, Any]) -> Mapping[str, Callable[[], Figure]]:
        """Return what draws pictures of how the network does on the test split, by file name without its ending.

        Args:
            network: the network with its best weights.
            data: the data.
            sums: over the test split, as `score` makes them.
        """
        ...

    @property
    def predict(self) -> Callable[..., Prediction]:
        """Return the function that says something of new inputs; see the class."""
        ...
