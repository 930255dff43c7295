"""MNIST row by row: handwritten digits as 28 time steps of 28 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np

from gru_bench.data.public.mnist import CLASSES, FILES, SIDE, TEST, TRAINING, pictures_by_split
from gru_bench.data.signals.signals import LabelledSequences, join_signals, make_signals
from gru_bench.data.source import gives
from gru_bench.validation import Natural, Range


@gives("labelled_sequences")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    train_size: Annotated[int, Range(low=100, high=TRAINING)] = 55_000,
    valid_size: Annotated[int, Range(low=1, high=TRAINING)] = 5_000,
    test_size: Annotated[int, Range(low=1, high=TEST)] = TEST,
    seed: Natural = 0,
) -> LabelledSequences:
    """Load the digits, a row of pixels per time step, in the splits of data=mnist.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        train_size: digits in an epoch.
        valid_size: digits for validation.
        test_size: digits of the test split, all of them or a random sample.
        seed: seed of the splits, independent of the seed of the run.

    Raises:
        ConfigError: train and validation are larger than the official training split.
        DataError: a file is missing or damaged.
    """
    splits = {
        split: join_signals(list(pictures), labels.astype(np.int32))
        for split, (pictures, labels) in pictures_by_split(
            mirror, cache, train_size=train_size, valid_size=valid_size, test_size=test_size, seed=seed
        ).items()
    }
    columns = [f"column {number}" for number in range(1, SIDE + 1)]
    sources = {file.path: file.sha256[0] for file in FILES.values()}
    return make_signals("mnist_rows", splits, CLASSES, columns, facts={"source_sha256": sources, "data_seed": seed})
