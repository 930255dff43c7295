import io
import re
import time

import pytest
from rich.console import Console

from gru_bench.tracking.progress import Progress, _clock


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def plain(**options) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=40, **options), file


def screen(file: io.StringIO) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())


@pytest.mark.parametrize("options", [{}, {"force_terminal": True}], ids=["pipe", "pipe that looks like a terminal"])
def test_without_a_terminal_each_evaluation_and_note_is_one_plain_line(options):
    console, file = plain(**options)
    with Progress(2000, "tokens", console) as progress:
        progress.note("sample: [bold]as it is[/bold] " + "x" * 100)
        for update in range(100, 1100, 100):
            progress.advance(update, 1.23456, 12345.6)
        progress.evaluated(1024, {"nll": 1.23456, "perplexity": 3.4})
    note, evaluation, rest = file.getvalue().split("\n")
    assert note == "sample: [bold]as it is[/bold] " + "x" * 100
    assert evaluation == " 51%  update 1024/2000  loss 1.2346  12,346 tokens/s  ETA 0:00:00  nll 1.235  perplexity 3.4"
    assert rest == ""


def test_on_a_terminal_a_bar_shows_loss_speed_and_time_left():
    file = Terminal()
    console = Console(file=file, force_terminal=True, width=120)
    with Progress(10, "sequences", console) as progress:
        progress.advance(4, 0.5, 250.0)
        progress.evaluated(4, {"accuracy": 0.75})
        progress.advance(5, 0.25, 250.0)
    shown = screen(file)
    assert "50% update 5/10  loss 0.2500  250 sequences/s  ETA 0:00:00" in shown
    assert shown.index("accuracy 0.75") < shown.index("update 5/10")


def test_a_budget_in_seconds_shows_its_share():
    console, file = plain()
    with Progress(None, "tokens", console, total_seconds=100.0) as progress:
        progress.advance(7, 0.5, 10.0, seconds=25.0)
        progress.evaluated(7, {})
    assert file.getvalue().startswith(" 25%  update 7  loss 0.5000  10 tokens/s  ETA 0:01:15")


def test_a_budget_in_seconds_falls_back_to_the_time_since_the_start():
    console, file = plain()
    with Progress(None, "tokens", console, total_seconds=0.2) as progress:
        time.sleep(0.1)
        progress.advance(7, 0.5, 10.0)
        progress.evaluated(7, {})
    share = int(file.getvalue().split("%")[0])
    assert share >= 50


def test_an_unknown_total_shows_no_share_and_no_time_left():
    console, file = plain()
    with Progress(None, "tokens", console) as progress:
        progress.advance(7, float("nan"), 10.0)
        progress.evaluated(7, {})
    assert file.getvalue().startswith("update 7  \n")


def test_a_resumed_run_estimates_from_its_own_updates(monkeypatch):
    now = iter([0.0, 0.0, 10.0, 10.0])
    monkeypatch.setattr("gru_bench.tracking.progress.time.monotonic", lambda: next(now))
    console, file = plain()
    progress = Progress(1000, "tokens", console, first_update=900)
    with progress:
        progress.advance(910, 0.5, 10.0)
        progress.evaluated(910, {})
    assert "ETA 0:01:30" in file.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0:00:00"), (59.6, "0:01:00"), (3600 * 30 + 61.0, "30:01:01")])
def test_clock(seconds, text):
    assert _clock(seconds) == text
