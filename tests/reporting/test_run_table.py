from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gru_bench.record import read_record
from gru_bench.reporting.run_table import run_table
from gru_bench.terminal import print_whole
from tests.results.records import make_record, write_run


def printed(folder: Path, **changes: Any) -> str:
    directory = write_run(folder, make_record("gru", 3, 0.41, **changes), "run")
    console = Console(width=80, file=io.StringIO(), highlight=False)
    console.print(run_table(read_record(directory), Path("runs/gru/seed3")))
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_a_finished_run(tmp_path: Path):
    text = printed(tmp_path)
    assert "language_modeling on reber: gru, seed 3" in text
    assert "gru, valid 0.4110 1.500" in text
    assert "gru, test 0.4100 1.500" in text
    assert "unigram 1.890" in text
    assert "grammar floor 0.4000" in text
    assert "18,688 recurrent, 19,688 in all; state 64 per sequence" in text
    assert "2,000 updates (10.2 epochs), best at update 1,500, 1 min 4 s in all" in text
    assert "30.0 ms per update, 68,267 symbols per s; compiled in 2.5 s" in text
    assert "step 3.00 MiB" in text
    assert "process peak 600 MiB" in text
    assert "runs/gru/seed3" in text
    assert "other work" not in text
    assert "no better than" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_number_is_cut_however_narrow_the_terminal(width: int, tmp_path: Path):
    metrics = {"nll": 2985061.5, "perplexity": 29850611234.0, "bits_per_character_of_all": 298506112.0, "mase": 3456.0}
    changes: Any = {
        "metrics": {"test": metrics, "valid": metrics},
        "baselines": {"seasonal_naive": {"nll": 29850611.0}},
        "parameters": {"recurrent": 2985061123, "total": 3985061123},
    }
    record = read_record(write_run(tmp_path, make_record("gru", 3, 0.41, **changes), "run"))
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_whole(console, run_table(record), at_least=0)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for number in (
        "2,985,062",
        "29,850,611,234",
        "298,506,112",
        "3,456",
        "29,850,611",
        "2,985,061,123",
        "3,985,061,123",
    ):
        assert number in text
    assert "…" not in text
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def test_baselines_that_the_network_does_not_beat_are_named(tmp_path: Path):
    baselines = {
        name: {"nll": nll} for name, nll in (("copy", 0.41), ("unigram", 1.89), ("table", 0.4), ("floor", 0.3))
    }
    assert "gru is no better than copy and table here (test nll)." in printed(tmp_path / "min", baselines=baselines)
    assert "no better than copy and unigram here" in printed(tmp_path / "max", baselines=baselines, direction="max")
    unfinished = printed(tmp_path / "unfinished", baselines=baselines, metrics={"valid": {"nll": 9.0}})
    assert "no better than" not in unfinished


def test_a_shared_machine_is_said(tmp_path: Path):
    text = printed(tmp_path, speed__shared_machine=True, speed__other_load=1.25)
    assert "other work used 1.2 cores meanwhile, so reports leave these times out" in text


def test_an_unfinished_run_shows_what_it_has(tmp_path: Path):
    text = printed(
        tmp_path,
        status="interrupted",
        reason="SIGINT",
        metrics={"valid": {"nll": 0.5}},
        speed={},
        memory={},
        baselines={},
        best_update=None,
    )
    assert "interrupted (SIGINT)" in text
    assert "gru, valid 0.5000" in text
    assert "not measured" in text
    assert "best" not in text


def test_brackets_in_names_are_text(tmp_path: Path):
    assert "[bold]" in printed(tmp_path, baselines={"[bold]unigram": {"nll": 2.0}})
