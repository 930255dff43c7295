"""The report of a folder of experiments: report.md, report.html and the pictures, from claims and rows alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from gru_bench.checkout import changes_after
from gru_bench.claims.analysis import Outcome, analyse
from gru_bench.claims.claim import CLAIM_FILE, RESULTS_FILE
from gru_bench.claims.figures import draw_all, draw_needs
from gru_bench.claims.needs import answer_needs
from gru_bench.claims.needs_table import first_table, need_sheet
from gru_bench.claims.page import MARKDOWN_NAME, PAGE_NAME, TITLE, first_markdown, markdown, overview, page
from gru_bench.claims.reading import read_claims, read_needs, rules
from gru_bench.claims.readme import update_readme
from gru_bench.claims.rows import Row, current, read_rows
from gru_bench.claims.sections import Section, section
from gru_bench.errors import UserError
from gru_bench.replacing import begins_with, check_replaceable, is_page
from gru_bench.reporting.sheet import Sheet


def report_claims(folder: Path) -> tuple[Sheet, list[Path]]:
    """Write the report of all claims of a folder into it, and its first table into a README.md that has a place for it.

    Returns:
        Its first table, and the two files.

    Raises:
        UserError: a claim or its rows cannot be read, or a file cannot be written.
        ConfigError: a claim or a need says something that is not allowed.
    """
    claims = sorted(read_claims(folder), key=lambda claim: not claim.comparisons)  # what serves others comes last
    needs = read_needs(folder, claims)
    files = [folder / MARKDOWN_NAME, folder / PAGE_NAME]
    for file, ours in zip(files, (begins_with(f"# {TITLE}"), is_page), strict=True):
        check_replaceable(file, "paths", ours, hint="Move it away, so that the report of the folder can be written.")
    try:
        rows = {claim.name: current(read_rows(folder / claim.name / RESULTS_FILE)) for claim in claims}
        outcomes = [analyse(claim, rows[claim.name]) for claim in claims]
        answers = answer_needs(needs, outcomes)
        first = first_table(answers, draw_needs(answers, folder)) if answers else None
        sections = [_section(outcome, rows[outcome.claim.name], folder) for outcome in outcomes]
        for file, text in zip(files, (markdown(first, sections, folder), page(first, sections)), strict=True):
            file.write_text(text, encoding="utf-8", errors="replace", newline="")
        if first is not None:
            update_readme(folder, first_markdown(first, f"{folder.resolve().name}/"))
    except OSError as error:
        raise UserError(f"{error.filename or folder}: cannot be written ({error.strerror or error}).") from error
    return (need_sheet(first) if first is not None else overview(sections)), files


def _section(outcome: Outcome, rows: Iterable[Row], folder: Path) -> Section:
    own, rows = folder / outcome.claim.name, list(rows)
    return section(outcome, rows, draw_all(outcome, own), _changes(own / CLAIM_FILE, rows))


def _changes(file: Path, rows: Iterable[Row]) -> list[str]:
    """Return the commits that changed the rules of a claim after the first of the rows that get a verdict."""
    ended = [datetime.fromisoformat(row.ended) for row in rows if row.key.scale == "small"]
    times = [time if time.tzinfo else time.replace(tzinfo=UTC) for time in ended]
    return changes_after(file, min(times), rules) if times else []
