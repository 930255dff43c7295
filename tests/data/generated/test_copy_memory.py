from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.generated.copy_memory import load, read
from gru_bench.errors import DataError


@pytest.mark.parametrize("delay", [1, 2, 7])
def test_the_symbols_come_again_after_the_sign(delay: int):
    test = load(mirror=None, cache=Path(), delay=delay, valid_size=1, test_size=300).test
    assert test.inputs.shape == test.targets.shape == (300, delay + 20)
    symbols = test.inputs[:, :10]
    assert set(np.unique(symbols)) == set(range(8))
    assert (test.inputs[:, 10 : 9 + delay] == 8).all()
    assert (test.inputs[:, 9 + delay] == 9).all()
    assert (test.inputs[:, 10 + delay :] == 8).all()
    assert (test.targets[:, : 10 + delay] == 8).all()
    np.testing.assert_array_equal(test.targets[:, -10:], symbols)
    assert test.mask.all()


def test_a_sequence_of_ones_own():
    found = read("01234 56701", delay=2)
    assert found.inputs.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 8, 9, *[8] * 10]]


@pytest.mark.parametrize("text", ["", "0123", "01234567890", "0123456789", "012345670a"])
def test_what_is_no_sequence_is_refused(text: str):
    with pytest.raises(DataError, match="expected 10 digits from 0 to 7"):
        read(text, delay=2)
