import numpy as np
import pytest

from gru_bench.data.data_set import SPLITS
from gru_bench.data.pieces.pieces import Pieces, make_pieces, note_name, notes_of, pitches_of, to_roll


def make(train, **facts) -> Pieces:
    return make_pieces("own", {"train": train, "valid": train, "test": train}, facts)


def test_a_roll_holds_the_pitches():
    roll = to_roll([[21, 108], [], [60, 60, 64]])
    assert roll.shape == (3, 88)
    assert roll.dtype == np.uint8
    assert [pitches_of(frame) for frame in roll] == [[21, 108], [], [60, 64]]
    assert [notes_of(frame) for frame in roll] == ["A0 C8", "-", "C4 E4"]


@pytest.mark.parametrize(("pitch", "name"), [(21, "A0"), (60, "C4"), (61, "C#4"), (69, "A4"), (108, "C8")])
def test_middle_c_is_c4(pitch, name):
    assert note_name(pitch) == name


def test_facts_count_and_name_all_frames():
    one, other = to_roll([[60], [62]]), to_roll([[60], [64]])
    found = make([one, other], data_seed=3).facts
    assert found["pieces"] == dict.fromkeys(SPLITS, 2)
    assert found["steps"] == dict.fromkeys(SPLITS, 4)
    assert found["data_seed"] == 3
    assert found["digest"] == make([one, other]).facts["digest"]
    joined = np.concatenate([one, other])
    digests = {make(pieces).facts["digest"] for pieces in ([one, other], [other, one], [joined], [one])}
    assert len(digests) == 4
