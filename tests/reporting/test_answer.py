"""The answer of a comparison in words, as a table and as a page."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from gru_bench.reporting.answer_page import answer_page
from gru_bench.reporting.answer_text import headline, paragraph, table
from gru_bench.results.answer import Answer, CellAnswer
from gru_bench.results.decision import standing
from gru_bench.results.statistics import mean_interval
from gru_bench.results.statistics.sequential import make_rule

RULE = make_rule(6, margin=0.1)


def _cell(name: str, scores: list[float], **changes: Any) -> CellAnswer:
    cell = CellAnswer(
        name=name,
        title=name.upper(),
        scores=dict(enumerate(scores)),
        estimate=mean_interval(scores),
        beats_baseline=True,
        trials=(1.2, None, 1.0),
        settings=("optimizer.learning_rate=0.01",),
        command=f"python -m gru_bench.train task=memory model={name}",
        parameters=300 if name == "gru" else 400,
        recurrent_parameters=200,
        state_size=8,
        flops_per_update=3e6 if name == "gru" else 4e6,
        seconds_per_epoch=3.0 if name == "gru" else 4.0,
        step_bytes=2.0**20,
        latency=1e-4,
        improving=0.0,
        runs=tuple(f"runs/{name}/seed{seed}" for seed in range(len(scores))),
    )
    return dataclasses.replace(cell, **changes)


def _answer(gap: float, spread: float = 0.02, **changes: Any) -> Answer:
    generator = np.random.default_rng(0)
    scores = {
        "gru": generator.normal(1.0, spread, 6).tolist(),
        "lstm": generator.normal(1.0 + gap, spread, 6).tolist(),
    }
    found = standing(("gru", "lstm"), scores, RULE, "min", 5.0)
    answer = Answer(
        task="memory",
        data="<adding>",
        metric="mse",
        unit="scaled values",
        direction="min",
        selects="mse",
        selects_direction="min",
        kind=found.kind,
        pick="" if found.kind == "open" else found.left[0],
        margin=RULE.margin,
        reason="as given",
        error=0.05,
        seeds=6,
        baselines={"always 1": 3.0},
        baseline="always 1",
        cells={name: _cell(name, values) for name, values in scores.items()},
        lost=(),
        pairings=found.pairings,
        needed=40 if found.kind == "open" else None,
        needed_minutes=90 if found.kind == "open" else None,
        not_tested=("other data",),
    )
    return dataclasses.replace(answer, **changes)


def test_a_better_cell_is_named_with_interval_and_cost():
    answer = _answer(1.0)
    assert headline(answer) == "Take the GRU"
    text = paragraph(answer)
    assert text.startswith("Take the GRU: the test mse of the GRU is lower than that of the LSTM by ")
    assert "95 % interval" in text
    assert "The GRU has 0.750× the parameters and needs 0.750× the operations per update of the LSTM." in text
    assert "improving" not in text


def test_where_nothing_matters_the_cheaper_one_is_named():
    assert headline(_answer(0.0)) == "Either: take the GRU, the cheaper one"
    assert "surely less than the margin of 0.100, so it does not matter" in paragraph(_answer(0.0))


def test_equal_means_are_the_same():
    answer = _answer(0.0, spread=0.0)
    assert "the mean test mse of GRU and LSTM is the same (4 pairs)" in paragraph(answer)


def test_open_says_what_it_would_take():
    answer = _answer(0.1, spread=0.5)
    assert headline(answer) == "Open: these runs do not settle it"
    assert "It would take about 40 pairs: minutes=90 seeds=40." in paragraph(answer)
    assert "cannot be foreseen" in paragraph(dataclasses.replace(answer, needed=None))


def test_that_no_cell_beats_what_is_free_comes_first():
    answer = _answer(1.0)
    cells = {name: dataclasses.replace(cell, beats_baseline=False) for name, cell in answer.cells.items()}
    beaten = dataclasses.replace(answer, cells=cells)
    assert headline(beaten) == "No cell surely beats what is free: always 1"
    assert paragraph(beaten).startswith("No cell surely beats the best free baseline: always 1 has a test mse of 3.000")
    assert "Between the cells: Take the GRU" in paragraph(beaten)
    cells = dict(answer.cells) | {"lstm": cells["lstm"]}
    one = paragraph(dataclasses.replace(answer, cells=cells))
    assert one.startswith("LSTM does not surely beat the best free baseline, always 1 (3.000). Take the GRU")


def test_what_a_reader_must_know_beside_it():
    answer = _answer(1.0, lost=("RNN",))
    cells = dict(answer.cells) | {"gru": dataclasses.replace(answer.cells["gru"], improving=0.5)}
    text = paragraph(dataclasses.replace(answer, cells=cells))
    assert "All trials of RNN diverged." in text
    assert "Runs of GRU were still improving at their end: longer training could change this." in text


def test_the_table_has_baselines_and_diverged_runs():
    answer = _answer(1.0)
    scores = dict(answer.cells["lstm"].scores) | {5: None}
    cells = dict(answer.cells) | {"lstm": dataclasses.replace(answer.cells["lstm"], scores=scores)}
    rows = {row[0]: row for row in table(dataclasses.replace(answer, cells=cells)).rows}
    assert rows["LSTM"][2] == "6, 1 diverged"
    assert rows["always 1 (free)"][1] == "3.000"
    assert rows["GRU"][3:] == ("3.00", "300", "8", "1.00", "0.100")


@pytest.mark.parametrize("gap", [0.0, 0.1, 1.0])
def test_the_page_has_the_answer_and_escapes_names(gap: float):
    answer = _answer(gap, spread=0.3)
    page = answer_page(answer, ["Cells: GRU, LSTM"], {"gru": [], "lstm": []})
    assert "GRU or LSTM? memory on &lt;adding&gt;" in page
    assert headline(answer) in page
    assert 'href="runs/gru/seed3/record.json"' in page
    assert page.count("data:image/svg+xml") == 2
    assert "Not tested" in page


def test_it_is_plain_values_for_programs():
    answer = _answer(1.0)
    values = json.loads(json.dumps(answer.to_dict()))
    assert values["pairings"][0]["look"]["verdict"] == "first better"
    assert values["cells"]["gru"]["scores"]["0"] == answer.cells["gru"].scores[0]
