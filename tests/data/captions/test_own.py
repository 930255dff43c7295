from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gru_bench.data.captions.own import load, read_clips, read_for
from gru_bench.errors import ConfigError, DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures and a video of three frames, with a table of captions."""
    rows = []
    for number in range(12):
        pixels = np.full((10, 20, 3), (20 * number, 0, 0), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        rows += [f"{number}.png,Picture {number}"] * (1 + (number == 0))
    (tmp_path / "clip").mkdir()
    for frame in range(3):
        Image.fromarray(np.full((10, 20), 100 * frame, np.uint8)).save(tmp_path / "clip" / f"{frame}.png")
    rows.append("clip,it grows bright")
    (tmp_path / "captions.csv").write_text("\n".join(["file,caption", *rows]), encoding="utf-8")
    return tmp_path


def test_pictures_and_videos(folder: Path):
    data = load(mirror=None, cache=folder, path=str(folder / "captions.csv"), height=4, width=6, colour=True)
    parts = [data.train, data.valid, data.test]
    assert sum(map(len, parts)) == 14
    videos = {caption: video for part in parts for caption, video in zip(part.captions, part.videos, strict=True)}
    assert videos["picture 5"].shape == (1, 4, 6, 3)
    assert videos["picture 5"][0, 0, 0].tolist() == [100, 0, 0]
    assert videos["it grows bright"][:, 0, 0, 0].tolist() == [0, 100, 200]
    assert sum("picture 0" in part.captions for part in parts) == 1  # both of its captions are in one split
    assert read_for(data.form, str(folder / "clip")).shape == (3, 4, 6, 3)


def test_rows_of_a_picture_are_a_sequence(folder: Path):
    (folder / "captions.csv").write_text("file,caption\n" + "".join(f"{n}.png,p\n" for n in range(5)), encoding="utf-8")
    data = load(mirror=None, cache=folder, path=str(folder / "captions.csv"), height=4, width=6, layout="rows")
    assert data.test.videos[0].shape == (4, 1, 6, 1)
    videos, captions = read_clips(folder / "captions.csv", data.form, "path")
    assert {video.shape for video in videos} == {(4, 1, 6, 1)}
    assert captions == ["p"] * 5


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        ("file,caption\nnone.png,a\n0.png,b\n1.png,c\n", DataError, r"none\.png: there is no such file"),
        ("file,caption\ncaptions.csv,a\n0.png,b\n1.png,c\n", DataError, "cannot be read as a picture"),
        ("file,caption\n0.png,\n1.png,b\n2.png,c\n", DataError, "blank"),
        ("file,caption\n0.png,a\n1.png,b\n", DataError, "2 pictures"),
        ("a,b\n0.png,a\n1.png,b\n2.png,c\n", ConfigError, r"data\.file_column.*a, b"),
    ],
)
def test_bad_tables_are_one_message(folder: Path, table: str, error: type[Exception], words: str):
    (folder / "captions.csv").write_text(table, encoding="utf-8")
    with pytest.raises(error, match=words):
        load(mirror=None, cache=folder, path=str(folder / "captions.csv"))
