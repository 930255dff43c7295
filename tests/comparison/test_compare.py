"""`python -m gru_bench.compare`: a plan, equal trials, paired seeds, an answer; the same if it is stopped."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import gru_bench
from gru_bench import compare as program
from gru_bench.comparison.probe import matching_size
from gru_bench.compose import composed
from gru_bench.record import read_record
from tests.comparison.small import SMALL, files, in_this_process, run
from tests.reproduction.test_training import Here
from tests.training.support import Outcome, train


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """The folder of an answered comparison, and what it printed; tests do not change it."""
    folder = tmp_path_factory.mktemp("compare") / "answered"
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(patch)
        return folder, run(*SMALL, f"out={folder}")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    return in_this_process(monkeypatch)


def _answer(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "compare.json").read_text(encoding="utf-8"))


def _seeds(folder: Path) -> dict[str, list[Path]]:
    runs = [path.parent for path in sorted((folder / "runs").rglob("record.json"))]
    return {
        cell: [run for run in runs if run.parent.name.startswith(f"{cell}-") and run.name != "seed1000"]
        for cell in ("gru", "lstm")
    }


def test_it_plans_first_and_ends_with_an_answer(answered: tuple[Path, Outcome]):
    folder, done = answered
    assert done.code == 0, done.err
    starts = [line.split(":")[0] for line in done.out.splitlines()[:6]]
    assert starts == ["Planning", "Cells", "Tuning", "Seeds", "Rule", "Time"]
    answer = _answer(folder)
    assert answer["text"] in " ".join(done.out.split())
    assert answer["metric"] == "nll"
    assert answer["kind"] in ("better", "either", "open")
    assert answer["baseline"] == "unigram"
    page = (folder / "compare.html").read_text(encoding="utf-8")
    assert "GRU or LSTM?" in page
    assert "Not tested" in page


def test_trials_are_the_same_for_each_cell_and_pairs_share_their_seeds(answered: tuple[Path, Outcome]):
    folder, _ = answered
    tried = [read_record(path.parent) for path in (folder / "runs").rglob("seed1000/record.json")]
    rates = {
        cell: sorted(record.config["optimizer"]["learning_rate"] for record in tried if record.model == cell)
        for cell in ("gru", "lstm")
    }
    assert len(rates["gru"]) == 3
    assert rates["gru"] == rates["lstm"]
    biases = [
        sorted(record.config["model"][key] for record in tried if key in record.config["model"])[-2:]
        for key in ("update_bias", "forget_bias")
    ]
    assert biases[0][1] == biases[1][1]
    answer = _answer(folder)
    for cell, runs in _seeds(folder).items():
        assert {run.name for run in runs} == {"seed0", "seed1", "seed2"}
        best = {record.config_hash for record in map(read_record, runs)}
        values = {record.config_hash: record.metrics["valid"]["nll"] for record in tried if record.model == cell}
        assert best == {min(values, key=lambda name: values[name])}
        assert list(answer["cells"][cell]["scores"].values()) == [
            read_record(run).metrics["test"]["nll"] for run in runs
        ]


def test_the_command_of_a_cell_is_a_run_of_its_pairs(answered: tuple[Path, Outcome], tmp_path: Path):
    folder, _ = answered
    cell = _answer(folder)["cells"]["gru"]
    program, *arguments = shlex.split(cell["command"])
    assert [program, *arguments[:2]] == ["python", "-m", "gru_bench.train"]
    done = train(*arguments[2:], f"paths.runs={tmp_path}", "task.sample_length=0")
    assert done.code == 0, done.err
    (record,) = (read_record(path.parent) for path in tmp_path.rglob("record.json"))
    assert record.metrics["test"]["nll"] == cell["scores"]["0"]


def test_a_finished_comparison_trains_nothing_and_answers_the_same(answered: tuple[Path, Outcome], here: Here):
    folder, _ = answered
    before = files(folder)
    again = run(*SMALL, f"out={folder}")
    assert again.code == 0, again.err
    assert here.calls == 0
    assert files(folder) == before


def test_lost_runs_are_trained_again_to_the_same_answer(answered: tuple[Path, Outcome], here: Here, tmp_path: Path):
    folder, _ = answered
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for path in (copy / "compare.json", copy / "compare.html"):
        path.unlink()
    shutil.rmtree(_seeds(copy)["gru"][1])
    (_seeds(copy)["lstm"][0] / "record.json").unlink()
    done = run(*SMALL, f"out={copy}")
    assert done.code == 0, done.err
    assert here.calls
    assert files(copy) == files(folder)


def test_matched_parameters_are_the_closest_that_a_hidden_size_has():
    settings = ("task=language_modeling", "data.train_size=2000", "model.hidden_size=16", "model.embedding_size=4")
    gru, lstm = (composed(*settings, f"model={cell}") for cell in ("gru", "lstm"))
    hidden = matching_size(lstm, gru)
    wanted = 3 * 16 * (4 + 16 + 1) + 16  # gates times embedding, state, bias; and a bias of the recurrent candidate

    def distance(hidden: int) -> int:
        return abs(4 * hidden * (4 + hidden + 1) - wanted)

    assert distance(hidden) < min(distance(hidden - 1), distance(hidden + 1))


def test_a_folder_of_another_comparison_is_refused(answered: tuple[Path, Outcome], here: Here):
    folder, _ = answered
    done = run(*SMALL, "margin=0.5", f"out={folder}")
    assert done.code == 2
    assert "a folder of its own for each comparison: this one holds another (margin: None there, 0.5 now)" in done.err
    assert here.calls == 0


def test_a_damaged_plan_is_named(answered: tuple[Path, Outcome], here: Here, tmp_path: Path):
    (tmp_path / "plan.json").write_text("{", encoding="utf-8")
    done = run(*SMALL, f"out={tmp_path}")
    assert done.code == 1
    assert "plan.json: cannot be read as the plan of a comparison" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cells=gru"], "cells: found 'gru', allowed: at least two different cells"),
        (["cells=gru,gru"], "cells: found 'gru,gru', allowed: at least two different cells"),
        (["cells=gru,lsmt"], "Did you mean 'lstm'?"),
        (["cells=gru,lstm(32)"], "settings as key=value in brackets"),
        (["cells=gru,lstm(hidden=32)"], "hidden"),
        (["minutes=0"], "minutes: found 0.0, allowed: a number > 0"),
        (["margin=-1"], "margin: found -1.0, allowed: a number > 0"),
        (["seeds=1"], "seeds: found 1, allowed: an integer >= 3"),
        (["match=width"], "match: found 'width', allowed: hidden_size or parameters or compute"),
        (["model=gru"], "Name the cells: cells=gru,lstm"),
        (["training.patience=3"], "All runs of a comparison train equally long."),
        (["launcher=nobody"], "launcher: found 'nobody'"),
        (["task=time_series", "data=series_csv", "data.path=absent.csv"], "absent.csv"),
        (["task=poetry"], "poetry"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], message: str, here: Here, tmp_path: Path):
    done = run(*arguments, f"out={tmp_path}")
    assert done.code == 2
    assert message in done.err
    assert here.calls == 0
    assert not list(tmp_path.iterdir())


def test_in_python_it_is_the_module_that_is_called(answered: tuple[Path, Outcome], here: Here):
    folder, _ = answered
    settings: dict[str, str | int] = {key: value for key, _, value in (text.partition("=") for text in SMALL)}
    settings |= {"minutes": 30, "trials": 3, "seeds": 3}
    found = gru_bench.compare(**settings, cells=["gru", "lstm"], out=folder)
    assert isinstance(found, program.Comparison)
    assert found.text == str(found) == _answer(folder)["text"]
    assert found.answer.cells["gru"].scores.keys() == {0, 1, 2}
    assert found._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html&gt;')
