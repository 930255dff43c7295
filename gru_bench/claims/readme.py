"""The first table of a report in the README beside its folder, between two marks."""

from __future__ import annotations

from pathlib import Path

START, END = "<!-- needs: written by python -m gru_bench.report -->", "<!-- /needs -->"


def update_readme(folder: Path, text: str) -> None:
    """Replace what stands between the marks in the README.md beside a folder of experiments, where there are any."""
    file = folder.resolve().parent / "README.md"
    if not file.is_file():
        return
    before, start, rest = file.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if start and end:
        file.write_text(f"{before}{start}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8", newline="")
