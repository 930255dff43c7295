from __future__ import annotations

import math

import numpy as np

from gru_bench.data.public.mnist import examples
from gru_bench.data.sequences.pixel_baselines import Linear, class_shares
from tests.data.pictures import FORM

WORDS = np.random.PCG64(0)


def striped(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures whose row `label` is bright, of the classes 0, 1 and 3."""
    labels = np.array([0, 1, 3])[np.arange(count) % 3]
    noise = (WORDS.random_raw(count * 16) % np.uint64(100)).astype(np.uint8).reshape(count, 4, 4)
    noise[np.arange(count), labels] += np.uint8(150)
    return noise, labels


def test_shares_of_the_classes():
    train = examples(np.zeros((4, 4, 4), np.uint8), np.array([0, 3, 3, 3]), FORM)
    found = class_shares(train, 4)
    np.testing.assert_allclose(np.exp(found), [0.25, 0, 0, 0.75], atol=1e-6)
    assert np.isfinite(found).all()
    assert found[0] == np.float32(math.log(0.25))


def test_a_linear_map_tells_stripes_apart_and_knows_of_no_other_class():
    train, test = (examples(*striped(count), FORM) for count in (150, 60))
    found = Linear(train, 4, "stripes")(test.batch()["inputs"][..., 0])
    np.testing.assert_array_equal(found.argmax(axis=1), test.targets[:, 0])
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-5)
    assert (np.exp(found[:, 2]) == 0).all()


def test_the_fit_is_shared_by_runs_on_the_same_data():
    train = examples(*striped(60), FORM)
    pixels = train.batch()["inputs"][..., 0]
    first = Linear(train, 4, "shared")(pixels)
    turned = train._replace(targets=train.targets[::-1])
    np.testing.assert_array_equal(Linear(turned, 4, "shared")(pixels), first)
    assert not np.array_equal(Linear(turned, 4, "another")(pixels), first)
