from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.generated.brackets import SYMBOLS, load, read
from gru_bench.errors import ConfigError, DataError


def test_brackets_are_nested_as_deep_as_said_and_targets_close_them():
    data = load(mirror=None, cache=Path(), depth=3, test_depth=6, length=60, train_size=1, valid_size=50, test_size=50)
    for split, deepest in ((data.valid, 3), (data.test, 6)):
        assert split.targets[..., 1].max() == deepest
        for symbols, targets, mask in zip(split.inputs, split.targets, split.mask, strict=True):
            stack: list[tuple[int, int]] = []
            for step, symbol in enumerate(symbols):
                if 1 <= symbol <= 4:
                    stack.append((symbol - 1, step))
                elif symbol > 4:
                    assert stack.pop()[0] == symbol - 5
                if mask[step]:
                    kind, since = stack[-1]
                    assert symbols[step + 1] == kind + 5
                    assert tuple(targets[step]) == (kind, len(stack), step - since)
                else:
                    assert step == len(symbols) - 1 or symbols[step + 1] <= 4


def test_fillers_have_their_share():
    test = load(mirror=None, cache=Path(), fillers=0.7, train_size=1, valid_size=1, test_size=500).test
    assert (test.inputs == 0).mean() == pytest.approx(0.7, abs=0.01)
    assert set(np.unique(test.inputs)) == set(range(len(SYMBOLS)))


def test_a_sequence_of_ones_own():
    found = read("([.]{.")
    assert found.inputs.tolist() == [[1, 2, 0, 6, 3, 0]]
    assert found.mask.tolist() == [[False, False, True, False, False, True]]
    assert found.targets[0, -1].tolist() == [2, 2, 1]
    assert not read("()").mask[0, -1]


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "expected symbols"), ("(a)", "expected symbols"), ("(]", "] at place 2"), (")", "at place 1")],
)
def test_what_is_no_sequence_is_refused(text: str, message: str):
    with pytest.raises(DataError, match=message):
        read(text)


def test_a_test_split_less_deep_than_train_is_refused():
    with pytest.raises(ConfigError, match=r"at least data\.depth=4"):
        load(mirror=None, cache=Path(), test_depth=3)
