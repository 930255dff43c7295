"""`python -m gru_bench.report`: the cells over finished runs, or verdicts on claims: tables and pages. Needs no JAX."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.console import Group as Lines
from rich.text import Text

from gru_bench.arguments import run_command
from gru_bench.claims.reading import claims_in
from gru_bench.errors import ConfigError, UserError
from gru_bench.record import FILE_NAME
from gru_bench.replacing import Recogniser, begins_with, check_replaceable, is_page
from gru_bench.reporting.csv_file import arm_rows, csv_text, run_rows, write_text
from gru_bench.reporting.table import collection_notes, comparison_report
from gru_bench.results.collect import Collection, collect
from gru_bench.results.comparison import Group, compare
from gru_bench.terminal import Terminal, print_whole

STANDARD_OUTPUT = Path("-")
CSV_NAME, PAGE_NAME = "report.csv", "report.html"
RECOGNISERS: Mapping[str, Recogniser] = {
    "csv": begins_with("task,data,metric,direction,group,"),
    "runs_csv": begins_with("task,data,metric,direction,group,"),
    "html": is_page,
}
PRINTED_GROUPS = 200
HOW_TO_TRAIN = (
    "Train first, for example: python -m gru_bench.train -m task=language_modeling model=gru,lstm,rnn seed=0,1,2"
)
EXAMPLES = (
    "python -m gru_bench.report",
    "python -m gru_bench.report runs/language_modeling/reber",
    "python -m gru_bench.report runs/*/ptb csv=ptb.csv runs_csv=ptb_runs.csv html=ptb.html",
    "python -m gru_bench.report csv=- > report.csv",
    "python -m gru_bench.report experiments/",
)


def report(
    *paths: Path,
    csv: Literal["auto", "none"] | Path = "auto",
    html: Literal["auto", "none"] | Path = "auto",
    runs_csv: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Compare GRU, LSTM and the other cells over finished runs.

    Prints mean and 95 % interval over seeds, the difference to lstm paired by seed, parameters, speed, memory and
    their ratio to lstm, beside the baselines. Runs are averaged and compared only if all their settings but seed and
    cell are equal; each such group has its own tables. The HTML page adds learning curves, samples and pictures, and
    needs no network.

    For a folder of claims, such as experiments, it writes report.md and report.html into that folder instead: which
    cell for which need, and an answer to each claim, from needs.yaml, claim.yaml and results.csv.

    Args:
        *paths: run directories, or folders that contain some at any depth; or one folder of claims; default: runs
        csv: a CSV file with one row per arm; auto: report.csv in PATHS (for several paths: the folder that contains
            them all), never inside a run directory; none: no file; -: standard output, instead of the tables
        html: the page; auto: report.html beside report.csv; none: no file; -: standard output, instead of the tables
        runs_csv: a CSV file with one row per run, unfinished ones included; -: standard output, instead of the tables
        overwrite: replace these files even if they are not earlier reports; never a file of a run

    Returns:
        The exit code 0.

    Raises:
        ConfigError: two of them would go to standard output, or a folder of claims stands beside other arguments.
        UserError: there is no claim and no run that could be read, or a file that was asked for cannot be written.
    """
    check = partial(check_replaceable, overwrite=overwrite)
    asked = {"csv": csv, "html": html, "runs_csv": runs_csv}
    printed = [name for name, target in asked.items() if target == STANDARD_OUTPUT]
    if len(printed) > 1:
        raise ConfigError(printed[1], "-", f"a file while {printed[0]}=- writes to standard output")
    console = Terminal(highlight=False)
    given = list(paths) or [_default_folder()]
    if folders := [path for path in given if claims_in(path)]:
        if given != folders[:1] or (csv, html, runs_csv) != ("auto", "auto", None):
            allowed = f"{folders[0]} alone: a folder of claims is reported by itself, into report.md and report.html"
            raise ConfigError("paths", " ".join(map(str, given)), allowed)
        return _report_claims(console, folders[0])
    for name, target in asked.items():
        if isinstance(target, Path) and target != STANDARD_OUTPUT:
            check(target, name, RECOGNISERS[name])
    collection = collect(given)
    for _, message in collection.unreadable:
        print(f"Skipped: {message}", file=sys.stderr)
    if not collection.finished and not collection.unfinished:
        found = "no record is readable" if collection.unreadable else "no runs and no claims"
        raise UserError(f"{', '.join(map(str, given))}: {found}. {HOW_TO_TRAIN}")
    groups = compare(collection.finished)
    if not printed:
        if groups:
            print_whole(console, comparison_report(groups[:PRINTED_GROUPS]))
        if len(groups) > PRINTED_GROUPS:
            console.print(
                f"\n{len(groups) - PRINTED_GROUPS} more groups are in the CSV and the page only.", soft_wrap=True
            )
        _print_left_out(console, collection)
    contents: dict[str, Callable[[], str]] = {
        "runs_csv": lambda: csv_text(run_rows([*collection.finished, *collection.unfinished])),
        "csv": lambda: csv_text(arm_rows(groups)),
        "html": lambda: _page(collection, groups),
    }
    for name, text in contents.items():
        target = asked[name]
        if target == STANDARD_OUTPUT:
            sys.stdout.write(text())
        elif isinstance(target, Path):
            write_text(text(), target, name)
    if groups and not printed:
        folder = default_folder(given)
        console.print()
        for name, file in (("csv", CSV_NAME), ("html", PAGE_NAME)):
            if asked[name] == "auto":
                _write_default(console, contents[name](), folder / file, name, check)
    return 0


def default_folder(paths: list[Path]) -> Path:
    """Return the folder that holds all `paths`, outside any run directory."""
    folder = Path(os.path.commonpath([path.resolve() for path in paths]))
    while folder != folder.parent and any((parent / FILE_NAME).exists() for parent in (folder, *folder.parents)):
        folder = folder.parent
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _report_claims(console: Console, folder: Path) -> int:
    from gru_bench.claims.report import report_claims  # matplotlib takes its time to load

    overview, files = report_claims(folder)
    print_whole(console, Lines(overview.terminal()))
    for file in files:
        console.print(Text(f"{file.suffix[1:].upper()}: {file}"), soft_wrap=True)
    return 0


def _page(collection: Collection, groups: list[Group]) -> str:
    from gru_bench.reporting.page import page  # matplotlib takes its time to load, and --help needs none

    return page(collection, groups)


def _default_folder() -> Path:
    folder = Path("runs")
    if not folder.is_dir():
        raise UserError(f"No folder {folder} here. Name the folder that holds your runs. {HOW_TO_TRAIN}")
    return folder


def _print_left_out(console: Console, collection: Collection) -> None:
    lines = collection_notes(collection)
    if not collection.finished:
        lines.append("No finished run yet, so there is nothing to compare.")
    for index, line in enumerate(lines):
        console.print(Text(line if index or not collection.finished else f"\n{line}"), soft_wrap=True)


def _write_default(console: Console, text: str, path: Path, name: str, check: Callable[..., None]) -> None:
    try:
        check(path, name, RECOGNISERS[name])
        write_text(text, path, name)
    except UserError as error:
        print(error, file=sys.stderr)  # nobody asked for this file, so the report itself succeeded
    else:
        console.print(Text(f"{name.upper()}: {path}"), soft_wrap=True)


if __name__ == "__main__":
    sys.exit(run_command(report, examples=EXAMPLES))
