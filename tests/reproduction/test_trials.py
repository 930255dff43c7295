from __future__ import annotations

from itertools import pairwise

import pytest

from gru_bench.reproduction.trials import OUTER, drawn, extended
from gru_bench.search.space import Choice, Interval, Space, Value, read_space, space_file

SPACE = Space(
    "own",
    {
        "model": Choice(("gru",)),
        "optimizer.learning_rate": Interval(1e-3, 1e-1, log=True),
        "model.output_dropout": Interval(0.0, 0.4, step=0.1),
        "model.layers": Choice((1, 2)),
    },
)


def _best(rate: float, dropout: float) -> dict[str, Value]:
    return {"model": "gru", "optimizer.learning_rate": rate, "model.output_dropout": dropout, "model.layers": 2}


def _allowed(key: str, value: float) -> bool:
    return key == "optimizer.learning_rate" or 0 <= value < 1


@pytest.mark.parametrize(
    ("rate", "dropout", "rates", "dropouts"),
    [
        (1e-2, 0.2, (1e-3, 1e-1), (0.0, 0.4)),
        (6.4e-2, 0.3, (1e-3, 10.0), (0.0, 0.4)),
        (6.2e-2, 0.4, (1e-3, 1e-1), (0.0, 0.8)),
        (1.5e-3, 0.0, (1e-5, 1e-1), (0.0, 0.4)),  # there is no dropout below 0
    ],
)
def test_a_range_is_extended_where_the_best_trial_lies_in_its_outer_tenth(
    rate: float, dropout: float, rates: tuple[float, float], dropouts: tuple[float, float]
):
    found = extended(SPACE, SPACE, _best(rate, dropout), _allowed)
    bounds = {
        key: (parameter.low, parameter.high)
        for key, parameter in found.parameters.items()
        if isinstance(parameter, Interval)
    }
    assert bounds == {"optimizer.learning_rate": rates, "model.output_dropout": dropouts}
    assert list(found.parameters) == list(SPACE.parameters)


def test_a_second_extension_is_as_wide_as_the_first():
    once = extended(SPACE, SPACE, _best(0.1, 0.2), _allowed)
    twice = extended(once, SPACE, _best(10.0, 0.2), _allowed)
    assert twice.parameters["optimizer.learning_rate"] == Interval(1e-3, 1e3, log=True)


@pytest.mark.parametrize("name", ["gru", "lstm", "rnn"])
def test_twenty_trials_cover_each_range_to_its_ends(name: str):
    space = read_space(space_file(name))
    trials = [drawn(space, index) for index in range(20)]
    for key, parameter in space.searched.items():
        assert isinstance(parameter, Interval)
        places = sorted(parameter.place(float(trial[key])) for trial in trials)
        assert places[1] <= OUTER
        assert places[-2] >= 1 - OUTER
        assert max(after - before for before, after in pairwise(places)) < 0.26


def test_a_trial_is_drawn_from_its_number_alone():
    assert drawn(SPACE, 3) == drawn(SPACE, 3) != drawn(SPACE, 4)
