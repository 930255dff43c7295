from __future__ import annotations

from pathlib import Path

import pytest

from gru_bench.data.public.dailydialog import load


@pytest.mark.slow
def test_replies_that_stand_in_train_are_left_out(mirror: Path, cache: Path):
    data = load(mirror=mirror, cache=cache, turns=1)
    assert data.facts["left_out"] == {
        "valid": {"replies": 1179, "of": 7069, "dialogues in train": 77},
        "test": {"replies": 1395, "of": 6740, "dialogues in train": 106},
    }
    assert data.facts["replies"] == {"train": 76_053, "valid": 5_890, "test": 5_345}
    known = set(zip(data.train.contexts, data.train.replies, strict=True))
    for part in (data.valid, data.test):
        assert not known & set(zip(part.contexts, part.replies, strict=True))
