from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gru_bench.reporting.table import collection_notes, comparison_report
from gru_bench.results.collect import collect
from gru_bench.results.comparison import compare
from tests.results.records import make_record, write_run, write_three_seeds


def printed(folder: Path, *records: dict[str, Any], width: int = 80) -> str:
    for index, record in enumerate(records):
        write_run(folder, record, f"run{index}")
    console = Console(width=width, file=io.StringIO(), highlight=False, markup=False)
    console.print(comparison_report(compare(collect([folder]).finished)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def row(text: str, *starts: str) -> list[list[str]]:
    """Return the words of the lines that start with each of `starts`."""
    return [line.split() for start in starts for line in text.splitlines() if line.startswith(start)]


def words(text: str) -> str:
    return " ".join(text.split())


def test_three_cells_over_three_seeds(tmp_path: Path):
    write_three_seeds(tmp_path)
    text = printed(tmp_path)
    assert max(map(len, text.splitlines())) <= 80
    assert "language_modeling on reber: test nll (nats per symbol, lower is better)" in text
    assert "equal hidden size (64) · 1 layer · 2,000 updates · adam, learning rate 0.003 · batch 32" in words(text)
    assert row(text, "gru  ") == [
        ["gru", "3", "0.420", "±", "0.025", "1.500", "±", "0"],
        ["gru", "18,688", "19,688", "64", "30.0", "68,267", "3.00", "600"],
    ]
    assert row(text, "gru - lstm", "gru / lstm") == [
        ["gru", "-", "lstm", "3", "+0.003", "±", "0.014", "0", "±", "0"],
        ["gru", "/", "lstm", "0.753×", "0.762×", "0.500×", "0.750×", "1.33×", "0.750×", "1.00×"],
    ]
    assert row(text, "unigram", "grammar") == [["unigram", "!", "1.890"], ["grammar", "floor", "0.4000"]]
    assert "The baseline unigram is as good as or better than rnn." in text
    assert "Distance to the grammar floor: gru +5.0 %, lstm +4.2 %, rnn +375.0 %." in words(text)
    assert "gru - lstm by seed: 0: +0.0100, 1: 0, 2: 0. The 95 % interval contains 0" in words(text)
    assert "The 95 % interval excludes 0: rnn is worse." in words(text)


def test_one_seed_prints_no_interval(tmp_path: Path):
    text = printed(tmp_path, make_record("gru", 0, 0.41), make_record("lstm", 0, 0.42))
    tables, _, _ = text.partition("±: half width")
    assert "±" not in tables
    assert row(text, "gru - lstm") == [["gru", "-", "lstm", "1", "-0.01000", "0"]]
    assert "One pair gives no interval." in words(text)


def test_more_of_the_metric_may_be_better(tmp_path: Path):
    records = [
        make_record(cell, seed, value + seed / 1000, direction="max")
        for cell, value in (("gru", 0.9), ("lstm", 0.8))
        for seed in range(3)
    ]
    text = printed(tmp_path, *records)
    assert "higher is better" in text
    assert "The 95 % interval excludes 0: gru is better." in words(text)


def test_speed_is_blank_for_a_shared_machine_and_the_note_says_why(tmp_path: Path):
    text = printed(tmp_path, make_record("gru", 0, speed__shared_machine=True), make_record("lstm", 0))
    assert row(text, "gru  ")[1] == ["gru", "18,688", "19,688", "64", "3.00", "600"]
    assert "gru: of 1 run 1 shared the machine with other work; no speed is shown." in words(text)
    assert row(text, "gru / lstm") == [["gru", "/", "lstm", "0.753×", "0.762×", "0.500×", "0.750×", "1.00×"]]


def test_runs_on_another_device_and_too_short_ones_are_said(tmp_path: Path):
    text = printed(
        tmp_path,
        make_record("gru", 0),
        make_record("gru", 1, device="cpu: Zzz"),
        make_record("gru", 2, speed__seconds_per_update=None),
        make_record("lstm", 0),
        make_record("lstm", 5, versions__jax="0.11.0"),
    )
    assert "gru: of 3 runs 1 too short to be timed, 1 on another device; speed is that of the other 1." in words(text)
    assert "Times were taken on cpu: Some Processor, 2 threads." in words(text)
    assert "Versions of jax differ between these runs: 0.10.2, 0.11.0." in words(text)


@pytest.mark.parametrize("budget", [None, 1e12])
def test_budgets_of_operations_that_were_counted_differently_are_said(tmp_path: Path, budget: float | None):
    said = "some count the operations of layers, head, others of layers, head, features."
    limit: dict[str, Any] = {"config__training__flops_budget": budget}
    gru = make_record("gru", 0, flops_counted=["layers", "head", "features"], **limit)
    assert (said in words(printed(tmp_path, gru, make_record("lstm", 0, **limit)))) == (budget is not None)


def test_groups_of_one_data_set_say_what_differs(tmp_path: Path):
    text = printed(
        tmp_path,
        make_record("gru", 0),
        make_record("lstm", 0, config__model__hidden_size=None, config__model__parameter_budget=20000),
        make_record("gru", 0, data="ptb"),
    )
    assert "here: model.hidden_size=64, model.parameter_budget=null" in text
    assert "here: model.hidden_size=null, model.parameter_budget=20000" in text
    assert "equal recurrent parameters (20,000)" in text
    assert text.count("here:") == 2
    assert text.count("No lstm run with equal settings: no differences and no ratios.") == 2


def test_cells_without_a_shared_seed_have_no_difference(tmp_path: Path):
    text = printed(tmp_path, make_record("gru", 0), make_record("lstm", 1))
    assert "gru and lstm share no seed: no paired difference." in words(text)
    assert row(text, "gru - lstm") == []
    assert len(row(text, "gru / lstm")) == 1


@pytest.mark.parametrize("width", [80, 200])
def test_large_numbers_are_not_cut(tmp_path: Path, width: int):
    changes: dict[str, Any] = {
        "parameters": {"recurrent": 123_456_789, "total": 987_654_321},
        "speed__items_per_second": 12_345_678.0,
        "option__forget_bias": 0.5,
        "option__peepholes": True,
    }
    text = printed(tmp_path, make_record("lstm", 0, **changes), make_record("gru", 0), width=width)
    for number in ("123,456,789", "987,654,321", "12,345,678"):
        assert number in text
    assert "…" not in text


def test_left_out_runs_are_listed(tmp_path: Path):
    write_run(tmp_path, make_record("gru", 0, status="diverged", reason="the loss is NaN at update 31"), "a")
    write_run(tmp_path, make_record("gru", 1, started="2026-01-01T00:00:00+00:00"), "b")
    write_run(tmp_path, make_record("gru", 1), "c")
    assert collection_notes(collect([tmp_path])) == [
        f"Not counted, diverged: {tmp_path / 'a'} (the loss is NaN at update 31)",
        f"Not counted, replaced: {tmp_path / 'b'} ({tmp_path / 'c'} is newer, with equal settings and seed)",
    ]
