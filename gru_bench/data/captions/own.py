"""A user's pictures or videos: a table of files and captions beside PNG files or folders of frames."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from gru_bench.data.captions.captions import CaptionForm, Captions, Layout, Video, make_captions
from gru_bench.data.files.columns import Column, role_columns
from gru_bench.data.files.tables import Layout as TableLayout
from gru_bench.data.files.tables import read_table
from gru_bench.data.files.text import read_file
from gru_bench.data.random import permutation
from gru_bench.data.source import gives
from gru_bench.errors import DataError
from gru_bench.files import home_expanded
from gru_bench.validation import HeldOutFraction, Natural, Positive, Range

log = logging.getLogger(__name__)

FILE_NAMES = frozenset("file files filename file_name path image image_id picture video clip".split())
CAPTION_NAMES = frozenset("caption captions text description sentence label".split())
Side = Annotated[int, Range(low=1, high=512)]
Items = dict[str, list[str]]


@gives("captioned_videos")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    path: str,
    file_column: Column = None,
    caption_column: Column = None,
    delimiter: str | None = None,
    encoding: str = "auto",
    valid_path: str | None = None,
    test_path: str | None = None,
    valid_fraction: HeldOutFraction = 0.1,
    test_fraction: HeldOutFraction = 0.1,
    split_seed: Natural = 0,
    height: Side = 32,
    width: Side = 32,
    colour: bool = False,
    layout: Layout = "frames",
    lowercase: bool = True,
    min_count: Positive = 1,
) -> Captions:
    """Read pictures or videos with captions; splits without a table are random samples of the pictures.

    Each row of the table names a PNG file, a still picture, or a folder whose PNG files are the frames of a video in
    the order of their names; relative names start at the table. All are scaled to one size. A picture in several rows
    has several captions, which stay in one split.

    Args:
        mirror: unused.
        cache: unused.
        path: the table, relative to the working directory; `~` is the home folder.
        file_column: the column of files, by name or number, from 1; null detects it.
        caption_column: the column of captions, likewise.
        delimiter: one character, or `tab`; null detects it.
        encoding: the encoding, or `auto`: byte order mark, else UTF-8, else the best guess.
        valid_path: a table for validation, with the same columns.
        test_path: a table for test, with the same columns.
        valid_fraction: share of the pictures for validation, if `valid_path` is null.
        test_fraction: share of the pictures for test, if `test_path` is null.
        split_seed: seed of these samples.
        height: pixels of a column after scaling.
        width: pixels of a row after scaling.
        colour: whether colours are read instead of grey values.
        layout: a still picture is one frame (`frames`), or a sequence of its rows of pixels (`rows`).
        lowercase: whether captions are written and scored in lower case.
        min_count: rarer words of train become `<unk>`.

    Raises:
        ConfigError: there is no such column, or it must be named.
        DataError: a table or a picture is missing or broken, a caption is blank, or too few pictures are left.
    """
    reading = {
        "file_column": file_column,
        "caption_column": caption_column,
        "delimiter": delimiter,
        "encoding": encoding,
        "height": height,
    }
    splits: dict[str, Items] = {}
    for split, place in {"valid": valid_path, "test": test_path}.items():
        if place is not None:
            splits[split] = _items(Path(place), reading, f"data.{split}_path")
    shares = {"valid": valid_fraction, "test": test_fraction}
    shares = {split: share for split, share in shares.items() if split not in splits}
    splits |= _divided(_items(Path(path), reading, "data.path"), shares, split_seed, f"data.path: {path}")
    shape = (height, width, 3 if colour else 1)
    clips: dict[str, tuple[list[Video], list[str]]] = {}
    for split, items in splits.items():
        videos = {file: read_video(Path(file), shape, layout) for file in items}
        pairs = [(videos[file], caption) for file, captions in items.items() for caption in captions]
        clips[split] = [video for video, _ in pairs], [caption for _, caption in pairs]
    return make_captions(
        "caption_folder",
        clips,
        lowercase=lowercase,
        min_count=min_count,
        layout=layout,
        reading=reading,
        facts={"file_sha256": hashlib.sha256(read_file(path)).hexdigest(), "drawn_from_path": list(shares)},
    )


def read_clips(path: Path, form: CaptionForm, key: str) -> tuple[list[Video], list[str]]:
    """Return the videos and captions of another table, in the format of the training data.

    Raises:
        ConfigError: there is no such column.
        DataError: see `load`; or a caption is blank.
    """
    items = _items(path, form.reading or {"file_column": None, "caption_column": None}, key)
    videos = {file: read_video(Path(file), _read_shape(form), form.layout) for file in items}
    pairs = [(videos[file], caption) for file, captions in items.items() for caption in captions]
    if not all(caption.strip() for _, caption in pairs):
        raise DataError(f"{key}: {path}: a caption is blank, expected text in every row.")
    return [video for video, _ in pairs], [caption for _, caption in pairs]


def read_for(form: CaptionForm, place: str) -> Video:
    """Return the video of a PNG file, or of a folder of such, as the network of a form reads it.

    Raises:
        DataError: it is missing or broken.
    """
    return read_video(home_expanded(place, "pictures"), _read_shape(form), form.layout)


def _read_shape(form: CaptionForm) -> tuple[int, int, int]:
    height, width, channels = form.shape
    return (int(form.reading.get("height", height)), width, channels)


def read_video(place: Path, shape: tuple[int, int, int], layout: Layout) -> Video:
    """Return the frames of a PNG file, or of a folder of such, scaled to a size.

    Args:
        place: the file or folder.
        shape: height, width and channels of a picture after scaling.
        layout: see `load`.

    Raises:
        DataError: it is missing or broken.
    """
    if not place.exists():
        raise DataError(f"{place}: there is no such file, expected a PNG file or a folder of PNG files.")
    if place.is_file():
        picture = _read_picture(place, shape)
        return picture[:, None] if layout == "rows" else picture[None]
    files = sorted(file for file in place.iterdir() if file.suffix.lower() == ".png")
    if not files:
        raise DataError(f"{place}: the folder has no PNG files, expected the frames of a video.")
    if layout == "rows":
        raise DataError(f"{place} is a folder of frames, expected a still picture with data.layout=rows.")
    return np.stack([_read_picture(file, shape) for file in files])


def _read_picture(file: Path, shape: tuple[int, int, int]) -> Video:
    from PIL import Image

    height, width, channels = shape
    try:
        with Image.open(file) as picture:
            scaled = picture.convert("RGB" if channels == 3 else "L").resize((width, height), Image.Resampling.BOX)
            return np.asarray(scaled, np.uint8).reshape(shape)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{file} cannot be read as a picture: {error}. Expected a PNG file.") from error


def _items(path: Path, reading: Mapping[str, Any], key: str) -> Items:
    """Return the captions of each file of a table, in its order."""
    layout = TableLayout(delimiter=reading.get("delimiter"), encoding=reading.get("encoding", "auto"))
    frame = read_table(path, layout, key=key)
    known = {"file_column": FILE_NAMES, "caption_column": CAPTION_NAMES}
    files, captions = role_columns(frame, reading, known, key)
    folder = home_expanded(str(path), key).parent
    items: Items = {}
    for file, caption in zip(frame[files], frame[captions], strict=True):
        items.setdefault(str(folder / file), []).append(caption)
    return items


def _divided(items: Items, shares: Mapping[str, float], seed: int, place: str) -> dict[str, Items]:
    """Return `train` and the splits of `shares`, all captions of a picture in one split."""
    if len(items) <= len(shares):
        raise DataError(f"{place}: found {len(items)} pictures, expected more than {len(shares)} to divide.")
    files = list(items)
    order = [files[number] for number in permutation(seed, 0, len(files))]
    splits: dict[str, Sequence[str]] = {}
    for split, share in shares.items():
        count = max(1, round(share * len(items)))
        splits[split], order = order[:count], order[count:]
    return {split: _take(items, part) for split, part in {"train": order, **splits}.items()}


def _take(items: Items, files: Iterable[str]) -> Items:
    return {file: items[file] for file in files}
