from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.generated.two_clocks import load, read
from gru_bench.errors import ConfigError, DataError


def test_targets_are_what_a_loop_over_the_writes_holds():
    test = load(mirror=None, cache=Path(), ratio=3, length=40, train_size=1, valid_size=1, test_size=50).test
    for symbols, targets, mask in zip(test.inputs, test.targets, test.mask, strict=True):
        fast, slow, written = None, None, 0
        for step, symbol in enumerate(symbols):
            if 1 <= symbol <= 4:
                fast = symbol - 1
            elif symbol > 4:
                slow, written = symbol - 5, step
            assert mask[step] == (fast is not None)
            if mask[step]:
                assert tuple(targets[step]) == (fast, slow, step - written)


def test_registers_are_written_at_their_paces():
    test = load(mirror=None, cache=Path(), ratio=8, length=200, train_size=1, valid_size=1, test_size=500).test
    later = test.inputs[:, 2:]
    assert ((later > 0) & (later < 5)).mean() == pytest.approx(1 / 4, rel=0.05)
    assert (later > 4).mean() == pytest.approx(1 / 32, rel=0.1)
    assert set(np.unique(later)) == set(range(9))


def test_a_sequence_of_ones_own():
    found = read("s2 f0 . . F3")
    assert found.inputs.tolist() == [[7, 1, 0, 0, 4]]
    assert found.mask.tolist() == [[False, True, True, True, True]]
    assert found.targets[0, -1].tolist() == [3, 2, 4]


@pytest.mark.parametrize("text", ["", "f1 . .", "s4 f0", "x1", "s2 f"])
def test_what_is_no_sequence_is_refused(text: str):
    with pytest.raises(DataError, match=r"as in s2 f0 \. \. f3"):
        read(text)


def test_a_slow_register_that_hardly_changes_is_refused():
    with pytest.raises(ConfigError, match="at least 256"):
        load(mirror=None, cache=Path(), ratio=64, length=100)
