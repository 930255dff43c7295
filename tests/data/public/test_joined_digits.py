from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gru_bench.data.public.joined_digits import load
from gru_bench.data.public.spoken_digit import DIGITS
from gru_bench.errors import ConfigError

SIZES: Any = {"train_size": 12, "valid_size": 4, "test_size": 5}


def test_digits_of_a_string_are_of_one_speaker_and_speakers_of_one_split(mirror: Path, tmp_path: Path):
    data = load(mirror=mirror, cache=tmp_path, **SIZES)
    assert data.facts["recordings"] == {"train": 12, "valid": 4, "test": 5}
    people = {split: {name.split()[0] for name in getattr(data, split).names} for split in ("train", "valid", "test")}
    assert people["test"] == {"theo"}
    assert people["valid"] == {"jackson"}
    assert people["train"] <= {"george", "nicolas", "yweweler"}
    assert set(data.form.symbols) <= set(DIGITS)
    assert all(2 <= len(text.split()) <= 6 for text in data.train.transcripts)
    again = load(mirror=mirror, cache=tmp_path, **SIZES)
    assert again.facts["digest"] == data.facts["digest"]


@pytest.mark.parametrize(
    "settings", [{"test_speaker": "bob"}, {"valid_speaker": "theo"}, {"longest": 1}], ids=lambda each: next(iter(each))
)
def test_settings_are_checked_before_anything_is_read(tmp_path: Path, settings: dict[str, str]):
    with pytest.raises(ConfigError, match=r"data\.(test_speaker|valid_speaker|longest)"):
        load(mirror=None, cache=tmp_path, **settings)  # pyright: ignore
