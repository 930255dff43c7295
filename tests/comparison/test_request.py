from __future__ import annotations

import dataclasses

from gru_bench.comparison.request import Request, read_arms
from gru_bench.comparison.runs import free_sizes, trial_values
from gru_bench.reproduction.trials import drawn
from gru_bench.search.space import read_space, space_file

REQUEST = Request(
    arms=read_arms("gru, lstm(hidden_size=32, forget_bias=2),rnn"),
    minutes=5.0,
    trials=None,
    seeds=None,
    margin=None,
    match="hidden_size",
    size="fixed",
    settings={"task": "memory", "tracker": "wandb", "paths.runs": "elsewhere", "seed": "4", "training.updates": "60"},
)


def test_settings_in_brackets_are_of_one_cell_alone():
    gru, lstm, rnn = REQUEST.arms
    assert (gru.title, lstm.title, rnn.title) == ("GRU", "lstm(hidden_size=32,forget_bias=2)", "RNN")
    assert REQUEST.config(lstm).model.hidden_size == 32
    assert REQUEST.config(gru).model.hidden_size == 64
    assert "model.forget_bias" not in lstm.space((), ()).searched


def test_places_tracker_seed_and_length_are_not_shared():
    assert REQUEST.shared == ("task=memory",)
    assert REQUEST.length == ("training.updates=60",)
    assert REQUEST.config(REQUEST.arms[0]).tracker.name == "none"
    assert REQUEST.base.tracker.name == "wandb"


def test_trials_are_the_points_that_tuning_draws_and_the_same_for_all_cells():
    gru, _, rnn = REQUEST.arms
    first, *trials = trial_values(REQUEST, gru, 4, ())
    assert dict(first) == {"model": "gru"}
    assert trials == [drawn(read_space(space_file("gru")), index) for index in range(3)]
    plain = [
        {key: value for key, value in trial.items() if key in ("optimizer.learning_rate", "model.output_dropout")}
        for trial in trials
    ]
    assert [
        {key: value for key, value in trial.items() if key != "model"}
        for trial in trial_values(REQUEST, rnn, 4, ())[1:]
    ] == plain


def test_a_free_size_is_searched_around_that_of_the_settings():
    free = dataclasses.replace(REQUEST, size="free")
    assert free_sizes(free) == (32, 64, 128)
    assert free_sizes(REQUEST) == ()
    values = trial_values(free, free.arms[0], 20, free_sizes(free))
    assert {trial["model.hidden_size"] for trial in values[1:]} == {32, 64, 128}


def test_settings_of_the_command_line_are_not_searched():
    fixed = dataclasses.replace(REQUEST, settings={**REQUEST.settings, "optimizer.learning_rate": "0.01"})
    values = trial_values(fixed, fixed.arms[0], 3, ())
    assert not any("optimizer.learning_rate" in trial for trial in values)
