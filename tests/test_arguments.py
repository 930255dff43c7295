from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gru_bench
from gru_bench.arguments import convert, help_text, parse_arguments, run_command
from gru_bench.errors import ConfigError, DataError
from gru_bench.validation import Positive


def command(
    *paths: Path,
    prompt: str = "",
    length: Positive = 10,
    temperature: float = 1.0,
    greedy: bool = False,
    top_k: int | None = None,
    csv: Literal["auto", "none"] | Path = "auto",
) -> int:
    """Do something with text.

    It has two paragraphs.

    Args:
        *paths: the folders to read.
        prompt: the text to continue,
            on two lines.
        length: how many.

    Returns:
        The exit code.
    """
    print(paths, prompt, length, temperature, greedy, top_k, csv)
    return 0


def only_named(*, run: Path, prompt: str = "") -> None:
    """Continue a prompt."""
    print(run, prompt)


def with_others(*, count: Positive = 1, **settings: str) -> None:
    """Pass settings on.

    Args:
        count: how many.
        **settings: all other keys.
    """


def test_other_keys_are_taken_as_text_where_a_command_takes_any():
    plain, named = parse_arguments(with_others, ["model.size=3", "count=3", "task=-", "x=a=b"])
    assert (plain, named) == ([], {"model.size": "3", "count": 3, "task": "-", "x": "a=b"})
    with pytest.raises(ConfigError, match=r"task: found 'b', allowed: one value\. It was already given as task=a"):
        parse_arguments(with_others, ["task=a", "task=b"])
    with pytest.raises(ConfigError, match=r"arguments: found '-m'.* -m is a flag of python -m gru_bench.train"):
        parse_arguments(with_others, ["-m"])
    assert "  KEY=...\n      all other keys." in help_text(with_others)


def test_values_are_typed_by_the_signature():
    plain, named = parse_arguments(
        command, ["runs/a", "length=3", "temperature=0.5", "greedy=TRUE", "top_k=null", "csv=out.csv", "./b=c"]
    )
    assert plain == [Path("runs/a"), Path("b=c")]
    assert named == {"length": 3, "temperature": 0.5, "greedy": True, "top_k": None, "csv": Path("out.csv")}


@pytest.mark.parametrize(
    "text", ["123", "null", "true", "a,b", "x=y=z", "{a: [1, 2]}", "\"quoted\" 'twice'", "", " spaced ", "é\n"]
)
def test_text_is_literal(text: str):
    assert parse_arguments(command, [f"prompt={text}"])[1] == {"prompt": text}


@given(st.text().filter(lambda text: text != "-"))
def test_any_text_comes_through_unchanged(text: str):
    assert parse_arguments(command, [f"prompt={text}"])[1] == {"prompt": text}


def test_a_literal_wins_over_a_path():
    assert convert("none", Literal["auto", "none"] | Path) == "none"
    assert convert("./none", Literal["auto", "none"] | Path) == Path("none")
    assert convert("-", Literal["auto", "none"] | Path) == Path("-")


def test_a_dash_reads_standard_input_and_drops_one_newline(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("one, two\n\n"))
    assert parse_arguments(command, ["prompt=-"])[1] == {"prompt": "one, two\n"}
    monkeypatch.setattr("sys.stdin", io.StringIO("7\n"))
    assert parse_arguments(command, ["length=-"])[1] == {"length": 7}
    assert parse_arguments(command, ["csv=-"])[1] == {"csv": Path("-")}
    with pytest.raises(ConfigError, match="prompt reads it already"):
        parse_arguments(command, ["prompt=-", "length=-"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["promt=a"], r"promt: found 'a', allowed: paths and prompt=.*Did you mean 'prompt'\?"),
        (["zzz=a"], r"zzz: .*A path that holds '=' starts with \./"),
        (["length=0"], "length: found 0, allowed: an integer >= 1"),
        (["length=many"], "length: found 'many', allowed: an integer >= 1"),
        (["greedy=maybe"], "greedy: found 'maybe', allowed: true or false"),
        (["length=1", "length=2"], "already given as length=1"),
        (["--length=3"], "Settings are written key=value, without dashes: length=3"),
        (["-v"], "Settings are written key=value, without dashes: v="),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], message: str):
    with pytest.raises(ConfigError, match=message):
        parse_arguments(command, arguments)


def test_missing_and_stray_arguments_are_named():
    with pytest.raises(ConfigError, match=r"run: found nothing, allowed: a path. Give it: run=\.\.\."):
        parse_arguments(only_named, [])
    with pytest.raises(ConfigError, match=r"arguments: found 'runs/x', allowed: run=.*Write key=value"):
        parse_arguments(only_named, ["runs/x"])


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]):
    assert run_command(only_named, ["--version"]) == 0
    assert capsys.readouterr().out == f"gru_bench {gru_bench.__version__}\n"


def test_help_says_what_the_docstring_and_the_signature_say(capsys: pytest.CaptureFixture[str]):
    assert run_command(command, ["--help"], examples=["python -m x prompt='a, b'"]) == 0
    text = capsys.readouterr().out
    assert "[PATHS ...] [key=value ...]" in text
    assert "It has two paragraphs." in text
    assert "the text to continue,\n      on two lines." in text
    assert "length=...  an integer >= 1; default: 10" in text
    assert "csv=...  auto or none or a path; default: auto" in text
    assert "debug=" in text
    assert "python -m x prompt='a, b'" in text
    assert "exit code" not in text
    assert "run=...  a path; required" in help_text(only_named)


def test_help_tells_numbers_from_flags_and_from_nothing():
    def chosen(
        *, seed: int = 0, copies: int = 1, loud: bool = False, quiet: bool = True, top_k: int | None = None
    ) -> None:
        """Choose."""

    text = help_text(chosen)
    for line in (
        "seed=...  an integer; default: 0",
        "copies=...  an integer; default: 1",
        "loud=...  true or false; default: false",
        "quiet=...  true or false; default: true",
        "top_k=...  an integer; optional",
    ):
        assert line in text


def test_a_user_error_is_one_message_and_its_exit_code(capsys: pytest.CaptureFixture[str]):
    def broken(*, name: str = "x") -> None:
        raise DataError(f"{name} is missing.")

    assert run_command(broken, ["name=corpus"]) == 2
    assert capsys.readouterr().err == "error: corpus is missing.\n"
    assert run_command(broken, ["nam=corpus"]) == 2
    assert "Did you mean 'name'?" in capsys.readouterr().err
    assert run_command(broken, ["debug=true"]) == 2
    assert "Traceback" in capsys.readouterr().err
    assert run_command(broken, ["debug=perhaps"]) == 2


def test_exit_codes_of_success_and_interruption(capsys: pytest.CaptureFixture[str]):
    def interrupted() -> None:
        raise KeyboardInterrupt

    assert run_command(command, []) == 0
    assert run_command(lambda: 3, []) == 3
    assert run_command(interrupted, []) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error():
    script = (
        "import sys\nfrom gru_bench.arguments import run_command\n"
        "def main() -> None:\n    for _ in range(100000): print('line')\n"
        "sys.exit(run_command(main, []))"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert errors == b""
