"""The base class of tasks that sort the examples of a split into buckets by length."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gru_bench.data.batches.base import Batches
from gru_bench.sections import TrainingConfig
from gru_bench.tasks.task import Split, Task


class Bucketed(Task):
    """Batches of examples of similar length, for data of `gru_bench.data.containers`.

    Attributes:
        form: all that the network needs to know of its data.
        buckets: maximum number of shapes of batches.
    """

    form: Any
    buckets: int

    def batches(self, examples: Any, like: Any, rows: int, **order: Any) -> Batches:
        """Return batches of the examples of a split.

        Args:
            examples: the examples.
            like: the examples whose lengths decide on the buckets.
            rows: examples per batch.
            order: `shuffle` and `seed` of training batches; without them each example is in one batch, to be scored.
        """
        raise TypeError(f"{type(self).__name__} has no batches")

    def read(self, path: Path) -> Any:
        """Return the examples of a file in the format of the data.

        Raises:
            ConfigError: the file lacks a column.
            DataError: the file is missing, broken or in another format.
        """
        raise TypeError(f"{type(self).__name__} reads no files")

    def describe(self) -> dict[str, Any]:
        """Return the form of the data as plain values."""
        return self.form.to_dict()

    def train_batches(self, data: Any, training: TrainingConfig, seed: int) -> Batches:
        """Return batches of examples of similar length, in a new order in each epoch."""
        return self.batches(data.train, data.train, training.batch_size, shuffle=True, seed=seed)

    def eval_batches(self, data: Any, split: Split, training: TrainingConfig) -> Batches:
        """Return batches with each example of a split exactly once; those of train are spread evenly over it."""
        return self.batches(data.evaluated(split), data.train, training.eval_batch_size)

    def file_batches(self, path: Path, training: TrainingConfig) -> Batches:
        """Return batches with each example of a file exactly once.

        Raises:
            ConfigError: see `read`.
            DataError: see `read`.
        """
        examples = self.read(path)
        return self.batches(examples, examples, training.eval_batch_size)
