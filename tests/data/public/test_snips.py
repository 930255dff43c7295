from __future__ import annotations

from pathlib import Path

import pytest

from gru_bench.data.public.snips import load, read_archive
from gru_bench.errors import DataError


def test_commands_have_slots_and_an_intent(mirror: Path, tmp_path: Path):
    data = load(mirror=mirror, cache=tmp_path)
    assert data.facts["sentences"] == {"train": 13_084, "valid": 700, "test": 700}
    assert (len(data.form.tags), len(data.form.classes)) == (72, 7)
    first = data.train.rows(data.train.tags)[0]
    assert data.train.words[0] == tuple("listen to westbam alumb allergic on google music".split())
    assert [data.form.tags[tag] for tag in first] == "O O B-artist O B-album O B-service I-service".split()
    assert data.form.classes[data.train.labels[0]] == "PlayMusic"


def test_a_damaged_archive_is_one_message():
    with pytest.raises(DataError, match="data=snips: the archive cannot be read"):
        read_archive(b"no archive")
