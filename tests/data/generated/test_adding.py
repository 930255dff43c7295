from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.generated.adding import load, read
from gru_bench.errors import DataError


@pytest.mark.parametrize("length", [2, 3, 11, 50])
def test_the_target_is_the_sum_of_one_value_of_each_half(length: int):
    test = load(mirror=None, cache=Path(), length=length, valid_size=1, test_size=400).test
    values, markers = test.inputs[..., 0], test.inputs[..., 1]
    assert test.inputs.shape == (400, length, 2)
    assert set(np.unique(markers)) <= {0.0, 1.0}
    half = length // 2
    assert (markers[:, :half].sum(axis=1) == 1).all()
    assert (markers[:, half:].sum(axis=1) == 1).all()
    assert ((values >= 0) & (values < 1)).all()
    np.testing.assert_allclose(test.targets[:, -1], (values * markers).sum(axis=1))
    assert test.mask[:, -1].all()
    assert test.mask.sum() == 400


def test_values_are_uniform_and_all_places_are_marked():
    test = load(mirror=None, cache=Path(), length=10, valid_size=1, test_size=5000).test
    assert abs(test.inputs[..., 0].mean() - 0.5) < 0.005
    assert abs(test.inputs[..., 0].var() - 1 / 12) < 0.002
    counts = test.inputs[..., 1].sum(axis=0)
    assert (abs(counts - 1000) < 150).all()
    assert abs(((test.targets[:, -1] - 1) ** 2).mean() - 1 / 6) < 0.01


def test_a_sequence_of_ones_own():
    found = read(" 0.5*\t0.3 -2e-1* ")
    np.testing.assert_allclose(found.inputs[0], [[0.5, 1], [0.3, 0], [-0.2, 1]])
    assert found.targets[0, -1] == pytest.approx(0.3)


@pytest.mark.parametrize("text", ["", "0.5 0.3", "0.5* 0.3", "0.5* 0.3* 1*", "0.5* x 1*", "0.5* nan 1*"])
def test_what_is_no_sequence_is_refused(text: str):
    with pytest.raises(DataError, match=r"expected .*two of them marked by \*"):
        read(text)
