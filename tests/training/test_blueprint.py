"""What a blueprint says of the cell."""

from __future__ import annotations

from typing import Any

import pytest

from gru_bench.compose import composed
from gru_bench.tasks.language_modeling import LanguageModeling
from gru_bench.training.blueprint import Blueprint
from tests.training.small import make_text


@pytest.mark.parametrize(
    ("settings", "defaults"),
    [
        (["model=gru"], {"reset_after": True, "update_bias": 0.0}),
        (["model=lstm", "model.forget_bias=3.0"], {"forget_bias": 1.0, "peepholes": False}),
        (["model=coupled_lstm"], {"forget_bias": 1.0, "peepholes": False}),
        (["model=min_gru"], {"update_bias": 0.0}),
        (["model=mgu"], {}),
        (["model=rnn"], {"activation": "tanh"}),
    ],
)
def test_the_options_of_a_cell_at_their_defaults(settings: list[str], defaults: dict[str, Any]):
    task = LanguageModeling(make_text().describe())
    assert Blueprint(composed("tracker=none", *settings), task).cell_defaults == defaults
