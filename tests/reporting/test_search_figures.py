"""Pictures of a search: what is on them, and that nothing is drawn of too little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gru_bench.reporting.search_figures import budget_curve, importance_bars, parallel_coordinates
from gru_bench.reporting.search_page import pictures, table
from gru_bench.search.space import Choice, Interval, Space
from gru_bench.search.trials import Outcome, Search, Trial

SPACE = Space(
    "own",
    {
        "model": Choice(("gru",)),
        "optimizer.rule": Choice(("adam", "sgd")),
        "optimizer.learning_rate": Interval(1e-4, 1e-1, log=True),
        "model.hidden_size": Interval(8, 64, step=8),
    },
)


def search(count: int = 12, **changes: Any) -> Search:
    """Make a search whose value is the distance of the rate from 1e-2; every third trial was pruned, one diverged."""
    trials = []
    for number in range(count):
        values = SPACE.draw(np.random.default_rng(number))
        outcome: Outcome = "pruned" if number % 3 == 2 else "finished"
        value: float | None = abs(float(np.log10(float(values["optimizer.learning_rate"]))) + 2)
        if number == 4:
            outcome, value = "diverged", None
        trials.append(
            Trial(number=number, outcome=outcome, values=values, value=value, updates=10, run=f"runs/{number}")
        )
    trials.append(
        Trial(number=count, outcome="failed", values=SPACE.draw(np.random.default_rng(99)), reason="no, never")
    )
    given: dict[str, Any] = {"space": SPACE, "method": "random", "metric": "nll", "direction": "min", "title": "t"}
    return Search(**{**given, "trials": tuple(trials), **changes})


def lines(figure: Figure, points: int) -> list[Line2D]:
    return [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == points]  # pyright: ignore


def texts(figure: Figure) -> list[str]:
    panel = figure.axes[0]
    return [*(label.get_text() for label in panel.get_xticklabels()), *(text.get_text() for text in panel.texts)]


@pytest.mark.parametrize("direction", ["min", "max"])
def test_a_line_leads_through_the_settings_of_each_trial_to_its_value(direction: str):
    given = search(direction=direction)
    figure = parallel_coordinates(given)
    whole, short = lines(figure, 4), lines(figure, 3)
    assert (len(whole), len(short)) == (11, 1)
    assert {line.get_linestyle() for line in whole} == {"-", "--"}
    assert short[0].get_linestyle() == ":"
    (best,) = [line for line in whole if line.get_linewidth() == 3]
    assert given.best is not None
    heights = np.asarray(best.get_ydata())
    assert heights[0] == ("adam", "sgd").index(str(given.best.values["optimizer.rule"]))
    assert heights[1] == pytest.approx((np.log10(float(given.best.values["optimizer.learning_rate"])) + 4) / 3)
    finished = [trial.value for trial in given.trials if trial.outcome == "finished" and trial.value is not None]
    assert given.best.value == (min if direction == "min" else max)(finished)
    assert texts(figure)[:4] == ["optimizer.rule", "optimizer.learning_rate", "model.hidden_size", "validation nll"]
    assert {"adam", "sgd", "0.0001", "0.001", "0.01", "0.1", "8", "64"} <= set(texts(figure))
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["7 finished", "4 pruned", "1 diverged", f"best: trial {given.best.number}"]


def test_values_far_astray_do_not_flatten_the_others():
    given = search()
    astray = replace(given.trials[0], value=1e6)
    figure = parallel_coordinates(replace(given, trials=(astray, *given.trials[1:])))
    ends = sorted(float(np.asarray(line.get_ydata())[-1]) for line in lines(figure, 4))
    assert ends[-1] == 1
    assert ends[-2] > 0.4
    assert any(text.startswith("≥ ") for text in texts(figure))


def test_the_rate_that_decides_is_the_most_important():
    figure = importance_bars(search(30))
    assert figure is not None
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[-1] == "optimizer.learning_rate"
    assert set(labels) == set(SPACE.searched)
    assert figure.axes[0].get_title().startswith("30 trials; all settings together: R²")


def test_no_importance_of_few_trials_or_equal_values():
    assert importance_bars(search(9)) is None
    given = search(30)
    assert importance_bars(replace(given, trials=tuple(replace(trial, value=1.0) for trial in given.trials))) is None


def test_the_expected_best_value_of_random_trials():
    given = search(6)
    figure = budget_curve(given)
    assert figure is not None
    (line,) = figure.axes[0].get_lines()
    curve = np.asarray(line.get_ydata())
    values = [trial.value for trial in given.trials[:6] if trial.value is not None]
    values.append(max(values))  # the diverged one counts as the worst
    assert curve[0] == pytest.approx(np.mean(values))
    assert curve[-1] == pytest.approx(min(values))
    assert (np.diff(curve) <= 0).all()
    assert figure.axes[0].get_ylabel() == "expected best validation nll"


def test_the_best_so_far_of_guided_trials():
    figure = budget_curve(search(6, method="optuna", direction="max"))
    assert figure is not None
    points, line = figure.axes[0].get_lines()
    np.testing.assert_array_equal(np.asarray(line.get_ydata()), np.maximum.accumulate(np.asarray(points.get_ydata())))
    assert figure.axes[0].get_ylabel() == "best validation nll so far"


def test_nothing_evaluated_gives_no_curve():
    assert budget_curve(search(0)) is None


def test_the_table_has_a_row_per_trial_and_pictures_are_files(tmp_path: Path):
    rows = table(search(3)).splitlines()
    assert rows[0] == (
        "trial,outcome,model,optimizer.rule,optimizer.learning_rate,model.hidden_size,valid_nll,updates,directory,reason"
    )
    assert len(rows) == 5
    assert rows[-1].endswith(',"no, never"')
    names = ["parallel_coordinates", "importance", "budget"]
    assert pictures(search(12), tmp_path) == [tmp_path / f"{name}.png" for name in names]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
