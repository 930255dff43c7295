from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gru_bench.errors import UserError
from gru_bench.reporting.csv_file import arm_rows, csv_text, run_rows, write_text
from gru_bench.results.collect import collect
from gru_bench.results.comparison import compare
from tests.results.records import make_record, write_run, write_three_seeds


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_one_row_per_arm_and_baseline(tmp_path: Path):
    write_three_seeds(tmp_path)
    write_run(tmp_path, make_record("gru", 0, speed__shared_machine=True, config__model__layers=2), "alone")
    text = csv_text(arm_rows(compare(collect([tmp_path]).finished)))
    write_text(text, tmp_path / "out" / "arms.csv", "csv")
    rows = read(tmp_path / "out" / "arms.csv")
    assert [(row["kind"], row["arm"]) for row in rows] == [
        ("cell", "gru"),
        ("baseline", "unigram"),
        ("baseline", "grammar floor"),
        ("cell", "gru"),
        ("cell", "lstm"),
        ("cell", "rnn"),
        ("baseline", "unigram"),
        ("baseline", "grammar floor"),
    ]
    alone, gru, lstm = rows[0], rows[3], rows[4]
    assert gru["seeds"] == "0 1 2"
    assert float(gru["test_nll_mean"]) == pytest.approx(0.42)
    assert float(gru["test_nll_low"]) == pytest.approx(0.42 - 0.02484138, abs=1e-8)
    assert float(gru["valid_nll_mean"]) == pytest.approx(0.421)
    assert float(gru["difference_nll_mean"]) == pytest.approx(1 / 300)
    assert float(gru["difference_nll_high"]) == pytest.approx(1 / 300 + 0.01434218, abs=1e-8)
    assert gru["difference_pairs"] == "3"
    assert gru["reference"] == "lstm"
    assert gru["parameters_recurrent"] == "18688"
    assert float(gru["seconds_per_update_ratio"]) == pytest.approx(0.75)
    assert gru["group"] == lstm["group"] != alone["group"]
    assert alone["group_differs_in"] == '{"model.layers": 2}'
    assert gru["group_differs_in"] == '{"model.layers": 1}'
    assert alone["test_nll_mean"] == "0.41"
    assert alone["test_nll_low"] == alone["seconds_per_update"] == alone["reference"] == ""
    assert rows[1]["test_nll_mean"] == "1.89"


def test_one_row_per_run(tmp_path: Path):
    write_run(tmp_path, make_record("gru", 0), "a")
    unfinished = make_record("lstm", 1, status="running", metrics={}, speed={}, memory={}, baselines={})
    write_run(tmp_path, unfinished, "b")
    found = collect([tmp_path])
    write_text(csv_text(run_rows([*found.finished, *found.unfinished])), tmp_path / "runs.csv", "runs_csv")
    first, second = read(tmp_path / "runs.csv")
    assert (first["arm"], first["seed"], first["status"], first["test_nll"]) == ("gru", "0", "finished", "0.41")
    assert first["directory"] == str(tmp_path / "a")
    assert first["seconds_per_update"] == "0.03"
    assert (second["status"], second["test_nll"], second["seconds_per_update"]) == ("running", "", "")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"folder: cannot be written .*csv=FILE"):
        write_text(csv_text([{"a": 1}]), tmp_path / "folder", "csv")
