"""Every setting with absurd values: one message about a key, or settings that can be written down and read back."""

from __future__ import annotations

import copy
import functools
import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gru_bench.checks import check_settings
from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.errors import UserError

CHOICES: tuple[tuple[str, ...], ...] = (
    ("task=language_modeling", "model=lstm"),
    ("data=text_file", "data.path=x"),
    ("task=sentiment", "model=min_gru"),
    ("task=sentiment", "data=text_csv", "data.path=x"),
    ("task=time_series",),
    ("task=time_series", "data=series_csv", "data.path=x"),
    ("task=memory", "data=mnist", "model=rnn"),
    ("task=memory", "data=anbn"),
    ("task=music", "model=coupled_lstm"),
)
GROUPS = ("task", "data", "model", "network", "optimizer", "training", "tracker", "paths", "hydra/launcher", "hydra")
OTHERS = ("+x", "++a.b", "~seed", "~model", "~data.seed", "", "a", "model.cell", "hydra.run.dir", "hydra.sweep.dir")

NUMBERS = st.one_of(
    st.sampled_from([0, -1, 2**31 - 1, 2**31, 2**32, 2**64, 10**400, -(10**400)]),
    st.sampled_from([-0.0, 5e-324, 1e308, math.nan, math.inf, -math.inf, 3.5]),
    st.integers(),
    st.floats(),
)
PLAIN = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=9), st.just("x" * 5000), st.just("../../etc"))
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
WORDS = st.one_of(
    st.sampled_from(
        ["", "null", "true", "-1", "1e400", "1" + "0" * 5000, "[1,[2]]", "{a: {b: 1}}", "[", "}", "'", '"']
    ),
    st.sampled_from(["${.}", "${..}", "${seed}", "${nothing}", "${oc.env:NOTHING}", "${oc.create:[1]}", "${", "???"]),
    st.sampled_from(["a,b", "range(1,3)", "shuffle(1)", "glob(*)", "interval(0,1)", "!!python/object:os.system", "*a"]),
    st.sampled_from(
        ["../../x", "\\", "=", "a b", "\n", "\u00fcn\u00ef", "<script>", "~", "x" * 4000, "\ud800", "@x", ":"]
    ),
    NUMBERS.map(lambda number: str(number) if abs(number) < 1e300 else "1e999"),
    st.text(max_size=12),
)


@functools.cache
def plain(choice: tuple[str, ...]) -> dict[str, Any]:
    return composed("tracker=none", *choice).to_dict()


def keys(values: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in values.items():
        yield (*before, name)
        if isinstance(value, Mapping):
            yield from keys(value, (*before, name))


def judged(values: Mapping[str, Any] | tuple[str, ...]) -> UserError | Config:
    """Return settings, or what is said against them."""
    try:
        config = composed(*values) if isinstance(values, tuple) else Config.from_dict(values)
        check_settings(config)
        if config.training.replica_count < 100:
            assert len(config.runs) == config.training.replica_count
        else:
            assert config.training.replica_count <= 10_000
    except UserError as error:
        return error
    return config


def assert_sound(found: UserError | Config) -> None:
    if isinstance(found, UserError):
        assert found.exit_code == 2
        assert 20 < len(str(found)) < 2500
        key = r"[\w.@/\[\]]+(?:(?<=\.).*?)?"  # what is no known key of a section may be any text
        message = rf"(?s){key}: (?:found |.* cannot be read)|the command line cannot be read: |Ambiguous value "
        assert re.match(message, str(found)), found
    else:
        assert Config.from_dict(json.loads(json.dumps(found.to_dict()))) == found
        assert re.fullmatch("[0-9a-f]{8}", found.hash)
        assert str(found.directory)


FEW, MANY = 150, 20_000


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.stress)])
def test_every_key_takes_any_value_or_says_why_not(examples: int):
    @settings(max_examples=examples)
    @given(st.data(), st.sampled_from(CHOICES), VALUES)
    def run(data: st.DataObject, choice: tuple[str, ...], value: Any) -> None:
        values = copy.deepcopy(plain(choice))
        *parents, name = data.draw(st.sampled_from(list(keys(values))))
        section = functools.reduce(lambda inner, key: inner[key], parents, values)
        section[name] = value
        assert_sound(judged(values))

    run()


@pytest.mark.parametrize("examples", [20, pytest.param(1500, marks=pytest.mark.stress)])
def test_every_command_line_is_settings_or_one_message(examples: int):
    known = sorted({".".join(path) for choice in CHOICES for path in keys(plain(choice)) if len(path) == 2})

    @settings(max_examples=examples)
    @given(st.sampled_from([*known, *GROUPS, *OTHERS]), WORDS)
    @example("model", "${oc.create:[1]}")
    @example("data", "{a: 1}")
    @example("seed", "4294967296")
    def run(key: str, word: str) -> None:
        assert_sound(judged(("tracker=none", f"{key}={word}")))

    run()
