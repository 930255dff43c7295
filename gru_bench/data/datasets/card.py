"""What there is to say about a public text and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from gru_bench.data.download import RemoteFile

SPLIT_NAMES = {"train": "train", "valid": "validation", "test": "test"}  # ours -> tensorflow-datasets'


@dataclass(frozen=True, kw_only=True)
class Card:
    """A public text.

    Attributes:
        name: name of the data set, here and in tensorflow-datasets.
        version: version of the prepared files; raise it when `cut` changes.
        level: what a symbol is.
        files: source files by a name that `cut` knows.
        cut: from the decoded source files to the text of `train`, `valid` and `test`.
        symbols: number of symbols of each split, asserted; words count `<eos>` once per line.
        vocabulary: number of different symbols in train, asserted.
        description: one line.
        homepage: where it is described.
        citation: whom to cite.
        license: terms of use.
    """

    name: str
    version: str = "1.0.0"
    level: Literal["word", "char"]
    files: Mapping[str, RemoteFile]
    cut: Callable[[Mapping[str, str]], Mapping[str, str]] = dict
    symbols: Mapping[str, int]
    vocabulary: int
    description: str
    homepage: str
    citation: str
    license: str
