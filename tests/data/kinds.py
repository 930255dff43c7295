"""Small data of each kind, loaded as a run does it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gru_bench.data.factory import make_data
from gru_bench.data.sequences.sequences import Examples, Sequences, make_sequences
from gru_bench.sections import DataConfig, PathsConfig

SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "tokens": ("reber", {"train_size": 1500, "valid_size": 300, "test_size": 400}),
    "texts": ("sentiment_grammar", {"train_size": 300, "valid_size": 100, "test_size": 100}),
    "series": ("mackey_glass", {"train_size": 400, "valid_size": 150, "test_size": 200, "context": 20, "horizon": 5}),
    "pieces": ("canon", {"train_size": 20, "valid_size": 3, "test_size": 5}),
    "labelled_series": ("phase_break", {"train_size": 1000, "valid_size": 200, "test_size": 800, "context": 20}),
    "labelled_sequences": ("strokes", {"train_size": 20, "valid_size": 8, "test_size": 9}),
    "tagged_texts": ("agreement", {"train_size": 50, "valid_size": 50, "test_size": 50}),
    "speech": ("tones", {"train_size": 12, "valid_size": 10, "test_size": 10}),
    "dialogues": ("distraction", {"turns": 5, "train_size": 20, "valid_size": 5, "test_size": 5}),
    "pairs": ("verb_final", {"train_size": 20, "valid_size": 10, "test_size": 10}),
    "captioned_videos": ("moving_shapes", {"train_size": 20, "valid_size": 5, "test_size": 5}),
    "sequences": ("adding", {"length": 6, "train_size": 20, "valid_size": 5, "test_size": 5}),
}


def load(kind: str, cache: Path, **settings: Any) -> Any:
    """Return data of a kind with settings that every source has."""
    source, options = SOURCES[kind]
    return make_data(DataConfig(source=source, options=options, **settings), PathsConfig(cache=str(cache)), kind)


def digits() -> Sequences:
    """Return a fixed set of sequences with classes: 40, 10 and 10 of 5 values; the first one says which it is."""

    def some(first: int, count: int) -> Examples:
        values = np.random.default_rng(first).integers(0, 256, (count, 5, 1)).astype(np.uint8)
        values[:, 0, 0] = np.arange(first, first + count)
        ones = np.ones((count, 5), bool)
        return Examples(values, (values[:, 0] % 3).astype(np.int32), ones[:, :1], ones)

    form = {"problem": "pixels", "classes": ["0", "1", "2"]}
    return make_sequences(form, 40, some(0, 40), 0, some(100, 10), some(200, 10))
