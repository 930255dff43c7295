from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gru_bench.arguments import run_command
from gru_bench.report import EXAMPLES, PRINTED_GROUPS, default_folder, report
from tests.results.records import make_record, write_run, write_three_seeds


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of runs in the current directory."""
    monkeypatch.chdir(tmp_path)
    write_three_seeds(tmp_path / "runs" / "language_modeling" / "reber")
    return tmp_path / "runs"


def test_the_default_folder_and_file(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert run_command(report, []) == 0
    output = capsys.readouterr()
    assert "language_modeling on reber" in output.out
    assert output.out.endswith("\nCSV: runs/report.csv\nHTML: runs/report.html\n")
    assert output.err == ""
    assert (runs / "report.csv").read_text().startswith("task,data,metric")
    assert "no difference shown between gru and lstm" in (runs / "report.html").read_text()


def test_csv_on_standard_output_alone(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert run_command(report, [str(runs), "csv=-"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["arm"] for row in rows] == ["gru", "lstm", "rnn", "unigram", "grammar floor"]
    assert run_command(report, [str(runs), "runs_csv=-"]) == 0
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 9
    assert run_command(report, [str(runs), "html=-"]) == 0
    assert capsys.readouterr().out.startswith("<!doctype html>")
    assert not list(runs.glob("report.*"))
    assert run_command(report, [str(runs), "csv=-", "runs_csv=-"]) == 2
    assert run_command(report, [str(runs), "csv=-", "html=-"]) == 2
    assert "html: found '-', allowed: a file while csv=- writes to standard output" in capsys.readouterr().err


def test_csv_files_where_asked(runs: Path, capsys: pytest.CaptureFixture[str]):
    assert run_command(report, ["runs", "csv=a/b.csv", "runs_csv=c.csv", "html=a/page.html"]) == 0
    assert Path("a/b.csv").exists()
    assert Path("a/page.html").exists()
    assert Path("c.csv").exists()
    assert run_command(report, ["runs", "csv=none", "html=none"]) == 0
    assert not list(runs.glob("report.*"))
    assert run_command(report, ["runs", "csv=runs"]) == 1
    assert "runs: cannot be written" in capsys.readouterr().err
    assert run_command(report, ["runs", "html=runs"]) == 1
    assert "Give another file: html=FILE." in capsys.readouterr().err


def test_the_default_files_are_never_in_a_run_directory(runs: Path):
    folder = runs / "language_modeling" / "reber"
    place = Path("runs/language_modeling/reber")
    seeds = sorted((folder / "gru-0badc0de").iterdir())
    assert default_folder([Path("runs")]) == Path("runs")
    assert default_folder([folder]) == place
    assert default_folder(seeds) == default_folder(seeds[:1]) == place / "gru-0badc0de"
    assert default_folder([seeds[0] / "record.json"]) == place / "gru-0badc0de"
    assert default_folder([seeds[0], folder / "lstm-0badc0de"]) == place


def test_default_files_that_cannot_be_written_spoil_no_report(runs: Path, capsys: pytest.CaptureFixture[str]):
    (runs / "report.csv").mkdir()
    (runs / "report.html").mkdir()
    assert run_command(report, []) == 0
    output = capsys.readouterr()
    assert "language_modeling on reber" in output.out
    assert output.err.count("cannot be written") == 2


def test_no_runs_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    assert run_command(report, []) == 1
    assert "No folder runs here" in capsys.readouterr().err
    assert run_command(report, ["."]) == 1
    assert "no runs and no claims. Train first" in capsys.readouterr().err
    assert run_command(report, ["nowhere"]) == 1
    assert "nowhere: no such folder" in capsys.readouterr().err


def test_bad_records_are_named_and_the_rest_is_reported(runs: Path, capsys: pytest.CaptureFixture[str]):
    bad = runs / "bad"
    bad.mkdir()
    (bad / "record.json").write_text("{")
    assert run_command(report, ["csv=none"]) == 0
    output = capsys.readouterr()
    assert "Skipped: runs/bad/record.json cannot be read" in output.err
    assert "language_modeling on reber" in output.out
    assert run_command(report, [str(bad)]) == 1
    assert "no record is readable" in capsys.readouterr().err


def test_unfinished_runs_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_run(tmp_path, make_record("gru", 0, status="running", metrics={}))
    assert run_command(report, [str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "Not counted, running:" in output
    assert "No finished run yet" in output
    assert not (tmp_path / "report.csv").exists()


def test_narrow_terminals_lose_no_digits(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "40")
    assert run_command(report, ["csv=none"]) == 0
    output = capsys.readouterr().out
    assert "…" not in output
    assert "19,688" in output


def test_as_a_command_without_jax(runs: Path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONIOENCODING": "ascii"}
    script = (
        "import sys, gru_bench.report, gru_bench.arguments, gru_bench.reporting.figures\n"
        "code = gru_bench.report.run_command(gru_bench.report.report, ['runs'])\n"
        "found = {'jax', 'jaxlib', 'flax', 'optax', 'hydra', 'tensorflow_datasets'} & set(sys.modules)\n"
        "sys.exit(str(found) if found else code)"
    )
    command = [sys.executable, "-c", script]
    finished = subprocess.run(command, cwd=runs.parent, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "gru - lstm" in finished.stdout


def test_very_many_groups_are_not_all_printed(runs: Path, capsys: pytest.CaptureFixture[str]):
    for width in range(PRINTED_GROUPS + 3):
        write_run(runs, make_record("gru", 0, data="ptb", config__model__hidden_size=width), f"width{width}")
    assert run_command(report, ["runs", "csv=none", "html=none"]) == 0
    assert "\n4 more groups are in the CSV and the page only.\n" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc: the peak of memory is not known")
def test_five_thousand_runs_take_seconds(tmp_path: Path):
    for width in range(1250):
        for cell in ("gru", "lstm"):
            for seed in range(2):
                record = make_record(cell, seed, 0.4 + seed / 100, config__model__hidden_size=width)
                write_run(tmp_path / "runs", record, f"{cell}-{width}-{seed}")
    script = (  # VmHWM, since getrusage counts the process that started this one as well
        "import sys, time\n"
        "from gru_bench.report import report, run_command\n"
        "code = run_command(report, ['runs'])\n"
        "print(time.process_time(), open('/proc/self/status').read(), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (kibibytes,) = re.findall(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert float(done.stderr.split()[0]) < 20  # 4.5 s where this was written, of which the page took 1.2 s
    assert int(kibibytes) < 2**20
    assert (tmp_path / "runs" / "report.html").stat().st_size < 8_000_000


def test_help_as_a_command(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "gru_bench.report", "--help"]
    finished = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert "usage: python -m gru_bench.report [PATHS ...] [key=value ...]" in finished.stdout
    assert all(example in finished.stdout for example in EXAMPLES)


def test_files_of_others_stay(runs: Path, capsys: pytest.CaptureFixture[str]):
    (runs / "report.csv").write_text("mine")
    (runs / "data.csv").write_text("mine")
    assert run_command(report, []) == 0
    output = capsys.readouterr()
    assert "report.csv" in output.err
    assert output.out.endswith("\nHTML: runs/report.html\n")
    for name in ("csv", "html", "runs_csv"):
        assert run_command(report, [f"{name}={runs}/data.csv"]) == 2
        assert f"{name}: found '{runs}/data.csv'" in capsys.readouterr().err
    assert (runs / "report.csv").read_text() == (runs / "data.csv").read_text() == "mine"
    for _ in range(2):
        assert run_command(report, ["csv=own.csv", "html=own.html", "runs_csv=runs.csv"]) == 0
    assert run_command(report, [f"csv={runs}/data.csv", "overwrite=true"]) == 0
    assert (runs / "data.csv").read_text() != "mine"
