"""MNIST: handwritten digits, 28 x 28 pixels, read one pixel per time step and classified at the end."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.random import permutation
from gru_bench.data.sequences.sequences import Examples, Sequences, make_sequences
from gru_bench.data.source import gives
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import Natural, Range

CLASSES = tuple("0123456789")
SIDE = 28  # pixels of a picture, in a row and in a column
TRAINING, TEST = 60_000, 10_000  # pictures of the official splits
_SPLIT, _PIXEL, _TEST = range(3)

ADDRESS = "https://raw.githubusercontent.com/fgnt/mnist/master"


def _file(name: str, size: int, sha256: str) -> RemoteFile:
    return RemoteFile(path=f"mnist/{name}", url=f"{ADDRESS}/{name}", size=size, sha256=(sha256,))


FILES = {
    "train pixels": _file(
        "train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train labels": _file(
        "train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "test pixels": _file(
        "t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "test labels": _file(
        "t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}

Bytes = NDArray[np.uint8]


@gives("sequences")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    permuted: bool = False,
    downsample: Literal[1, 2, 4, 7] = 2,
    train_size: Annotated[int, Range(low=100, high=TRAINING)] = 55_000,
    valid_size: Annotated[int, Range(low=1, high=TRAINING)] = 5_000,
    test_size: Annotated[int, Range(low=1, high=TEST)] = TEST,
    seed: Natural = 0,
) -> Sequences:
    """Load the digits: a validation split of the official training split, and the official test split.

    A smaller training split is contained in a larger one, with the same validation split.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        permuted: read the pixels in one fixed random order, from `seed`, instead of row by row.
        downsample: side, in pixels, of the squares that are averaged first: 784, 196, 49 or 16 time steps.
        train_size: digits in an epoch.
        valid_size: digits for validation.
        test_size: digits of the test split, all of them or a random sample.
        seed: seed of the data, independent of the seed of the run.

    Raises:
        ConfigError: train and validation are larger than the official training split.
        DataError: a file is missing or damaged.

    References: LeCun et al. 1998, Gradient-based learning applied to document recognition; pixel by pixel and permuted:
    Le et al. 2015, arXiv:1504.00941.
    """
    form = {
        "problem": "pixels",
        "classes": list(CLASSES),
        "side": SIDE,
        "downsample": downsample,
        "permutation_seed": seed if permuted else None,
    }

    pictures = pictures_by_split(
        mirror, cache, train_size=train_size, valid_size=valid_size, test_size=test_size, seed=seed
    )
    splits = {split: examples(*part, form) for split, part in pictures.items()}
    sources = {file.path: file.sha256[0] for file in FILES.values()}
    return make_sequences(
        form,
        train_size,
        splits["train"],
        seed,
        splits["valid"],
        splits["test"],
        {"source_sha256": sources},
    )


def pictures_by_split(
    mirror: Path | None, cache: Path, *, train_size: int, valid_size: int, test_size: int, seed: int
) -> dict[str, tuple[Bytes, Bytes]]:
    """Return pictures of shape (pictures, side, side) and labels of each split; see `load`."""
    if train_size + valid_size > TRAINING:
        raise ConfigError("data.train_size", train_size, f"at most {TRAINING:,} - data.valid_size={valid_size}")
    files = {name: gzip.decompress(content) for name, content in fetch(FILES, mirror, cache).items()}

    def choose(half: str, rows: NDArray[np.int64]) -> tuple[Bytes, Bytes]:
        return read_idx(files[f"{half} pixels"], 3)[rows], read_idx(files[f"{half} labels"], 1)[rows]

    order = permutation(seed, 0, TRAINING, _SPLIT)
    return {
        "train": choose("train", order[valid_size : valid_size + train_size]),
        "valid": choose("train", order[:valid_size]),
        "test": choose("test", np.sort(permutation(seed, 0, TEST, _TEST)[:test_size])),
    }


def read_idx(content: bytes, dimensions: int) -> Bytes:
    """Return the array of an idx file of bytes: a header of four bytes, big-endian sizes, and the values."""
    sizes = np.frombuffer(content, ">u4", count=dimensions, offset=4).astype(np.int64)
    return np.frombuffer(content, np.uint8, offset=4 * (1 + dimensions)).reshape(sizes)


def examples(pictures: Bytes, labels: NDArray[Any], form: Mapping[str, Any], known: bool = True) -> Examples:
    """Return pictures as sequences; the label is the target of the last time step.

    Args:
        pictures: grey values, 255 is ink, of shape (pictures, side, side).
        labels: of shape (pictures,).
        form: see `load`; means over squares are rounded to whole grey values.
        known: whether the labels are known; unknown ones are masked.
    """
    count, side, factor = len(pictures), int(form["side"]), int(form["downsample"])
    squares = pictures.reshape(count, side // factor, factor, side // factor, factor)
    grey = np.rint(squares.sum(axis=(2, 4), dtype=np.int64) / factor**2).astype(np.uint8).reshape(count, -1)
    if form["permutation_seed"] is not None:
        grey = grey[:, permutation(form["permutation_seed"], 0, grey.shape[1], _PIXEL)]
    padding = np.broadcast_to(np.True_, grey.shape)  # a view: it takes no memory
    return Examples(grey[..., None], labels.astype(np.int32)[:, None], np.full((count, 1), known), padding)


def read(text: str, form: Mapping[str, Any]) -> Examples:
    """Parse the picture of one line: pixels from 0 to 255, row by row, separated by commas or blanks.

    The label may come before the pixels.

    Args:
        text: the line.
        form: see `load`; with its downsampling and permutation.

    Raises:
        DataError: the number of values is wrong, or a value is out of range.
    """
    side, classes = int(form["side"]), form["classes"]
    words = [word for word in re.split(r"[,;\s]+", text) if word]
    known = len(words) == side * side + 1
    numbers = [int(word) if word.isdecimal() else -1 for word in words]
    label, pixels = (numbers[0], numbers[1:]) if known else (0, numbers)
    wrong = next((words[known + place] for place, value in enumerate(pixels) if not 0 <= value <= 255), None)
    if len(pixels) != side * side or wrong is not None or not 0 <= label < len(classes):
        found = f"{len(words)} numbers" if wrong is None else repr(wrong)
        found = found if 0 <= label < len(classes) else f"the label {words[0]!r}"
        start = text if len(text) <= 20 else f"{text[:20]}..."
        raise DataError(
            f"{start!r}: found {found}, expected {side * side} pixels from 0 to 255, separated by commas or blanks, "
            f"or a label from 0 to {len(classes) - 1} and the pixels"
        )
    picture = np.array(pixels, np.uint8).reshape(1, side, side)
    return examples(picture, np.array([label]), form, known)
