"""A user's recordings: what is read at the first try, and what is refused with one message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench.data.speech.own import load, read_frames, read_transcribed
from gru_bench.errors import ConfigError, DataError
from tests.data.speech.recordings import write_recordings


def read(path: Path, **settings: Any) -> Any:
    return load(mirror=None, cache=path.parent, path=str(path), rate=8000, text_column="said", **settings)


def test_recordings_beside_their_table_are_read(tmp_path: Path):
    data = read(write_recordings(tmp_path))
    assert data.form.symbols == (" ", "h", "l")
    assert data.facts["recordings"] == {"train": 16, "valid": 2, "test": 2}
    assert len(data.form.features) == 26
    assert {len(frames) for frames in data.train.frames} == {38, 78}
    again = read_transcribed(tmp_path / "said.csv", data.form, "path")
    assert len(again) == 20
    place = again.names.index(data.test.names[0])
    np.testing.assert_array_equal(again.frames[place], data.test.frames[0])
    one = read_frames(tmp_path / data.test.names[0], data.form, "file")
    np.testing.assert_array_equal(one, data.test.frames[0])


def test_speakers_are_in_one_split(tmp_path: Path):
    data = read(write_recordings(tmp_path), speaker_column="speaker", valid_fraction=0.25, test_fraction=0.25)
    assert data.facts["recordings"] == {"train": 10, "valid": 5, "test": 5}
    numbers = {split: {int(name[5:-4]) % 4 for name in getattr(data, split).names} for split in ("valid", "test")}
    assert len(numbers["valid"]) == len(numbers["test"]) == 1


def without(name: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).unlink()


def rewritten(old: str, new: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / "said.csv").write_text((folder / "said.csv").read_text().replace(old, new))


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (without("clip 3.wav"), {}, r"data.path, line 5: there is no file .*clip 3.wav"),
        (lambda folder: (folder / "clip 0.wav").write_bytes(b"no sound"), {}, r"line 2: .*cannot be read as WAV"),
        (
            rewritten("clip 2.wav,HL L", "clip 2.wav,"),
            {},
            r"line 4: found the file 'clip 2.wav' with the transcript ''",
        ),
        (rewritten("", ""), {"text_column": "words"}, r"data.text_column: found 'words'"),
        (
            rewritten("", ""),
            {"text_column": None},
            r"data.text_column: found nothing, allowed: one of the columns speaker, said",
        ),
        (rewritten("", ""), {"speaker_column": "said"}, r"found 2 speakers, expected at least 3"),
    ],
)
def test_what_is_missing_or_broken_is_one_message(
    tmp_path: Path, change: Callable[[Path], Any], settings: dict[str, Any], message: str
):
    path = write_recordings(tmp_path, 6)
    change(tmp_path)
    with pytest.raises((DataError, ConfigError), match=message):
        load(mirror=None, cache=tmp_path, path=str(path), **({"rate": 8000, "text_column": "said"} | settings))


def test_features_of_another_width_are_refused(tmp_path: Path):
    form = read(write_recordings(tmp_path)).form
    np.save(tmp_path / "narrow.npy", np.zeros((4, 13), np.float32))
    with pytest.raises(DataError, match=r"has float32 of shape \(4, 13\), expected \(frames, 26\)"):
        read_frames(tmp_path / "narrow.npy", form, "file")
    (tmp_path / "broken.npy").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read as features"):
        read_frames(tmp_path / "broken.npy", form, "file")
