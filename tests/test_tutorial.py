"""The tutorial, letter by letter."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.support import ROOT

BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder that the tutorial leaves, and what each of its blocks printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    surroundings = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    printed = []
    for language, text in BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")):
        command = ["bash", "-c", text] if language == "bash" else [sys.executable, "-c", text]
        done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        printed.append(done.stdout)
    return folder, printed


@pytest.mark.slow
def test_every_block_does_what_the_page_says(walked: tuple[Path, list[str]]):
    folder, printed = walked
    report = next(text for text in printed if "gru - lstm" in text)
    assert "Visitors" not in report
    for name in ("last value", "seasonal-naive", "linear"):
        assert name in report
    (decision,) = [text for text in printed if "\nCells:" in text]
    assert "linear (free)" in decision
    assert (folder / "decision" / "compare.html").exists()
    for name in ("report.csv", "report.html"):
        assert list((folder / "runs").rglob(name))
    with (folder / "forecast.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert (folder / "forecast.png").read_bytes().startswith(b"\x89PNG")
    assert "happy" in printed[-1]
    assert "unhappy" in printed[-1]
