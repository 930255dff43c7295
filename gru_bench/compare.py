"""`python -m gru_bench.compare task=... data=...`: from your data to a decision between cells, by one command."""

from __future__ import annotations

import functools
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

from gru_bench.arguments import parse_arguments, run_command
from gru_bench.checks import check_own_files, check_settings
from gru_bench.comparison.request import NOT_HERE, Match, Request, Size, read_arms
from gru_bench.errors import ConfigError
from gru_bench.files import home_expanded, write_atomically
from gru_bench.jax_import import import_jax
from gru_bench.replacing import check_replaceable, is_page
from gru_bench.reporting.format import setting
from gru_bench.terminal import Terminal
from gru_bench.validation import Positive, PositiveFloat, Range

if TYPE_CHECKING:
    from gru_bench.comparison.comparison import Outcome
    from gru_bench.comparison.work import Session
    from gru_bench.results.answer import Answer

Seeds = Annotated[int, Range(low=3)]

PAGE_NAME, JSON_NAME = "compare.html", "compare.json"
EXAMPLES = (
    "python -m gru_bench.compare task=time_series data=series_csv data.path=sales.csv minutes=30",
    "python -m gru_bench.compare task=sentiment data=sst2 cells=gru,lstm,rnn trials=20 seeds=10",
    "python -m gru_bench.compare task=music match=parameters plan=true",
    "python -m gru_bench.compare task=memory 'cells=gru,lstm(hidden_size=32)' minutes=5",
)


@dataclass(frozen=True)
class Comparison:
    """An answered comparison.

    Attributes:
        answer: what it says, as plain values.
        text: the same as a paragraph.
        folder: where plan, page and runs are.
    """

    answer: Answer
    text: str
    folder: Path
    _page: str = field(repr=False)

    def _repr_html_(self) -> str:
        """Return the page for a notebook, in a frame of its own."""
        from markupsafe import escape

        return f'<iframe srcdoc="{escape(self._page)}" style="width:100%;height:80vh;border:0"></iframe>'

    def __str__(self) -> str:
        return self.text


def command(
    *,
    cells: str = "gru,lstm",
    minutes: PositiveFloat = 30.0,
    trials: Positive | None = None,
    seeds: Seeds | None = None,
    margin: PositiveFloat | None = None,
    match: Match = "hidden_size",
    size: Size = "fixed",
    plan: bool = False,
    launcher: str | None = None,
    out: Path | None = None,
    **settings: str,
) -> int:
    """Decide between cells on your data: plan, tune them equally, train paired seeds, answer.

    The plan is fixed first, from two timed probe runs, and printed. The same command again continues where it stopped;
    several calls at once share the work. Ends with a paragraph, a table, compare.html and compare.json.

    Args:
        cells: presets of model, joined by commas; settings of one cell alone in brackets: 'gru,lstm(hidden_size=32)'
        minutes: for everything; the plan is made to fit
        trials: of each cell; if not set, as many as there is time for, at most 20
        seeds: paired seeds at most; if not set, as many as there is time for
        margin: the difference in the test metric that does not matter; if not set, 2 % of the way from the best free
            baseline to a perfect score
        match: what is equal for all cells; parameters (recurrent ones) and compute are those of the first cell
        size: free: the hidden size is searched as well: half, the same, double
        plan: only print the plan
        launcher: a preset of hydra/launcher that trains the runs, such as joblib
        out: folder of the comparison; if not set, one in runs/compare, named by its settings
        **settings: every other key is a setting of `python -m gru_bench.train`, the same for all runs

    Returns:
        The exit code: 0; 130 or 143 after SIGINT or SIGTERM.

    Raises:
        UserError: no plan fits the time, the folder is of another comparison, or a setting, data or disk is at fault.
    """
    terminal = Terminal(soft_wrap=True, highlight=False, go_on=True)
    request = _request(
        settings, cells, minutes=minutes, trials=trials, seeds=seeds, margin=margin, match=match, size=size
    )
    try:
        found = _compare(request, plan, launcher, out, terminal)
    except KeyboardInterrupt as stop:
        terminal.print("\nStopped. The same command continues from here.")
        return getattr(stop, "exit_code", 130)
    if found is not None:
        _show(found, terminal)
    return 0


