from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gru_bench.data.public.mnist import examples
from gru_bench.data.sequences.sequences import make_sequences
from gru_bench.errors import DataError
from gru_bench.tasks.memory import Memory
from gru_bench.tasks.pixels_problem import Pixels
from tests.data.pictures import FORM

PROBLEM = Pixels({**FORM, "downsample": 2})
LINE = " ".join(["255"] * 4 + ["0"] * 12)


def test_accuracy_and_nll_by_hand():
    labels = np.array([0, 1, 2, 2])
    batch = examples(np.zeros((4, 4, 4), np.uint8), labels, FORM).filled(6)._asdict()
    probabilities = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8], [1, 1, 1], [1, 1, 1]])
    outputs = jnp.asarray(np.log(probabilities) + 3, jnp.float32)[:, None]
    sums = jax.device_get(jax.jit(PROBLEM.score)(outputs, batch))
    found = PROBLEM.metrics(sums)
    assert (found["accuracy"], found["items"]) == (0.75, 4)
    assert found["nll"] == pytest.approx(-math.log(0.7 * 0.5 * 0.1 * 0.8) / 4, rel=1e-5)
    assert float(sums["loss"]) == pytest.approx(4 * found["nll"], rel=1e-6)
    assert sums["confusion"].tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert list(PROBLEM.figures(sums)) == ["confusion_matrix"]


@pytest.mark.parametrize("seed", [None, 3])
def test_baselines_see_the_picture_and_no_order(seed: int | None):
    form = {**FORM, "permutation_seed": seed}
    labels = np.array([0, 1, 2, 2])[np.arange(400) % 4]
    pictures = np.zeros((400, 4, 4), np.uint8)
    pictures[np.arange(400), labels] = 200 + np.arange(400)[:, None] % 50
    every = examples(pictures, labels, form)
    data = make_sequences(form, 360, every.take(slice(360)), 0, every.take(slice(20)), every.take(slice(360, None)))
    found = Memory(data.describe()).baselines(data)
    assert found["majority class"]["accuracy"] == 0.5
    assert found["majority class"]["nll"] == pytest.approx(1.5 * math.log(2), rel=1e-5)
    assert found["linear"]["accuracy"] == 1
    assert found["linear"]["nll"] < 0.5 * found["majority class"]["nll"]


def test_what_is_told_of_a_picture():
    outputs = np.log(np.array([[0.1, 0.15, 0.75]])) - 2
    told = PROBLEM.describe(PROBLEM.read(f"1 {LINE}"), outputs)
    assert told.pop("probability") == pytest.approx(0.75)
    assert told == {"given": "4 x 4 pixels, 25% ink", "output": "2", "truth": "1"}
    assert "truth" not in PROBLEM.describe(PROBLEM.read(LINE), outputs)


def test_only_pictures_with_a_label_are_scored():
    assert PROBLEM.read_known(f"1 {LINE}").targets.tolist() == [[1]]
    with pytest.raises(DataError, match="pixels without a label, expected the label before them"):
        PROBLEM.read_known(LINE)
