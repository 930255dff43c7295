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
    ("pixels", "mode", "grey"),
    [
        (np.array([[0, 257, 65535]], np.uint16), "I;16", [0, 1, 255]),
        (np.array([[[0, 0], [0, 255], [100, 255]]], np.uint8), "LA", [255, 0, 100]),
        (np.array([[[0, 0, 0, 0], [0, 0, 0, 255], [9, 9, 9, 255]]], np.uint8), "RGBA", [255, 0, 9]),
    ],
)
def test_depth_and_transparency(folder: Path, pixels: np.ndarray, mode: str, grey: list[int]):
    data = load(mirror=None, cache=folder, path=str(folder / "captions.csv"), height=1, width=3)
    picture = Image.fromarray(pixels)
    assert picture.mode == mode
    picture.save(folder / "new.png")
    assert read_for(data.form, str(folder / "new.png")).ravel().tolist() == grey


def test_frames_are_in_the_order_of_their_numbers(folder: Path):
    for frame in range(3, 12):
        Image.fromarray(np.full((10, 20), 20 * frame, np.uint8)).save(folder / "clip" / f"{frame}.png")
    data = load(mirror=None, cache=folder, path=str(folder / "captions.csv"))
    assert read_for(data.form, str(folder / "clip"))[3:, 0, 0, 0].tolist() == [20 * frame for frame in range(3, 12)]


def test_other_tables_are_read_in_the_layout_of_the_training_data(folder: Path):
    rows = [f"{number}.png,picture {number}" for number in range(10)]
    (folder / "plain.csv").write_text("\n".join(rows), encoding="utf-8")
    data = load(mirror=None, cache=folder, path=str(folder / "plain.csv"), file_column=1, caption_column=2)
    assert sum(map(len, (data.train, data.valid, data.test))) == 10
    assert read_clips(folder / "plain.csv", data.form, "path")[1][0] == "picture 0"
    (folder / "other.csv").write_text("\n".join(rows).replace(",", ";"), encoding="utf-8")
    with pytest.raises(DataError, match="delimiter ';', the training data ','"):
        read_clips(folder / "other.csv", data.form, "path")


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        ("file,caption\nnone.png,a\n0.png,b\n1.png,c\n", DataError, r"line 2: there is no file .*none\.png"),
        ("file,caption\ncaptions.csv,a\n0.png,b\n1.png,c\n", DataError, "cannot be read as a picture"),
        ("file,caption\n0.png,\n1.png,b\n2.png,c\n", DataError, r"line 2: found the file '0\.png' with the caption ''"),
        ("file,caption\n0.png,a\n1.png,b\n,c\n", DataError, r"line 4: found the file '' with the caption 'c'"),
        (f"file,caption\n{'a' * 300}.png,a\n", DataError, "File name too long"),
        ("file,caption\n0.png,a\n1.png,b\n", DataError, "2 pictures"),
        ("a,b\n0.png,a\n1.png,b\n2.png,c\n", ConfigError, r"data\.file_column.*a, b"),
    ],
)
def test_bad_tables_are_one_message(folder: Path, table: str, error: type[Exception], words: str):
    (folder / "captions.csv").write_text(table, encoding="utf-8")
    with pytest.raises(error, match=words):
        load(mirror=None, cache=folder, path=str(folder / "captions.csv"))