def compare(*, cells: str | Sequence[str] = "gru,lstm", minutes: float | int = 30, **arguments: Any) -> Comparison:
    """Compare cells as `python -m gru_bench.compare` does, and return the answer; a notebook shows its page.

    Settings of `train` are keywords, dotted ones in a dictionary: `compare(task="time_series", data="series_csv",
    minutes=5, **{"data.path": "sales.csv"})`. A script calls it below `if __name__ == "__main__":`, as it starts
    processes.

    Args:
        cells: presets of model; settings of one cell alone in brackets.
        minutes: for everything.
        **arguments: the other arguments of the command, and settings of `train`.

    Raises: see `command`.
    """
    names = cells if isinstance(cells, str) else ",".join(cells)
    texts = {"cells": names, "minutes": minutes, **arguments}
    _, named = parse_arguments(
        command, [f"{key}={setting(value)}" for key, value in texts.items() if value is not None]
    )
    launcher, out = named.pop("launcher", None), named.pop("out", None)
    limits = {name: named.pop(name, None) for name in ("trials", "seeds", "margin")}
    how = {name: named.pop(name) for name in ("match", "size") if name in named}
    if named.pop("plan", False):
        raise ConfigError("plan", True, "a plan alone from the command line: python -m gru_bench.compare plan=true")
    request = _request(named, named.pop("cells"), minutes=named.pop("minutes"), **limits, **how)
    found = _compare(request, False, launcher, out, Terminal(soft_wrap=True, highlight=False, go_on=True))
    assert found is not None
    return found


def _show(found: Comparison, terminal: Terminal) -> None:
    from gru_bench.reporting.answer_text import table

    answer = found.answer
    terminal.print(f"\n{found.text}\n")
    terminal.print(table(answer).terminal())
    if answer.pick:
        terminal.print(f"Train it:\n\n  {answer.cells[answer.pick].command}\n")
    terminal.print(f"HTML: {found.folder / PAGE_NAME}\nJSON: {found.folder / JSON_NAME}")


def _request(
    settings: Mapping[str, str],
    cells: str,
    *,
    minutes: float,
    trials: int | None,
    seeds: int | None,
    margin: float | None,
    match: Match = "hidden_size",
    size: Size = "fixed",
) -> Request:
    """Check what can be checked without JAX."""
    for name in sorted(NOT_HERE.keys() & settings):
        raise ConfigError(name, settings[name], "nothing in a comparison", NOT_HERE[name])
    request = Request(
        arms=read_arms(cells),
        minutes=minutes,
        trials=trials,
        seeds=seeds,
        margin=margin,
        match=match,
        size=size,
        settings=dict(settings),
    )
    for arm in request.arms:
        check_settings(request.config(arm))
    base = request.base
    check_own_files(base)
    if size == "free" and (match == "parameters" or base.model.hidden_size is None):
        raise ConfigError("size", size, "fixed where the parameters decide the hidden size")
    return request


def _compare(
    request: Request, only_plan: bool, launcher: str | None, out: Path | None, terminal: Terminal
) -> Comparison | None:
    began = time.monotonic()
    if launcher is not None:
        from gru_bench.launchers import check_launcher

        check_launcher(launcher, "launcher")
    folder = (_default_folder(request) if out is None else out).absolute()
    for name in (PAGE_NAME, JSON_NAME):
        ours = is_page if name == PAGE_NAME else _is_answer
        check_replaceable(folder / name, "out", ours, hint="Choose another out=...")
    import_jax()
    from gru_bench.comparison.comparison import carried_out, planned
    from gru_bench.comparison.plan_text import plan_lines
    from gru_bench.comparison.work import Trainers
    from gru_bench.machine_load import usable_cores

    cores = usable_cores()
    with _processes(cores) as processes:
        left = functools.partial(_seconds_left, began, request.minutes)
        plan = planned(request, folder, processes, cores, left, terminal.print)
        terminal.print("\n".join(plan_lines(request, plan)))
        if only_plan:
            return None
        say = _Progress(terminal, began)
        trainers = Trainers(folder, processes, plan.workers, launcher, say)
        outcome = carried_out(request, plan, folder, trainers)
    return _answered(request, outcome, folder)


