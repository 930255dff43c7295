from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from gru_bench.claims.analysis import Outcome, analyse
from gru_bench.claims.claim import RESULTS_FILE
from gru_bench.claims.figures import draw_all
from gru_bench.claims.forest import MOST_LINES, draw_effect, forest
from gru_bench.claims.panels import SIDES, arm_looks
from gru_bench.claims.reading import read_claim
from gru_bench.claims.rows import Row, read_rows
from gru_bench.plotting import COLOURS, new_figure
from gru_bench.results.statistics import Interval
from tests.claims.experiments import claim_values, make_row, write_claim

LARGEST = 150 * 2**10
EXPECTED = {
    "convergence": ["effects.png", "losses-fits.png", "targets-runs.png"],
    "accuracy": ["effects.png"],
    "hostile": ["effects.png", "levels-"],
    "long_memory": ["effects.png", "levels-lengths-test.png"],
    "parameters": ["effects.png"],
    "speed": ["effects.png", "levels-layer-seconds_per_update.png"],
    "tuning": ["budget-search.png"],
    "unrun": [],
    "vanishing_gradients": ["effects.png", "lags-flow.png"],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_pictures_follow_from_what_a_claim_holds(reported: Path, name: str):
    files = sorted((reported / name / "figures").glob("*"))
    assert len(files) == len(EXPECTED[name])
    for file, start in zip(files, EXPECTED[name], strict=True):
        assert file.name.startswith(start)
        assert file.stat().st_size < LARGEST
        assert matplotlib.image.imread(file)[..., :3].min() < 0.5


def outcome_of(reported: Path, name: str) -> Outcome:
    return analyse(read_claim(reported, name), read_rows(reported / name / RESULTS_FILE))


def pixels(path: Path, colour: str) -> int:
    """Return how many pixels of a picture have a colour, as near as its palette comes to it."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    drawn = np.round(matplotlib.image.imread(path)[..., :3] * 255).astype(int)
    return int((np.abs(drawn - wanted).max(axis=-1) <= 16).sum())


def test_colours_tell_verdicts_and_grey_what_does_not_decide(reported: Path, tmp_path: Path):
    findings = outcome_of(reported, "accuracy").findings
    better, worse, negligible = "#009E73", "#D55E00", "#e3e6ea"
    file = tmp_path / "effects.png"
    assert forest(findings, file) == 6
    assert min(pixels(file, colour) for colour in (better, worse, negligible)) > 100
    beside = [replace(found, comparison=replace(found.comparison, verdict=False)) for found in findings]
    assert forest(beside, file) == 6
    assert pixels(file, better) == pixels(file, worse) == 0
    assert pixels(file, negligible) > 100


def test_many_findings_give_a_picture_of_bounded_size(reported: Path, tmp_path: Path):
    outcome = outcome_of(reported, "speed")
    many = tuple(replace(outcome.findings[index % 5], level=str(index)) for index in range(MOST_LINES + 20))
    drawn = draw_all(replace(outcome, findings=many), tmp_path)
    assert drawn[0].title == f"Effects with 95 % intervals; {MOST_LINES} of {MOST_LINES + 20}, the tables have all"
    assert drawn[0].file.stat().st_size < LARGEST
    assert "hidden size 11: 1.079× [1.071, 1.090] GRU better and 53 more." in drawn[0].alt


def test_what_lies_beyond_the_axis_stands_at_its_edge():
    _, [[panel]] = new_figure()
    assert draw_effect(panel, 1.0, Interval(-9.0, -12.0, -5.0, 10), (-6.0, 6.0), "black", "o") == (-6.0, -5.0)
    line, arrow = panel.lines
    assert np.asarray(line.get_xdata()).tolist() == [-6.0, -5.0]
    assert (np.asarray(arrow.get_xdata()).tolist(), arrow.get_marker()) == ([-6.0], "<")


def test_long_labels_are_broken_not_cut(reported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    figures = []
    monkeypatch.setattr("gru_bench.claims.forest.save_small_figure", lambda figure, path: figures.append(figure))
    title = "Penn Treebank, two layers of 200 units (Zaremba et al. 2014, small)"
    found = outcome_of(reported, "accuracy").findings
    forest([replace(found[0], title=title), replace(found[0], title="one")], tmp_path / "effects.png")
    labels = [label.get_text() for label in figures[0].axes[0].get_yticklabels()]
    assert labels[0].replace("\n", " ") == title
    assert "\n" in labels[0]


def test_nothing_is_drawn_of_nothing(reported: Path, tmp_path: Path):
    for name in EXPECTED:
        outcome = analyse(read_claim(reported, name), [])
        assert draw_all(outcome, tmp_path) == []
    assert forest(outcome_of(reported, "unrun").findings, tmp_path / "effects.png") == 0


def test_runs_that_all_diverged_draw_nothing(tmp_path: Path):
    values = claim_values()
    values["parts"]["runs"]["levels"] = {"key": "x", "title": "x", "small": [1, 2]}
    values["parts"]["search"] = {"measure": "run", "settings": ["reber"], "trials": {"small": 2}}
    write_claim(tmp_path, "made", values)
    rows: list[Row] = [
        make_row(arm, 0, part=part, level=level)
        for part in ("runs", "search")
        for arm in ("gru", "lstm")
        for level in ("1", "2")
    ]
    outcome = analyse(read_claim(tmp_path, "made"), rows)
    assert draw_all(outcome, tmp_path / "made") == []
    assert [finding.missing for finding in outcome.findings[:2]] == [2, 2]


@pytest.mark.parametrize(
    ("name", "part", "file"),
    [
        ("speed", "layer", "levels-layer-seconds_per_update.png"),
        ("long_memory", "lengths", "levels-lengths-test.png"),
        ("tuning", "search", "budget-search.png"),
        ("vanishing_gradients", "flow", "lags-flow.png"),
    ],
)
def test_every_arm_has_a_line_of_its_colour(reported: Path, name: str, part: str, file: str):
    claim = read_claim(reported, name)
    used = {look["color"] for look in arm_looks(claim, claim.parts[part]).values()}
    found = {colour: pixels(reported / name / "figures" / file, colour) for colour in COLOURS}
    assert min(found[colour] for colour in used) > 600  # more than its entry in the legend
    assert max(found[colour] for colour in COLOURS if colour not in used) == 0


def test_compared_arms_have_the_colour_in_which_they_are_better(reported: Path):
    claim = read_claim(reported, "vanishing_gradients")  # of its arms, GRU is compared with RNN
    looks = arm_looks(claim, claim.parts["flow"])
    assert {arm: look["color"] for arm, look in looks.items()} == {"lstm": COLOURS[0], "gru": SIDES[0], "rnn": SIDES[1]}
