"""Commands whose output is piped into something that stops reading."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.results.records import write_three_seeds
from tests.training.support import SMALL, begin, record


def left_after(lines: int, process: subprocess.Popen[str]) -> tuple[int, str]:
    """Read some lines, go away, and return the exit code and what went to standard error."""
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        return process.wait(120), errors


def test_the_help_of_train_may_find_no_reader(tmp_path: Path):
    """It fits into a pipe, so that a reader of one line may come too late to cut it short."""
    assert left_after(0, begin("gru_bench.train", "--help", cwd=tmp_path)) == (141, "")


def test_a_report_may_be_cut_short(tmp_path: Path):
    for index in range(60):  # more than a pipe holds
        write_three_seeds(tmp_path / "runs" / f"{index}")
    for path in (tmp_path / "runs").glob("*/*/*/record.json"):
        content = path.read_text(encoding="utf-8")
        path.write_text(content.replace('"hidden_size": 64', f'"hidden_size": {path.parts[-4]}'), encoding="utf-8")
    process = begin("gru_bench.report", "runs", cwd=tmp_path)
    assert left_after(1, process) == (141, "")


def test_a_run_goes_on_when_nobody_reads_its_progress(tmp_path: Path):
    code, errors = left_after(1, begin("gru_bench.train", *SMALL, "run_dir=run", cwd=tmp_path))
    assert (code, errors) == (0, "")
    assert record(tmp_path / "run")["status"] == "finished"
    log = (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")
    assert log.count("Nothing reads the output any more; the run goes on, and this log with it.") == 1
    assert "Sample:" in log
