"""Languages that need counting: the possible next letters at each time step; see `generated.counting_languages`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from gru_bench.data.generated import counting_languages
from gru_bench.data.generated.counting_languages import END
from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.errors import DataError
from gru_bench.models.network import Signature
from gru_bench.tasks.memory_pictures import by_place
from gru_bench.tasks.memory_problem import Outputs, Reference
from gru_bench.tasks.task import Batch, Sums


class Counting:
    """A binary output for each symbol at each time step.

    A string is right if at each time step exactly the possible next symbols have a probability above one half (Gers &
    Schmidhuber 2001).
    """

    metric = "longest"
    direction: Literal["min", "max"] = "max"

    def __init__(self, form: Mapping[str, Any]):
        self._letters, self._longest = str(form["letters"]), int(form["longest"])
        self._test_longest = int(form["test_longest"])
        self.perfect = float(self._test_longest)

    @property
    def signature(self) -> Signature:
        """Inputs and outputs: the end and the letters."""
        return Signature(symbols=1 + len(self._letters), outputs=1 + len(self._letters))

    def score(self, outputs: Outputs, batch: Batch) -> Sums:
        """Return the summed nll, and the numbers of strings and of right ones by n."""
        mask, allowed = batch["mask"], batch["targets"]
        nll = (jax.nn.softplus(outputs) - jnp.where(allowed, outputs, 0.0)).sum(axis=2)
        agrees = ((outputs > 0) == allowed).all(axis=2) | ~mask
        is_string = mask[:, 0]
        n = (batch["inputs"] == END + 1).sum(axis=1, dtype=jnp.int32)
        place = jnp.clip(n - 1, 0, self._test_longest - 1)
        none = jnp.zeros(self._test_longest, jnp.int32)
        return {
            "loss": jnp.where(mask, nll, 0.0).sum(),
            "items": mask.sum(dtype=jnp.int32),
            "strings": none.at[place].add(is_string.astype(jnp.int32)),
            "right": none.at[place].add((is_string & agrees.all(axis=1)).astype(jnp.int32)),
        }

    def metrics(self, sums: Mapping[str, Any]) -> dict[str, float]:
        """Return the longest n up to which all strings are right, the share of right strings, and nll per time step."""
        strings, right, items = np.asarray(sums["strings"]), np.asarray(sums["right"]), int(sums["items"])
        present = np.flatnonzero(strings)
        unbroken = int((right[present] == strings[present]).cumprod().sum())
        return {
            "longest": float(present[unbroken - 1] + 1) if unbroken else 0.0,
            "strings_right": float(right.sum() / strings.sum()),
            "nll": float(sums["loss"]) / items,
            "items": items,
        }

    def references(self, data: Sequences) -> Mapping[str, Reference]:
        """Predict each symbol with its frequency after the last symbol, from the validation split."""
        symbols = 1 + len(self._letters)
        valid = data.valid
        read, allowed = valid.inputs[valid.mask], valid.targets[valid.mask]
        shares = np.stack([allowed[read == symbol].mean(axis=0) for symbol in range(symbols)])
        shares = np.clip(shares, 1e-6, 1 - 1e-6)
        logits = np.log(shares / (1 - shares)).astype(np.float32)
        return {"last symbol alone": lambda batch: logits[batch["inputs"]]}

    def figures(self, sums: Mapping[str, Any]) -> Mapping[str, Figure]:
        """Return the share of right strings by n."""
        strings = np.asarray(sums["strings"])
        share = np.asarray(sums["right"]) / np.where(strings > 0, strings, np.nan)
        picture = by_place(
            np.arange(1, self._test_longest + 1),
            share,
            across="n",
            up="share of strings predicted right",
            until=("longest n in training", float(self._longest)),
        )
        return {"right_by_n": picture}

    def read(self, text: str) -> Examples:
        """Parse a string, in the language or not."""
        return counting_languages.read(text, self._letters)

    def read_known(self, text: str) -> Examples:
        """Parse a string of the language, no longer than those of the test split."""
        example = self.read(text)
        count = example.padding.sum() // len(self._letters)
        if not counting_languages.belongs(text, self._letters) or count > self._test_longest:
            language = " ".join(f"{letter}^n" for letter in self._letters)
            raise DataError(f"{text!r}: expected a string of {language} with n from 1 to {self._test_longest}")
        return example

    def describe(self, example: Examples, outputs: np.ndarray) -> dict[str, Any]:
        """Return whether the network accepts the string, where it refuses it, and the truth."""
        symbols = [int(symbol) for symbol in example.inputs[0, example.padding[0]]]
        word = "".join(self._letters[symbol - 1] for symbol in symbols[1:])
        runs = ((letter, len(list(run))) for letter, run in itertools.groupby(word))
        following = [*symbols[1:], END]
        refused = [step for step, symbol in enumerate(following) if outputs[step, symbol] <= 0]
        truth = counting_languages.belongs(word, self._letters)
        return {
            "given": " ".join(letter if count == 1 else f"{letter}^{count}" for letter, count in runs),
            "output": f"refused after {refused[0]} letters" if refused else "accepted",
            "truth": "in the language" if truth else "not in the language",
        }
