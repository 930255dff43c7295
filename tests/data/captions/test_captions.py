from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.captions.baselines import captions_without_network
from gru_bench.data.captions.captions import CaptionForm, Captions, make_captions
from gru_bench.data.captions.motion import DIRECTIONS
from gru_bench.data.generated.moving_shapes import load, shape
from gru_bench.data.public.moving_digits import load as load_digits
from gru_bench.errors import ConfigError, DataError


def moves(video: np.ndarray) -> list[str]:
    """Return the direction of each move of the only bright thing in a video."""
    corners = [np.argwhere(frame[..., 0] > 0).min(axis=0) for frame in video]
    names = {step: name for name, step in DIRECTIONS.items()}
    return [names[tuple((after - before).tolist())] for before, after in itertools.pairwise(corners)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Captions:
    none = tmp_path_factory.mktemp("none")
    return load(mirror=None, cache=none, train_size=150, valid_size=10, test_size=150, noise=0.0)


def test_a_caption_says_what_moves_and_where_to(data: Captions):
    lengths = set()
    for video, caption in zip(data.test.videos, data.test.captions, strict=True):
        words = caption.split()
        directions = [name for name, _ in itertools.groupby(moves(video))]
        assert caption == f"a {words[1]} {words[2]} moves {directions[0]} and then {directions[1]}"
        frame = video[0, ..., 0]
        rows, columns = np.nonzero(frame)
        inside = frame[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        np.testing.assert_array_equal(inside, shape(words[2], words[1]))
        lengths.add(len(video))
    assert (min(lengths), max(lengths)) == (7, 12)
    assert len(set(data.test.captions)) > 60


def test_noise_and_space(tmp_path: Path):
    sizes = {"train_size": 2, "valid_size": 2, "test_size": 2}
    noisy = load(mirror=None, cache=tmp_path, **sizes)
    clean = load(mirror=None, cache=tmp_path, **sizes, noise=0.0)
    assert noisy.test.captions == clean.test.captions
    difference = noisy.test.videos[0].astype(float) - clean.test.videos[0]
    assert 5 < difference.std() < 30
    with pytest.raises(ConfigError, match=r"data\.frames"):
        load(mirror=None, cache=tmp_path, frames=13)


def test_baselines(data: Captions):
    outputs = captions_without_network(data)
    assert len(set(outputs["most frequent caption"])) == 1
    assert outputs["most frequent caption"][0] == max(sorted(set(data.train.captions)), key=data.train.captions.count)
    scores = {name: data.form.scores(texts, data.test.captions) for name, texts in outputs.items()}
    assert scores["most frequent caption"]["exact"] < 0.1
    assert scores["nearest mean frame"]["exact"] < 0.7


def test_a_form_survives_json(data: Captions):
    assert CaptionForm.from_dict(json.loads(json.dumps(data.describe()))) == data.form


def test_blank_captions_and_empty_splits_are_errors():
    video = np.zeros((2, 4, 4, 1), np.uint8)
    with pytest.raises(DataError, match="caption 2 is blank"):
        make_captions("mine", dict.fromkeys(("train", "valid", "test"), ([video, video], ["a", " "])))
    with pytest.raises(DataError, match="no video in valid"):
        make_captions("mine", {"train": ([video], ["a"]), "valid": ([], []), "test": ([video], ["a"])})


def test_digits_of_test_move_as_their_captions_say(mirror: Path, cache: Path):
    data = load_digits(mirror=mirror, cache=cache, train_size=100, valid_size=5, test_size=30)
    for video, caption in zip(data.test.videos, data.test.captions, strict=True):
        directions = [name for name, _ in itertools.groupby(moves(video))]
        assert caption.endswith(f"moves {directions[0]} and then {directions[1]}")
    assert len({caption.split()[2] for caption in data.test.captions}) > 5
