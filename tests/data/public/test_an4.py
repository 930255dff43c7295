from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.public.an4 import load, parse_mfc, read_archive
from gru_bench.errors import DataError


def test_speakers_are_in_one_split(mirror: Path, tmp_path: Path):
    data = load(mirror=mirror, cache=tmp_path)
    recordings = data.facts["recordings"]
    assert (recordings["train"] + recordings["valid"], recordings["test"]) == (948, 130)
    assert 60 < recordings["valid"] < 130
    people = {
        split: {name.split("-")[1].rstrip("2") for name in getattr(data, split).names}
        for split in ("train", "valid", "test")
    }
    assert not people["valid"] & people["train"]
    assert not people["test"] & (people["train"] | people["valid"])
    assert len(people["test"]) == 10
    assert len(data.form.features) == 26
    assert "".join(data.form.symbols) == " abcdefghijklmnopqrstuvwxyz"
    assert dict(zip(data.test.names, data.test.transcripts, strict=True))["an406-fcaw-b"] == "rubout g m e f three nine"
    words = load(mirror=mirror, cache=tmp_path, unit="word", deltas=False)
    assert len(words.form.features) == 13
    assert "rubout" in words.form.symbols


def test_a_file_of_sphinx_is_a_count_and_big_endian_values():
    values = np.arange(26, dtype=np.float32)
    content = struct.pack(">i", 26) + values.astype(">f4").tobytes()
    np.testing.assert_array_equal(parse_mfc(content), values.reshape(2, 13))


def test_a_damaged_archive_is_one_message():
    with pytest.raises(DataError, match="data=an4: the archive cannot be read"):
        read_archive(b"no archive")
