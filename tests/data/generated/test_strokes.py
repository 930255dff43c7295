from __future__ import annotations

from pathlib import Path

import numpy as np

from gru_bench.data.generated.strokes import ORDERS, load
from gru_bench.data.signals.summaries import regression


def test_only_the_order_tells_the_classes_apart(tmp_path: Path):
    data = load(mirror=None, cache=tmp_path, train_size=1500, valid_size=50, test_size=1500, noise=0.0)
    assert len(data.form.classes) == len(ORDERS) == 6
    assert np.bincount(data.train.labels).min() > 200
    accuracy = (regression(data).argmax(axis=1) == data.test.labels).mean()
    assert abs(accuracy - 1 / 6) < 4 * np.sqrt(5 / 36 / 1500)
    for place in range(50):
        moving = data.valid[place].any(axis=1)
        first = data.valid[place][np.flatnonzero(moving)[0]]
        name = data.form.classes[data.valid.labels[place]].partition("-")[0]
        assert tuple(np.sign(first)) == {"right": (1, 0), "up": (0, 1), "back": (-1, -1)}[name]


def test_it_is_a_pure_function_of_its_seed(tmp_path: Path):
    sizes = {"train_size": 20, "valid_size": 5, "test_size": 5}
    one, again, other = (load(mirror=None, cache=tmp_path, **sizes, seed=seed) for seed in (0, 0, 1))
    assert one.facts["digest"] == again.facts["digest"] != other.facts["digest"]
    assert one.train[0].tobytes() != one.valid[0].tobytes()