def _seconds_left(began: float, minutes: float) -> float:
    return 60 * minutes - (time.monotonic() - began)


@contextmanager
def _processes(cores: int) -> Iterator[Any]:
    from gru_bench.reproduction.training import training_processes

    with training_processes(cores) as processes:
        yield processes


@dataclass
class _Progress:
    """Says what has been trained."""

    terminal: Terminal
    began: float

    def __call__(self, session: Session) -> None:
        first = session.jobs[0]
        what = "trials" if session.pruner is not None else "runs"
        minutes = (time.monotonic() - self.began) / 60
        self.terminal.print(f"{minutes:5.1f} min  {first.arm.title}: {len(session.jobs)} {what} trained")


def _answered(request: Request, outcome: Outcome, folder: Path) -> Comparison:
    """Write the answer down."""
    from gru_bench.comparison.answer import answer_of
    from gru_bench.comparison.plan_text import plan_lines
    from gru_bench.reporting.answer_page import answer_page
    from gru_bench.reporting.answer_text import paragraph
    from gru_bench.results.collect import Run

    answer = answer_of(outcome)
    runs = {
        name: [
            Run(job.config.directory, record, job.arm.title)
            for job in jobs
            if (record := job.record) is not None and record.status == "finished"
        ]
        for name, jobs in outcome.pairs.items()
    }
    page = answer_page(answer, plan_lines(request, outcome.runs.plan), runs)
    text = paragraph(answer)
    content = json.dumps({"kind": "gru_bench comparison", "text": text, **answer.to_dict()}, indent=2)
    write_atomically(folder / JSON_NAME, f"{content}\n".encode())
    write_atomically(folder / PAGE_NAME, page.encode())
    _track(request, answer, text, folder)
    return Comparison(answer, text, folder, page)


def _track(request: Request, answer: Answer, text: str, folder: Path) -> None:
    """Hand the summary to the tracker."""
    from gru_bench.tracking.factory import make_tracker

    base = request.base
    tracker = make_tracker(
        base.tracker,
        run_config=request.facts(),
        run_dir=folder,
        group=f"{answer.task}/{answer.data}",
        tags=["compare", *answer.cells],
        name=f"compare-{_digest(request)}",
    )
    tracker.text("answer", [[text]], ["answer"], 0)
    means = {name: None if cell.estimate is None else cell.estimate.mean for name, cell in answer.cells.items()}
    tracker.finish(
        {
            "kind": answer.kind,
            "pick": answer.pick,
            "margin": answer.margin,
            f"test/{answer.metric}": means,
            "baselines": answer.baselines,
        },
        failed=False,
    )


def _default_folder(request: Request) -> Path:
    base = request.base
    runs = home_expanded(base.paths.runs, "paths.runs")
    return runs / "compare" / base.task.name / f"{base.data.source}-{_digest(request)}"


def _digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(request.facts(), sort_keys=True).encode()).hexdigest()[:8]


def _is_answer(path: Path) -> bool:
    return json.loads(path.read_text(encoding="utf-8")).get("kind") is not None


class _CallableModule(ModuleType):
    """Lets `gru_bench.compare(...)` be the function, though the command has its name."""

    def __call__(self, **arguments: Any) -> Comparison:
        return compare(**arguments)


sys.modules[__name__].__class__ = _CallableModule

if __name__ == "__main__":
    sys.exit(run_command(command, examples=EXAMPLES, go_on=True))
