"""Memory: outputs that depend on inputs of long before.

All problems have an output at each time step, or only at the last ones, and a mask of the scored ones. The `Problem` of
the data defines the meaning of the outputs, and how they are scored and shown.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.figure import Figure

from gru_bench.data.batches.base import Batches
from gru_bench.data.batches.examples import SplitBatches, train_batches
from gru_bench.data.files.tables import read_lines
from gru_bench.data.sequences.sequences import Examples, Sequences, concatenated
from gru_bench.errors import ConfigError
from gru_bench.models.network import Network, Signature
from gru_bench.sections import TrainingConfig
from gru_bench.tasks.adding_problem import Adding
from gru_bench.tasks.brackets_problem import Brackets
from gru_bench.tasks.clocks_problem import Clocks
from gru_bench.tasks.copy_problem import Copy
from gru_bench.tasks.counting_problem import Counting
from gru_bench.tasks.memory_problem import Outputs, Problem
from gru_bench.tasks.pixels_problem import Pixels
from gru_bench.tasks.task import Batch, Carry, Goal, Loss, Prediction, Sample, Split, Sums, Task
from gru_bench.validation import Natural

PROBLEMS: Mapping[str, Callable[[Mapping[str, Any]], Problem]] = {
    "adding": Adding,
    "brackets": Brackets,
    "clocks": Clocks,
    "copy": Copy,
    "counting": Counting,
    "pixels": Pixels,
}
ROWS = 100  # sequences per batch of the baselines


class Memory(Task):
    """Tests of memory over a known distance.

    Args:
        description: the `form` of the data's `Sequences`.
        samples: number of test sequences to show at the end of a run.
    """

    accepts = "sequences"
    causal = True
    pooled = False
    item = "targets"

    def __init__(self, description: Mapping[str, Any], *, samples: Natural = 4):
        self._form, self.shown = dict(description), samples
        self.problem = PROBLEMS[description["problem"]](description)
        self.metric = self.problem.metric
        self.direction: Literal["min", "max"] = self.problem.direction

    @property
    def signature(self) -> Signature:
        """That of the problem, with outputs per time step."""
        return self.problem.signature

    @property
    def goal(self) -> Goal:
        """The metric that selects; its best value is that of the problem."""
        return Goal(self.metric, self.direction, self.problem.perfect)

    def describe(self) -> dict[str, Any]:
        """Return the form of the sequences."""
        return dict(self._form)

    def train_batches(self, data: Sequences, training: TrainingConfig, seed: int) -> Batches:
        """Return batches that are generated or shuffled in each epoch."""
        return train_batches(data, training.batch_size, seed)

    def eval_batches(self, data: Sequences, split: Split, training: TrainingConfig) -> Batches:
        """Return batches with each sequence of a split exactly once; of train `Sequences.some_of_train`."""
        examples = data.some_of_train() if split == "train" else {"valid": data.valid, "test": data.test}[split]
        return SplitBatches(examples, training.eval_batch_size)

    def file_batches(self, path: Path, training: TrainingConfig) -> Batches:
        """Return batches with each line of a file exactly once.

        Raises:
            DataError: the file is missing or empty, or a line is no sequence with known targets.
        """
        sequences = [self.problem.read_known(line) for line in _lines(path, "path")]
        return SplitBatches(concatenated(sequences), training.eval_batch_size)

    def loss(self, network: Network, batch: Batch, carry: Carry, key: Array | None) -> Loss:
        """Return the summed loss of a batch."""
        sums = self.problem.score(_outputs(network, batch["inputs"], batch["mask"].shape[1], key), batch)
        return Loss(total=sums["loss"], items=sums["items"].astype(jnp.float32), carry=carry)

    def score(self, network: Network, batch: Batch, carry: Carry) -> tuple[Carry, Sums]:
        """Return the sums of a batch."""
        return carry, self.problem.score(_outputs(network, batch["inputs"], batch["mask"].shape[1], None), batch)

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return the metrics and the number of scored targets."""
        return self.problem.metrics(sums)

    def baselines(self, data: Sequences) -> dict[str, dict[str, float]]:
        """Return the metrics of predictors without memory, on the test split."""
        return {name: self._score(data.test, answer) for name, answer in self.problem.references(data).items()}

    def _score(self, examples: Examples, answer: Callable[[Batch], np.ndarray]) -> dict[str, float]:
        batches = SplitBatches(examples, ROWS)
        shapes = jax.eval_shape(self.problem.score, answer(batches[0]), batches[0])
        sums = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        add = jax.jit(lambda sums, outputs, batch: jax.tree.map(jnp.add, sums, self.problem.score(outputs, batch)))
        for batch in batches:
            sums = add(sums, answer(batch), batch)
        metrics = self.problem.metrics(jax.device_get(sums))
        del metrics["items"]
        return metrics

    def samples(self, network: Network, data: Sequences, seed: int) -> Sequence[Sample]:
        """Return some test sequences, evenly spread, with their outputs."""
        places = np.linspace(0, len(data.test.mask) - 1, self.shown).astype(int) if self.shown else []
        rows = [self._describe(network, data.test.take(slice(place, place + 1))) for place in places]
        return [Sample(str(row.pop("given")), _line(row)) for row in rows]

    def figures(self, network: Network, data: Sequences, sums: Mapping[str, Any]) -> Mapping[str, Callable[[], Figure]]:
        """Return the figures of the problem."""
        return {name: lambda figure=figure: figure for name, figure in self.problem.figures(sums).items()}

    def predict(self, network: Network, *sequences: str, file: Path | None = None) -> Prediction:
        """Predict the outputs for sequences of your own.

        Args:
            network: the trained network
            sequences: one per argument. adding: numbers, two of them marked, "0.5* 0.3 0.25*", of any length; copy:
                ten digits from 0 to 7; anbn, anbncn: a string, in the language or not; mnist: 784 pixels from 0 to
                255, row by row, after the digit if it is known; two_clocks: "s2 f0 . . f3"; brackets: "([.]{."
            file: a text file with one sequence per line; - reads standard input

        Raises:
            ConfigError: there is no sequence.
            DataError: the file is missing or empty, or a sequence does not fit the problem.
        """
        if not sequences and file is None:
            raise ConfigError("sequences", None, "sequences as arguments, or file=FILE with one per line")
        texts = [*sequences, *([] if file is None else _lines(file, "file"))]
        rows = [self._describe(network, self.problem.read(text)) for text in texts]
        return Prediction("\n".join(f"{row['given']}\t{_line(row)}" for row in rows), rows)

    def _describe(self, network: Network, example: Examples) -> dict[str, Any]:
        inputs, targets = example.batch()["inputs"], example.mask.shape[1]
        return self.problem.describe(example, np.asarray(_compiled(network, jnp.asarray(inputs), targets))[0])


def _outputs(network: Network, inputs: Array, targets: int, key: Array | None) -> Outputs:
    """Run the network; padding, which is at the end, cannot change the scored outputs."""
    return network(inputs, network.zero_carry(inputs.shape[0]), last=targets, key=key)[0]


_compiled = jax.jit(functools.partial(_outputs, key=None), static_argnums=2)


def _lines(path: Path, key: str) -> list[str]:
    return [line for line in read_lines(path, key) if line.strip()]


def _line(row: Mapping[str, Any]) -> str:
    return "\t".join(
        f"{name}: {value:.4f}" if isinstance(value, float) else f"{name}: {value}"
        for name, value in row.items()
        if name != "given"
    )
