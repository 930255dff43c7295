"""Commands whose standard streams are closed, full, of few characters, or pipes that nobody reads."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.table import Table

from gru_bench.arguments import run_command
from gru_bench.errors import UserError
from gru_bench.terminal import Output, Terminal, open_streams, print_whole, printable, read_lines
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


@pytest.mark.slow
def test_a_run_goes_on_when_nobody_reads_its_progress(tmp_path: Path):
    code, errors = left_after(1, begin("gru_bench.train", *SMALL, "run_dir=run", cwd=tmp_path))
    assert (code, errors) == (0, "")
    assert record(tmp_path / "run")["status"] == "finished"
    log = (tmp_path / "run" / "log.txt").read_text(encoding="utf-8")
    assert log.count("Nothing reads the output any more; the run goes on, and this log with it.") == 1
    assert "Sample:" in log


def test_control_characters_of_texts_do_not_steer_the_terminal():
    assert printable("\x1b[31m[red]x[/red]\x07\x9b2J\r\n\tü ी \U0001f600") == (
        "\\x1b[31m[red]x[/red]\\x07\\x9b2J\\x0d\n\tü ी \U0001f600"
    )


def test_brackets_and_names_of_emoji_are_text():
    stream, table = io.StringIO(), Table("[red]", show_header=True)
    table.add_row("a [/b] :x:")
    Terminal(file=stream, highlight=False).print("[/red] :smile: [bold]x[/bold]", table)
    assert all(text in stream.getvalue() for text in ("[/red] :smile: [bold]x[/bold]", "[red]", "a [/b] :x:"))


def strict(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", newline="")


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(stream.encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_what_a_terminal_cannot_show_is_replaced(encoding: str, monkeypatch: pytest.MonkeyPatch):
    given, standard = strict(encoding), strict(encoding)
    table = Table("Привет")
    table.add_row("a 中 b")
    Terminal(file=given).print(table)
    monkeypatch.setattr("sys.stdout", standard)
    Terminal().print("Привет 1")
    with open_streams():
        print("😀 2")
    assert "a ? b" in written(given)
    assert written(standard) == "?????? 1\n? 2\n"


@pytest.fixture
def full() -> Iterator[io.TextIOWrapper]:
    """A stream of its own descriptor that holds nothing, as on a full disk."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with open("/dev/full", "w", encoding="utf-8") as stream:
        yield stream


def say(*, fails: bool = False) -> None:
    """Print something, or fail."""
    print("result")
    if fails:
        raise UserError("no such thing")


@pytest.mark.parametrize(("go_on", "code"), [(False, 1), (True, 0)])
def test_full_output_is_one_line(
    go_on: bool, code: int, full: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("sys.stdout", full)
    assert run_command(say, [], go_on=go_on) == code
    assert capsys.readouterr().err == "Standard output cannot be written: No space left on device.\n"
    assert sys.stdout is full
    full.flush()  # nothing is left to fail when Python ends


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_streams_that_are_none_take_everything(name: str, monkeypatch: pytest.MonkeyPatch):
    """So are those of pythonw, and closed ones."""
    monkeypatch.setattr(sys, name, None)
    assert run_command(say, []) == 0
    assert run_command(say, ["fails=true"]) == 1
    assert getattr(sys, name) is None


def test_a_stream_that_its_owner_closed_is_no_error():
    stream = strict("utf-8")
    stream.close()
    output = Output(stream)
    output.write("a")
    output.flush()
    assert output.lost is not None


def echo(*, text: str = "", path: Path | None = None) -> None:
    """Print a text."""
    print(text)


def standard_input(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="surrogateescape")


def test_standard_input_is_text_or_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    for content in ("é\r\nb\n", "\ufeffé\nb\n"):
        monkeypatch.setattr("sys.stdin", standard_input(content.encode()))
        assert run_command(echo, ["text=-"]) == 0
        assert capsys.readouterr().out == "é\nb\n"
    monkeypatch.setattr("sys.stdin", standard_input("\ufeffé\n\n\ufeffb".encode()))
    assert list(read_lines("")) == ["é", "", "\ufeffb"]
    monkeypatch.setattr("sys.stdin", standard_input(b"ab\xff"))
    assert run_command(echo, ["text=-"]) == 2
    assert capsys.readouterr().err.startswith("error: text: standard input is not utf-8: byte 0xff at offset 2. ")
    monkeypatch.setattr("sys.stdin", None)
    assert run_command(echo, ["text=-"]) == 2
    assert capsys.readouterr().err == "error: text: standard input is closed. Give a file or a text instead.\n"


def test_arguments_that_cannot_be_decoded_are_paths_or_one_line(capsys: pytest.CaptureFixture[str]):
    undecoded = os.fsdecode(b"caf\xe9")
    assert run_command(echo, [f"path={undecoded}"]) == 0
    assert run_command(echo, [f"text={undecoded}"]) == 2
    assert "bytes that are not in the encoding of the command line" in capsys.readouterr().err


@pytest.mark.parametrize("columns", ["0", "1", "10"])
def test_narrow_terminals_lose_no_number(columns: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", columns)
    table = Table("updates", "nll")
    table.add_row("2,985,061,504", "1.2345678901234567")
    stream = strict("utf-8")
    print_whole(Terminal(file=stream), table)
    assert {"2,985,061,504", "1.2345678901234567"} <= set(written(stream).split())


CLOSED = ">&- 2>&- <&-"


def shell(command: str, streams: str, cwd: Path) -> int:
    process = subprocess.run(["bash", "-c", f"{sys.executable} -m {command} {streams}"], cwd=cwd, check=False)
    return process.returncode


def test_a_report_is_written_whatever_the_streams_are(tmp_path: Path):
    write_three_seeds(tmp_path / "runs")
    assert shell("gru_bench.report", CLOSED, tmp_path) == 0
    assert (tmp_path / "runs" / "report.csv").exists()
    assert (tmp_path / "runs" / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("streams", [CLOSED, "> /dev/full 2> /dev/full"])
def test_a_run_is_finished_whatever_its_streams_are(streams: str, tmp_path: Path):
    assert shell(f"gru_bench.train {' '.join(SMALL)} run_dir=run", streams, tmp_path) == 0
    assert record(tmp_path / "run")["status"] == "finished"
    assert (tmp_path / "run" / "samples.json").exists()
