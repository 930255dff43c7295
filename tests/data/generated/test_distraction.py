from __future__ import annotations

import re
from pathlib import Path

import pytest

from gru_bench.data.generated.distraction import load
from gru_bench.errors import ConfigError

SIZES = {"train_size": 40, "valid_size": 20, "test_size": 300}


def test_the_dialogue_decides_the_last_answer(tmp_path: Path):
    data = load(mirror=None, cache=tmp_path, **SIZES)
    shares, lengths = [], set()
    for context, reply in zip(data.test.contexts, data.test.replies, strict=True):
        said = [re.fullmatch(r"(.+) (?:is|am) called (\w+) \.", turn) for turn in context if "called" in turn]
        names = {found[1]: found[2] for found in said if found is not None}
        assert len(names) == len(said)
        who = re.fullmatch(r"what is (?:my (name)|the name of (my \w+)) \?", context[-1])
        assert who is not None
        name = names[{"name": "i"}.get(who[1], who[2])]
        assert reply == (f"you are called {name} ." if who[1] else f"{who[2].replace('my', 'your')} is called {name} .")
        assert len(set(names.values())) == len(names) >= 2
        shares.append(1 / len(names))
        lengths.add(len(context))
    assert lengths == {5, 7, 9}
    assert data.bounds["bag of words, at best"]["exact"] == pytest.approx(sum(shares) / 300)
    assert sum(shares) / 300 < 0.5


def test_train_has_other_answers_as_well(tmp_path: Path):
    train = load(mirror=None, cache=tmp_path, **SIZES).train
    assert all(len(context) % 2 for context in train.contexts)
    assert len(train) == 80
    assert sum("?" in context[-1] for context in train.contexts) == 40
    answers: dict[str, set[str]] = {}
    for context, reply in zip(train.contexts, train.replies, strict=True):
        if "?" not in context[-1]:
            answers.setdefault(context[-1], set()).add(reply)
    assert all(len(replies) == 1 for replies in answers.values())


def test_an_even_number_of_turns_is_an_error(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"data\.turns"):
        load(mirror=None, cache=tmp_path, turns=8)
