import json

import pytest

from gru_bench.data.factory import make_data
from gru_bench.data.pieces.baselines import key_frequency, last_frame, score
from gru_bench.data.pieces.pieces import KEYS, pitches_of
from gru_bench.data.public.poly_music import CARDS
from gru_bench.sections import DataConfig, PathsConfig


@pytest.fixture
def load(mirror, cache):
    paths = PathsConfig(mirror=str(mirror), cache=str(cache))
    return lambda name: make_data(DataConfig(source=name), paths, "pieces")


@pytest.mark.parametrize("name", CARDS)
def test_pieces_are_read_in_their_splits(load, name):
    data = load(name)
    assert tuple(data.facts["pieces"].values()) == CARDS[name].pieces
    assert tuple(data.facts["steps"].values()) == CARDS[name].steps
    assert all(roll.shape[1] == KEYS for roll in (*data.train, *data.valid, *data.test))
    assert data.floor is None


def test_keys_are_the_pitches_that_others_publish(load, mirror):
    """The same chorales as lists of MIDI pitches, from another source."""
    other = json.loads((mirror / "jsb_chorales" / "jsb-chorales-quarter.json").read_text())
    data = load("jsb")
    for split, rolls in (("train", data.train), ("valid", data.valid), ("test", data.test)):
        chords = [[[int(pitch) for pitch in chord] for chord in piece] for piece in other[split]]
        assert [[pitches_of(frame) for frame in roll] for roll in rolls] == chords


def test_baselines_of_jsb(load):
    data = load("jsb")
    assert score(data.test, key_frequency(data.train))["nll"] == pytest.approx(11.06, abs=5e-3)
    assert score(data.test, last_frame(data.train))["nll"] == pytest.approx(10.48, abs=5e-3)
