from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from gru_bench.claims import needs_figure
from gru_bench.claims.analysis import analyse
from gru_bench.claims.claim import RESULTS_FILE
from gru_bench.claims.finding import Answer
from gru_bench.claims.needs import NeedAnswer, Pick, answer_needs, pick
from gru_bench.claims.needs_table import need_row, sentence
from gru_bench.claims.reading import read_claims, read_needs
from gru_bench.claims.readme import END, START, update_readme
from gru_bench.claims.rows import read_rows
from gru_bench.errors import ConfigError
from tests.claims.experiments import NEEDS, claim_values, make_row, write_claim, write_needs, write_rows

ROOT = Path(__file__).parents[2]
BETTER, WORSE, SAME = Answer.FIRST, Answer.SECOND, Answer.SAME
MISSING = [answer for answer in Answer if answer not in (BETTER, WORSE, SAME, Answer.FLOOR)]


def answered(folder: Path) -> list[NeedAnswer]:
    claims = read_claims(folder)
    outcomes = [analyse(claim, read_rows(folder / claim.name / RESULTS_FILE)) for claim in claims]
    return answer_needs(read_needs(folder, claims), outcomes)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([BETTER, BETTER], Pick.FIRST),
        ([SAME, BETTER], Pick.FIRST),
        ([WORSE, SAME], Pick.SECOND),
        ([SAME, SAME], Pick.EITHER),
        ([BETTER, SAME, WORSE], Pick.DEPENDS),
        ([BETTER, WORSE, Answer.WITHDRAWN], Pick.DEPENDS),
        ([], Pick.OPEN),
        ([Answer.FLOOR], Pick.OPEN),
        ([WORSE, Answer.FLOOR], Pick.SECOND),
        ([BETTER, BETTER, Answer.OPEN], Pick.FIRST),
        *(([BETTER, missing], Pick.OPEN) for missing in MISSING),
    ],
)
def test_the_rule_of_the_pick(answers: list[Answer], expected: Pick):
    assert pick(answers) is expected


def test_rows_say_what_is_picked_by_how_much_and_how_sure(reported: Path):
    symbols, speed, both = map(need_row, answered(reported))
    assert (symbols.pick, symbols.setting, symbols.cost) == ("open", "embedded Reber grammar", "")
    assert re.fullmatch(r"\S+ \[\S+, \S+\] nats per symbol", symbols.amounts[0])
    assert symbols.sure == "9 pairs; no sensitivity control"
    assert (speed.pick, speed.amounts) == ("GRU", ["1.01× to 1.41× in s"])
    assert speed.sure == "5 cases of 5 pairs; 4 GRU better, 1 no difference that matters"
    assert speed.cost == "GRU 1.01× to 1.41×"
    assert both.pick == "open"
    assert len(both.amounts) == 3  # two units and a ratio
    assert both.sure.startswith("5 cases of 9 to 10 pairs; 2 GRU better, 1 no sensitivity control, 2 no data")


def test_one_sentence_has_all_picks(reported: Path):
    assert sentence(answered(reported)) == "GRU for speed; open elsewhere."


def test_what_depends_says_on_what_and_either_names_the_faster(tmp_path: Path):
    parts = {"runs": {"measure": "update_time", "settings": ["reber", "grammar"], "numbers": ["test"]}}
    rule: dict[str, Any] = {
        "name": "a",
        "part": "runs",
        "first": "gru",
        "second": "lstm",
        "better": "less",
        "margin": 0.5,
    }
    faster = {**rule, "name": "b", "settings": ["reber"], "margin": None}
    write_claim(tmp_path, "made", claim_values(parts=parts, comparisons=[{**rule, "margin": 0.01}, faster]))
    write_claim(tmp_path, "wide", claim_values(parts=parts, comparisons=[rule]))
    write_needs(
        tmp_path,
        {
            "split": {"title": "split", "findings": [{"claim": "made", "comparisons": "a"}]},
            "either": {
                "title": "either",
                "findings": [{"claim": "wide"}],
                "cost": {"claim": "made", "comparisons": "b"},
            },
        },
    )
    for name in ("made", "wide"):
        write_rows(
            tmp_path,
            name,
            [
                make_row(arm, seed, {"test": 1 + seed / 1000 + (away if arm == "gru" else 0)}, setting=setting)
                for setting, away in (("reber", -0.1), ("grammar", 0.1))
                for arm in ("gru", "lstm")
                for seed in range(3)
            ],
        )
    split, either = map(need_row, answered(tmp_path))
    assert split.pick == "depends"
    assert split.amounts == [
        "GRU: +0.1 nats per symbol (embedded Reber grammar)",
        "LSTM: −0.1 accuracy (sentiment grammar)",
    ]
    assert either.pick == "either, GRU is faster"


