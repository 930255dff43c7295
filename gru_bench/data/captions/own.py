"""A user's pictures or videos: a table of files and captions beside PNG files or folders of frames."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np

from gru_bench.data.captions.captions import CaptionForm, Captions, Layout, Video, make_captions
from gru_bench.data.files.columns import Column, role_columns
from gru_bench.data.files.known_tables import read_in_layout
from gru_bench.data.files.tables import Layout as TableLayout
from gru_bench.data.files.tables import SkippedRows, layout_of, skipped_rows
from gru_bench.data.files.text import existing_path, read_file, readable
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


@dataclass(frozen=True, kw_only=True)
class CaptionLayout(TableLayout):
    """The layout of a table of pictures, its columns, and the height of the pictures.

    Attributes:
        file_column: name of the column of files, or its number, from 1; None detects it.
        caption_column: name of the column of captions, or its number; None detects it.
        height: pixels of a column after scaling; None: as the network reads it.
    """

    file_column: Column = None
    caption_column: Column = None
    height: int | None = None


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
    header: bool | None = None,
    skip_rows: SkippedRows | None = None,
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
    the order of their names, f2 before f10; relative names start at the table. All are scaled to one size; what is
    transparent is white. A picture in several rows has several captions, which stay in one split.

    Args:
        mirror: unused.
        cache: unused.
        path: the table, relative to the working directory; `~` is the home folder.
        file_column: the column of files, by name or number, from 1; null detects it.
        caption_column: the column of captions, likewise.
        delimiter: one character, or `tab`; null detects it.
        encoding: the encoding, or `auto`: byte order mark, else UTF-8, else the best guess.
        header: whether the first row names the columns; null detects it.
        skip_rows: number of lines to skip at the top, or a list of line numbers to skip, from 1; null skips titles and
            comments above a header.
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
        DataError: a table or a picture is missing or broken, a row lacks its file or caption, or too few pictures are
            left.
    """
    table = CaptionLayout(
        delimiter=delimiter,
        encoding=encoding,
        header=header,
        skip_rows=skipped_rows(skip_rows),
        file_column=file_column,
        caption_column=caption_column,
        height=height,
    )
    whole, table = _items(Path(path), table, "data.path")
    splits: dict[str, Items] = {}
    for split, place in {"valid": valid_path, "test": test_path}.items():
        if place is not None:
            splits[split], _ = _items(Path(place), table, f"data.{split}_path")
    shares = {"valid": valid_fraction, "test": test_fraction}
    shares = {split: share for split, share in shares.items() if split not in splits}
    splits |= _divided(whole, shares, split_seed, f"data.path: {path}")
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
        reading=asdict(table),
        facts={"file_sha256": hashlib.sha256(read_file(path)).hexdigest(), "drawn_from_path": list(shares)},
    )


def read_clips(path: Path, form: CaptionForm, key: str) -> tuple[list[Video], list[str]]:
    """Return the videos and captions of another table, in the format of the training data.

    Raises:
        ConfigError: there is no such column.
        DataError: see `load`.
    """
    items, _ = _items(path, CaptionLayout.from_dict(form.reading), key)
    videos = {file: read_video(Path(file), _read_shape(form), form.layout) for file in items}
    pairs = [(videos[file], caption) for file, captions in items.items() for caption in captions]
    return [video for video, _ in pairs], [caption for _, caption in pairs]


def read_for(form: CaptionForm, place: str) -> Video:
    """Return the video of a PNG file, or of a folder of such, as the network of a form reads it.

    Raises:
        DataError: it is missing or broken.
    """
    return read_video(existing_path(place, "pictures"), _read_shape(form), form.layout)


def _read_shape(form: CaptionForm) -> tuple[int, int, int]:
    height, width, channels = form.shape
    return (int(form.reading.get("height", height)), width, channels)


def read_video(place: Path, shape: tuple[int, int, int], layout: Layout) -> Video:
    """Return the frames of a PNG file, or of a folder of such, scaled to a size.

    Args:
        place: the file or folder, which exists.
        shape: height, width and channels of a picture after scaling.
        layout: see `load`.

    Raises:
        DataError: it is broken.
    """
    if place.is_file():
        picture = _read_picture(place, shape)
        return picture[:, None] if layout == "rows" else picture[None]
    with readable(place, "pictures"):
        files = sorted((file for file in place.iterdir() if file.suffix.lower() == ".png"), key=_order)
    if not files:
        raise DataError(f"{place}: the folder has no PNG files, expected the frames of a video.")
    if layout == "rows":
        raise DataError(f"{place} is a folder of frames, expected a still picture with data.layout=rows.")
    return np.stack([_read_picture(file, shape) for file in files])


def _order(file: Path) -> tuple[list[str | int], str]:
    """Return the key by which numbers in names count as such: f2 is before f10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", file.name)], file.name


def _read_picture(file: Path, shape: tuple[int, int, int]) -> Video:
    from PIL import Image

    height, width, channels = shape
    try:
        with Image.open(file) as picture:
            if picture.mode.startswith("I"):  # 16 bits of grey, which convert would clip
                picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
            if "A" in picture.mode or "transparency" in picture.info:
                picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA"))
            scaled = picture.convert("RGB" if channels == 3 else "L").resize((width, height), Image.Resampling.BOX)
            return np.asarray(scaled, np.uint8).reshape(shape)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(f"{file} cannot be read as a picture: {error}. Expected a PNG file.") from error


def _items(path: Path, layout: CaptionLayout, key: str) -> tuple[Items, CaptionLayout]:
    """Return the captions of each file of a table, in its order, and the complete layout."""
    frame = read_in_layout(path, layout, (layout.file_column, layout.caption_column), key=key)
    known = {"file_column": FILE_NAMES, "caption_column": CAPTION_NAMES}
    files, captions = role_columns(frame, asdict(layout), known, key)
    folder = home_expanded(str(path), key).parent
    items: Items = {}
    for line, file, caption in zip(frame.index, frame[files], frame[captions], strict=True):
        if not file or not caption:
            raise DataError(
                f"{key}: {path}, line {line}: found the file {file!r} with the caption {caption!r}, expected both. "
                "Add what is missing or delete the row."
            )
        place = existing_path(str(folder / file), f"{key}: {path}, line {line}")
        items.setdefault(str(place), []).append(caption)
    return items, replace(layout, **layout_of(frame), file_column=files, caption_column=captions)


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
