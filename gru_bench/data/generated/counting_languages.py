"""The languages a^n b^n and a^n b^n c^n: the possible next letters depend on a count.

A network that learns to count on short strings generalises to longer ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.random import Seed, uniform_integers, word_rows
from gru_bench.data.sequences.sequences import Examples, Sequences, Size, make_sequences
from gru_bench.data.source import gives
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import Natural, Range

Count = Annotated[int, Range(low=1, high=100_000)]

END = 0  # before and after each string; letters are 1, 2, ...


def loader(letters: str) -> Callable[..., Sequences]:
    """Return the loader of the language in which each letter occurs n times."""

    @gives("sequences")
    def load(
        *,
        mirror: Path | None,
        cache: Path,
        longest: Count = 30,
        test_longest: Count = 300,
        train_size: Size = 6_400,
        seed: Natural = 0,
    ) -> Sequences:
        """Generate strings with n up to `longest`, uniformly; the target is the set of possible next letters.

        Validation has each n up to `longest` once, test each n up to `test_longest`.

        Args:
            mirror: unused.
            cache: unused.
            longest: the greatest n in train and valid.
            test_longest: the greatest n in test.
            train_size: training strings in an epoch.
            seed: seed of the data, independent of the seed of the run.

        References: Gers & Schmidhuber 2001; Weiss et al. 2018, arXiv:1805.04908.
        """
        if test_longest <= longest:
            raise ConfigError("data.test_longest", test_longest, f"more than data.longest={longest}")

        def draw(seed: Seed, count: int) -> Examples:
            counts = 1 + uniform_integers(word_rows(seed, count, 1)[:, 0], longest)
            return examples(counts, len(letters), 1 + len(letters) * longest)

        def each(greatest: int) -> Examples:
            return examples(np.arange(1, greatest + 1), len(letters), 1 + len(letters) * greatest)

        form = {"problem": "counting", "letters": letters, "longest": longest, "test_longest": test_longest}
        return make_sequences(form, train_size, draw, seed, each(longest), each(test_longest))

    return load


load_anbn, load_anbncn = loader("ab"), loader("abc")


def examples(counts: NDArray[np.int64], letters: int, time_steps: int) -> Examples:
    """Return the strings of counts n, of shape (strings,), with the possible next letters at each time step.

    Targets are bool of shape (strings, time, 1 + letters). An `a` may be followed by another or by the first `b`; from
    then on there is one possibility.
    """
    n, time = counts[:, None], np.arange(time_steps)[None]  # at time step t, t letters have been read
    padding = time <= letters * n
    inputs = np.where(padding & (time > 0), 1 + (time - 1) // n, END).astype(np.int32)
    following = np.where(time < letters * n, 1 + time // n, END)
    targets = following[..., None] == np.arange(1 + letters)
    targets[..., 1:3] |= ((time > 0) & (time <= n))[..., None]
    targets &= padding[..., None]
    return Examples(inputs, targets, padding, padding)


def read(text: str, letters: str) -> Examples:
    """Parse a string, in the language or not; its targets are masked where it is no longer a prefix of the language.

    Raises:
        DataError: the string is empty or has other letters.
    """
    word = "".join(text.split())
    if not word or set(word) - set(letters):
        raise DataError(f"{text!r}: expected letters out of {letters}, such as {letters[0] * 2 + letters[1] * 2}")
    count = max(1, len(word) - len(word.lstrip(letters[0])))
    whole = "".join(letter * count for letter in letters)
    agreed = next((place for place, pair in enumerate(zip(word, whole, strict=False)) if pair[0] != pair[1]), None)
    alive = min(len(word), len(whole)) if agreed is None else agreed
    shape = (1, 1 + len(word))
    truth = examples(np.array([count]), len(letters), max(shape[1], 1 + len(whole)))
    inputs = np.array([[END, *(1 + letters.index(letter) for letter in word)]], np.int32)
    mask = np.arange(shape[1])[None] <= alive
    return Examples(inputs, truth.targets[:, : shape[1]], mask, np.ones(shape, bool))


def belongs(text: str, letters: str) -> bool:
    """Return whether a string is in the language."""
    word = "".join(text.split())
    count = len(word) // len(letters)
    return count > 0 and word == "".join(letter * count for letter in letters)
