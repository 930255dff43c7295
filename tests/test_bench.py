from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

from gru_bench.arguments import run_command
from gru_bench.bench import EXAMPLES, bench
from gru_bench.measurement import append, read
from gru_bench.validation import settings
from tests.results.measurements import two_cells

ROOT = Path(__file__).parents[1]
TINY = ("shapes=2x3x2x3", "rounds=5", "seconds=0.01")


@pytest.mark.slow
def test_a_tiny_grid_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    peers = [name for name in ("flax", "keras", "torch") if importlib.util.find_spec(name)]
    assert run_command(bench, [*TINY, "passes=training,step"]) == 0
    rows = read(tmp_path / "benchmarks" / "bench.csv")
    assert {row.what for row in rows} == {"training", "step"}
    assert {row.implementation for row in rows} == {"fast", "scan", "products", *peers}
    assert all(row.median > 0 for row in rows)
    assert len({row.rounds for row in rows}) == 2
    output = capsys.readouterr().out
    assert "cudnn skipped: it needs a GPU" in output
    assert "GRU : LSTM at equal size, training step, within one implementation" in output
    assert output.endswith("benchmarks/peers.png\nbenchmarks/products.png\nbenchmarks/gru_lstm.png\n")
    for name in ("peers", "products", "gru_lstm"):
        assert matplotlib.image.imread(tmp_path / "benchmarks" / f"{name}.png").ndim == 3
    written = (tmp_path / "benchmarks" / "bench.md").read_text()
    assert "**lstm, training step, float32: ms**" in written


def test_the_same_command_goes_on_and_fresh_starts_anew(tmp_path: Path):
    small = [*TINY, "peers=none", "passes=forward", f"out={tmp_path}"]
    assert run_command(bench, [*small, "cells=gru"]) == 0
    first = (tmp_path / "bench.csv").read_text()
    assert run_command(bench, [*small, "cells=gru"]) == 0
    assert (tmp_path / "bench.csv").read_text() == first
    assert run_command(bench, [*small[1:], "shapes=2x3x3x3", "cells=gru"]) == 0
    assert (tmp_path / "bench.csv").read_text().startswith(first)
    assert run_command(bench, [*small, "cells=rnn", "fresh=true"]) == 0
    assert {row.cell for row in read(tmp_path / "bench.csv")} == {"rnn"}


def test_tables_and_pictures_are_drawn_from_the_file_alone_without_jax(tmp_path: Path):
    append(tmp_path / "bench.csv", two_cells())
    program = (
        "import sys\n"
        "from gru_bench.bench import bench\n"
        f"code = bench(grid='none', out=__import__('pathlib').Path({str(tmp_path)!r}))\n"
        "print('loaded:', code, *sorted({'jax', 'flax', 'torch', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded: 0"
    assert "0.667×" in done.stdout
    assert (tmp_path / "gru_lstm.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["grid=tiny"], 2, "grid: found 'tiny', allowed: quick or full or none"),
        (["shapes=1x2x3"], 2, "shapes: found '1x2x3', allowed: batch x time x input x hidden"),
        (["cells=gruu"], 2, "cells: found 'gruu', allowed: coupled_lstm, gru, lstm, "),
        (["peers=pytorch"], 2, "Did you mean 'torch'?"),
        (["passes=backward"], 2, "passes: found 'backward', allowed: forward, training, step"),
        (["precision=bfloat16"], 2, "precision: found 'bfloat16', allowed: float32 where there is no GPU"),
        (["rounds=4"], 2, "rounds: found 4"),
        (["seconds=0"], 2, "seconds: found 0"),
        (["grid=none"], 1, "nothing was timed. For example: python -m gru_bench.bench"),
    ],
)
def test_wrong_flags_are_refused_and_nothing_is_written(
    arguments: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "benchmarks"
    assert run_command(bench, [*arguments, f"out={out}"]) == code
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_wrong_flag_keeps_what_was_measured(tmp_path: Path):
    append(tmp_path / "bench.csv", two_cells())
    assert run_command(bench, ["cells=gruu", "fresh=true", f"out={tmp_path}"]) == 2
    assert len(read(tmp_path / "bench.csv")) == 8


def test_the_examples_name_known_settings():
    for example in EXAMPLES:
        keys = {word.partition("=")[0] for word in example.split()[3:]}
        assert keys <= settings(bench).keys()


@pytest.mark.parametrize("name", ["bench.csv", "bench.md", "peers.png"])
def test_a_folder_with_files_of_others_stays(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / name).write_text("mine")
    assert run_command(bench, [*TINY, f"out={tmp_path}", "fresh=true"]) == 2
    assert f"out: found '{tmp_path}/{name}'" in capsys.readouterr().err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {name: "mine"}
