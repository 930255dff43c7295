"""The report of a folder of experiments: report.md, report.html and the pictures, from claims and rows alone."""

from __future__ import annotations

from pathlib import Path

from gru_bench.claims.analysis import analyse
from gru_bench.claims.claim import RESULTS_FILE, Claim
from gru_bench.claims.figures import draw_all
from gru_bench.claims.page import TITLE, markdown, overview, page
from gru_bench.claims.reading import read_claims
from gru_bench.claims.rows import current, read_rows
from gru_bench.claims.sections import Section, section
from gru_bench.errors import UserError
from gru_bench.replacing import begins_with, check_replaceable, is_page
from gru_bench.reporting.sheet import Sheet

MARKDOWN_NAME, PAGE_NAME = "report.md", "report.html"


def report_claims(folder: Path) -> tuple[Sheet, list[Path]]:
    """Write the report of all claims of a folder into it.

    Returns:
        Its first table, and the two files.

    Raises:
        UserError: a claim or its rows cannot be read, or a file cannot be written.
        ConfigError: a claim says something that is not allowed.
    """
    claims = sorted(read_claims(folder), key=lambda claim: not claim.comparisons)  # what serves others comes last
    files = [folder / MARKDOWN_NAME, folder / PAGE_NAME]
    for file, ours in zip(files, (begins_with(f"# {TITLE}"), is_page), strict=True):
        check_replaceable(file, "paths", ours, hint="Move it away, so that the report of the folder can be written.")
    try:
        sections = [_section(claim, folder / claim.name) for claim in claims]
        for file, text in zip(files, (markdown(sections, folder), page(sections)), strict=True):
            file.write_text(text, encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise UserError(f"{error.filename or folder}: cannot be written ({error.strerror or error}).") from error
    return overview(sections), files


def _section(claim: Claim, folder: Path) -> Section:
    rows = current(read_rows(folder / RESULTS_FILE))
    outcome = analyse(claim, rows)
    return section(outcome, rows, draw_all(outcome, folder))
