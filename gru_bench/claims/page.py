"""The report of the claims as one HTML file that needs nothing but itself, and as Markdown beside its pictures."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from html import escape
from pathlib import Path

from gru_bench.claims.figures import Drawn
from gru_bench.claims.finding import Answer
from gru_bench.claims.needs_table import HEADINGS, FirstTable
from gru_bench.claims.sections import CHANGED, Section, Table
from gru_bench.reporting.html import Picture, data_uri, render
from gru_bench.reporting.sheet import Sheet

TITLE = "GRU or LSTM? The claims and what our runs say"
TERMS = (
    ("arm", "One of the networks that are compared, with its settings."),
    ("pair", "A run of each arm with the same seed, and so with the same data, order of data and start."),
    (
        "95 % interval",
        "Where the true difference is likely to lie, from the spread over pairs; 5 of 100 such intervals miss it.",
    ),
    ("margin", "The difference that does not matter, fixed by the claim."),
    ("better", "The difference is surely there: so large a one would come by chance in less than 5 of 100 claims."),
    (
        "Student t test, Holm's correction",
        "How a difference is distinguished from chance, also where many cases are tested at once: docs/statistics.md.",
    ),
    ("no difference that matters", "Whatever difference there is, is surely below the margin."),
    ("open", "These runs cannot say."),
    ("not sensitive", "The setting cannot tell a full network from a weaker one, so it says nothing of two cells."),
    ("no sensitivity control", "Nobody has looked whether it can."),
    ("withdrawn", "The numbers stand, the answer does not; the caveat says why."),
    (
        "still improving",
        "More than a fifth of the runs were at their best at their end: longer training could change it.",
    ),
)
MARKDOWN_NAME, PAGE_NAME = "report.md", "report.html"
_HERE = Path(__file__).parent


def page(first: FirstTable | None, sections: Sequence[Section]) -> str:
    """Return the report as HTML.

    Args:
        first: what people need, where the folder says it.
        sections: of all claims, in order; their pictures are read and held by the page itself.
    """
    return render(
        _HERE / "claims.html.jinja",
        (_HERE / "claims.css").read_text(encoding="utf-8"),
        title=TITLE,
        facts="",
        answered=facts(sections),
        first=first,
        headings=HEADINGS,
        forest=_held(first.picture) if first is not None and first.picture is not None else None,
        terms=TERMS,
        changed=CHANGED,
        warning=_warning(sections),
        sections=sections,
        pictures={section.name: [_held(picture) for picture in section.pictures] for section in sections},
    )


def facts(sections: Sequence[Section]) -> str:
    """Return how far the claims are, in a sentence."""
    claims = [section for section in sections if section.kind != "serves"]
    silent = (Answer.NO_DATA, Answer.WITHDRAWN, "smoke")
    answered = sum(section.kind not in silent for section in claims)
    withdrawn = sum(section.kind == Answer.WITHDRAWN for section in claims)
    verdicts = f"{answered} of {len(claims)} claims {'has' if answered == 1 else 'have'} an answer"
    return f"{verdicts}; all verdicts of {withdrawn} are withdrawn." if withdrawn else f"{verdicts}."


def overview(sections: Sequence[Section]) -> Sheet:
    """Return what each claim says as short as a terminal needs it."""
    rows = [(section.name, section.answer) for section in sections]
    return Sheet("Claims", ("claim", "answer"), rows, wide=frozenset({1}))


def markdown(first: FirstTable | None, sections: Sequence[Section], folder: Path) -> str:
    """Return the report as Markdown.

    Args:
        first: what people need, where the folder says it.
        sections: of all claims, in order.
        folder: where the report stands; links to pictures and rows start there.
    """
    warning = _warning(sections)
    parts = [f"# {TITLE}", *([first_markdown(first)] if first is not None else []), "## The claims", facts(sections)]
    parts += [f"**{warning}**"] if warning else []
    for section in sections:
        parts += _section(section, folder)
    parts += ["## Words", "\n".join(f"- **{word}**: {_text(text)}" for word, text in TERMS)]
    return "\n\n".join(parts) + "\n"


def first_markdown(first: FirstTable, prefix: str = "") -> str:
    """Return sentence, table and picture as Markdown.

    Args:
        first: what people need.
        prefix: of addresses, where the text stands elsewhere than in the folder of experiments.
    """
    rows = [
        (
            f"[{_text(row.title)}]({prefix}{MARKDOWN_NAME}#{row.claim})"
            + (f", {_text(row.setting)}" if row.setting else ""),
            f"**{_text(row.pick)}**",
            "<br>".join(map(_text, row.amounts)),
            _text(row.sure),
            _text(row.cost),
        )
        for row in first.rows
    ]
    parts = [Sheet(_text(first.sentence), HEADINGS, rows, wide=frozenset(range(1, len(HEADINGS)))).markdown().strip()]
    if first.picture is not None:
        file = "/".join(first.picture.file.parts[-2:])
        parts.append(f'<img src="{prefix}{file}" width="440" alt="{escape(first.picture.alt)}">')
        parts.append(_text(f"{first.picture.title}. {first.legend}"))
    return "\n\n".join(parts)


def _section(section: Section, folder: Path) -> list[str]:
    heading = f"<b>{escape(section.title)}</b>: {escape(section.answer)}"
    parts = [f'<details><summary><a id="{section.name}"></a>{heading}</summary>']
    parts += [f"**Caveat.** {_text(caveat)}" for caveat in section.caveats]
    if section.warning:
        parts.append(f"**{section.warning}**")
    if section.changes:
        parts.append("\n".join(f"- {_text(f'{CHANGED}: {change}')}" for change in section.changes))
    parts += [f"**{label}.** {_text(text)}" for label, text in section.texts]
    parts += [f"**Rule: {_text(label)}.** {_text(text)}" for label, text in section.rules]
    parts += [
        f"![{_text(picture.alt)}]({picture.file.relative_to(folder).as_posix()})\n\n*{_text(picture.title)}*"
        for picture in section.pictures
    ]
    parts += [_markdown_table(table) for table in (*section.tables, section.arms)]
    parts.append(f"Run it again: `{section.command}`; [rows]({section.rows_file})")
    if section.provenance:
        parts.append("\n".join(f"- {_text(line)}" for line in section.provenance))
    return [*parts, "</details>"]


def _markdown_table(table: Table) -> str:
    heads = [table.first, *(f"{title} ({unit})" if unit else title for title, unit in table.columns)]
    rows = [[_text(name), *(_text(cell.text) for cell in cells)] for name, cells, _ in table.rows]
    words = {index for _, cells, _ in table.rows for index, cell in enumerate(cells, start=1) if "words" in cell.look}
    return Sheet(_text(table.caption), [_text(head) for head in heads], rows, wide=frozenset(words)).markdown().strip()


def _text(text: str) -> str:
    """Escape what Markdown or the HTML in it would read as more than text; our own ** stays."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?<!\*)\*(?!\*)|[`\\]|\](?=[(\[])", lambda found: "\\" + found[0], text)


def _warning(sections: Sequence[Section]) -> str:
    named = [section.title for section in sections if section.warning]
    return f"{', '.join(named)}: {next(section.warning for section in sections if section.warning)}" if named else ""


def _held(picture: Drawn) -> Picture:
    content = picture.file.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    return Picture(data_uri(content, "image/png"), picture.title, picture.alt, wide=width > 2 * height or width > 1000)
