"""Pictures that are read pixel by pixel and classified at the last time step; see `gru_bench.data.public.mnist`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from gru_bench.data.public import mnist
from gru_bench.data.sequences.pixel_baselines import Linear, class_shares
from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.errors import DataError
from gru_bench.models.network import Signature
from gru_bench.tasks import class_metrics
from gru_bench.tasks.class_pictures import confusion_matrix
from gru_bench.tasks.memory_problem import Outputs, Reference
from gru_bench.tasks.task import Batch, Sums


class Pixels:
    """Cross-entropy of the class in nats; accuracy selects."""

    metric = "accuracy"
    direction: Literal["min", "max"] = "max"
    perfect = 1.0

    def __init__(self, form: Mapping[str, Any]):
        self._form, self._classes = form, tuple(form["classes"])

    @property
    def signature(self) -> Signature:
        """Inputs: one grey value; outputs: one score per class."""
        return Signature(channels=1, outputs=len(self._classes))

    def score(self, outputs: Outputs, batch: Batch) -> Sums:
        """Return the summed nll and the sums behind the metrics of classifiers."""
        mask = batch["mask"][:, 0]
        sums = class_metrics.class_sums(jax.nn.log_softmax(outputs[:, 0]), batch["targets"][:, 0], mask)
        return {**sums, "loss": sums["nll"], "items": mask.sum(dtype=jnp.int32)}

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return accuracy, macro F1, nll and expected calibration error."""
        return class_metrics.class_metrics(sums)

    def references(self, data: Sequences) -> Mapping[str, Reference]:
        """Return the majority class, and a linear model of all pixels at once."""
        train = data.train
        assert isinstance(train, Examples)
        shares = class_shares(train, len(self._classes))
        linear = Linear(train, len(self._classes), str(data.facts["digest"]))
        return {
            "majority class": lambda batch: np.tile(shares, (len(batch["mask"]), 1, 1)),
            "linear": lambda batch: linear(batch["inputs"][..., 0])[:, None],
        }

    def figures(self, sums: Mapping[str, Any]) -> Mapping[str, Figure]:
        """Return the confusion matrix."""
        return {"confusion_matrix": confusion_matrix(sums["confusion"], self._classes)}

    def read(self, text: str) -> Examples:
        """Parse a line of pixels, with or without a label before them."""
        return mnist.read(text, self._form)

    def read_known(self, text: str) -> Examples:
        """Parse a line of pixels with their label before them."""
        example = self.read(text)
        if not example.mask.all():
            raise DataError(f"found {example.padding.size} pixels without a label, expected the label before them")
        return example

    def describe(self, example: Examples, outputs: np.ndarray) -> dict[str, Any]:
        """Return the most probable class, its probability, and the true class if it is known."""
        scores = outputs[0].astype(np.float64)
        probability = np.exp(scores - scores.max())
        best = int(probability.argmax())
        side, ink = self._form["side"], float(example.batch()["inputs"].mean())
        row = {
            "given": f"{side} x {side} pixels, {ink:.0%} ink",
            "output": self._classes[best],
            "probability": float(probability[best] / probability.sum()),
        }
        return {**row, "truth": self._classes[int(example.targets[0, 0])]} if example.mask.all() else row
