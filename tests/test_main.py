"""`python -m gru_bench`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import gru_bench
from gru_bench.__main__ import COMMANDS, main


def test_the_commands_are_listed_one_a_line(capsys: pytest.CaptureFixture[str]):
    for argv in ([], ["--help"]):
        assert main(argv) == 0
        listed = [line.split()[2] for line in capsys.readouterr().out.splitlines() if line.startswith("  python -m ")]
        assert listed == [f"gru_bench.{name}" for name in COMMANDS]
    modules = {path.stem for path in Path(gru_bench.__path__[0]).glob("*.py") if "__main__" in path.read_text("utf-8")}
    assert modules - {"__main__", "arguments"} == set(COMMANDS)


def test_a_command_is_run_by_its_name(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "argv", ["gru_bench"])
    monkeypatch.delitem(sys.modules, "gru_bench.report", raising=False)  # it would be loaded twice
    with pytest.raises(SystemExit) as end:
        main(["report", "--version"])
    assert end.value.code == 0
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"gru_bench {gru_bench.__version__}\n" * 2


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]):
    assert main(["trian"]) == 2
    assert "found 'trian', allowed: train, " in capsys.readouterr().err