def test_the_picture_has_a_mark_for_each_case_and_labels_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawn = []
    monkeypatch.setattr(needs_figure, "save_small_figure", lambda figure, path: drawn.append(figure))
    answers = answered(ROOT / "experiments")
    assert needs_figure.needs_forest(answers, tmp_path / "needs.png")
    [figure] = drawn
    figure.canvas.draw()
    [panel] = figure.axes
    labels = panel.get_yticklabels()
    assert {answer.need.title for answer in answers} <= {label.get_text() for label in labels}
    extents = [label.get_window_extent() for label in labels]
    assert all(upper.y0 >= lower.y1 - 1 for upper, lower in itertools.pairwise(extents))
    marks = [line for line in panel.get_lines() if line.get_marker() != "None"]
    cases = sum(finding.margins is not None for answer in answers for finding in answer.findings)
    assert len({float(mark.get_ydata()[0]) for mark in marks if len(mark.get_ydata())}) == cases


def test_rows_of_the_scale_smoke_answer_nothing(tmp_path: Path):
    write_claim(tmp_path, "accuracy", claim_values())
    rows = [
        make_row(arm, seed, {"test": 0.4 + seed / 1000 + (arm == "gru")}, setting="grammar", scale="smoke")
        for arm in ("gru", "lstm")
        for seed in range(3)
    ]
    write_rows(tmp_path, "accuracy", rows)
    write_needs(tmp_path, {"a": {"title": "a", "findings": [{"claim": "accuracy", "settings": "grammar"}]}})
    (answer,) = answered(tmp_path)
    assert (answer.pick, need_row(answer).sure) == (Pick.OPEN, "no data")


@pytest.mark.parametrize(
    ("need", "message"),
    [
        ({"title": "x"}, "a list of findings"),
        ({"title": "x", "findings": [{"claim": "acuracy"}]}, "Did you mean 'accuracy'"),
        ({"title": "x", "findings": [{"claim": "accuracy", "comparisons": "equal sise"}]}, "Did you mean 'equal size'"),
        ({"title": "x", "findings": [{"claim": "accuracy", "settings": "greber"}]}, "Did you mean 'reber'"),
        ({"titel": "x", "findings": [{"claim": "accuracy"}]}, "titel"),
        ({"title": "x", "findings": [{"claim": "tuning"}]}, "a claim with comparisons"),
        ({"title": "x", "findings": [{"claim": "vanishing_gradients"}]}, "GRU against LSTM, as the first need"),
    ],
)
def test_a_need_is_read_strictly(reported: Path, tmp_path: Path, need: dict[str, Any], message: str):
    claims = read_claims(reported)
    write_needs(tmp_path, {"first": NEEDS["reber"], "second": need})
    with pytest.raises(ConfigError, match=message):
        answer_needs(read_needs(tmp_path, claims), [analyse(claim, []) for claim in claims])


def test_a_readme_beside_the_folder_gets_the_table_where_it_has_marks(tmp_path: Path):
    readme = tmp_path / "README.md"
    update_readme(tmp_path / "experiments", "text")
    assert not readme.exists()
    readme.write_text("no marks\n")
    update_readme(tmp_path / "experiments", "text")
    assert readme.read_text() == "no marks\n"
    readme.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    for text in ("other", "text"):
        update_readme(tmp_path / "experiments", text)
    assert readme.read_text() == f"before\n{START}\n\ntext\n\n{END}\nafter\n"


def test_the_readme_of_the_checkout_shows_the_table_of_its_report():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition(START)[2].partition(END)[0].strip()
    report = (ROOT / "experiments/report.md").read_text(encoding="utf-8")
    assert "| [text](experiments/report.md#accuracy)" in readme
    assert readme.replace("experiments/", "") in report
