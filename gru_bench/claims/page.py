"""The report of the claims as one HTML file that needs nothing but itself, and as Markdown beside its pictures."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from pathlib import Path

from gru_bench.claims.figures import Drawn
from gru_bench.claims.finding import Answer
from gru_bench.claims.sections import RANK, EffectLine, Section, Table
from gru_bench.reporting.html import Picture, data_uri, render
from gru_bench.reporting.sheet import Sheet

TITLE = "GRU or LSTM? The claims and what our runs say"
LEGEND = (
    "Answers are by setting, from Student t tests on runs paired by seed, each rule fixed before the runs. Better: the "
    "difference is surely there; no difference that matters: what there is, is below the margin; open: these runs "
    "cannot say; not sensitive: the margin cannot tell the cell from a weaker one either; no sensitivity control: "
    "nobody has looked whether it can; withdrawn: the numbers stand, the verdict does not, and the caveat says why."
)
HEADINGS = ("claim", "verdict", "effect with 95 % interval", "evidence")
_HERE = Path(__file__).parent


def page(sections: Sequence[Section]) -> str:
    """Return the report as HTML.

    Args:
        sections: of all claims, in order; their pictures are read and held by the page itself.
    """
    return render(
        _HERE / "claims.html.jinja",
        (_HERE / "claims.css").read_text(encoding="utf-8"),
        title=TITLE,
        facts=facts(sections),
        legend=LEGEND,
        ranks={kind: index for index, kind in enumerate(RANK)},
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
    """Return the first table as short as a terminal needs it: of each claim the first effect."""
    rows = [
        (
            section.name,
            section.answer,
            "\n".join(f"{line.effect} ({line.place})" for line in section.effects[:1]),
        )
        for section in sections
    ]
    return Sheet("Claims", ("claim", "verdict", "first effect, 95 % interval"), rows, wide=frozenset({1, 2}))


def markdown(sections: Sequence[Section], folder: Path) -> str:
    """Return the report as Markdown.

    Args:
        sections: of all claims, in order.
        folder: where the report stands; links to pictures and rows start there.
    """
    first = [
        (
            f"[{_text(section.name)}](#{section.name}): {_text(section.title)}",
            "<br>".join(_text(text) for text in (f"**{section.answer}**", *section.caveats)),
            "<br>".join(_text(text) for text in [*map(_effect_line, section.effects), *_more(section)]),
            f"[section](#{section.name}), [rows]({section.rows_file})",
        )
        for section in sections
    ]
    warning = _warning(sections)
    parts = [f"# {TITLE}", facts(sections), *([f"**{warning}**"] if warning else [])]
    parts += [Sheet("At a glance", HEADINGS, first, wide=frozenset({1, 2, 3})).markdown().strip(), LEGEND]
    for section in sections:
        parts += _section(section, folder)
    return "\n\n".join(parts) + "\n"


def _section(section: Section, folder: Path) -> list[str]:
    parts = [f'<a id="{section.name}"></a>', f"## {_text(section.name)}: {_text(section.title)}"]
    parts.append(_text(f"**{section.answer}**"))
    parts += [f"**Caveat.** {_text(caveat)}" for caveat in section.caveats]
    if section.warning:
        parts.append(f"**{section.warning}**")
    parts += [f"**{label}.** {_text(text)}" for label, text in section.texts]
    parts += [f"**Rule: {_text(label)}.** {_text(text)}" for label, text in section.rules]
    parts += [
        f"![{_text(picture.alt)}]({picture.file.relative_to(folder).as_posix()})\n\n*{_text(picture.title)}*"
        for picture in section.pictures
    ]
    parts += [_markdown_table(table) for table in (*section.tables, section.arms)]
    parts.append(f"Run it again: `{section.command}`")
    if section.provenance:
        parts.append("\n".join(f"- {_text(line)}" for line in section.provenance))
    return parts


def _markdown_table(table: Table) -> str:
    heads = [table.first, *(f"{title} ({unit})" if unit else title for title, unit in table.columns)]
    rows = [[_text(name), *(_text(cell.text) for cell in cells)] for name, cells, _ in table.rows]
    words = {index for _, cells, _ in table.rows for index, cell in enumerate(cells, start=1) if "words" in cell.look}
    return Sheet(_text(table.caption), [_text(head) for head in heads], rows, wide=frozenset(words)).markdown().strip()


def _text(text: str) -> str:
    """Escape what Markdown or the HTML in it would read as more than text; our own ** stays."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?<!\*)\*(?!\*)|[`\\]|\](?=[(\[])", lambda found: "\\" + found[0], text)


def _effect_line(line: EffectLine) -> str:
    return f"{line.answer}: {line.effect} ({line.place}; {line.contrast})"


def _more(section: Section) -> list[str]:
    return [f"and {section.more} more"] if section.more else []


def _warning(sections: Sequence[Section]) -> str:
    named = [section.name for section in sections if section.warning]
    return f"{', '.join(named)}: {next(section.warning for section in sections if section.warning)}" if named else ""


def _held(picture: Drawn) -> Picture:
    content = picture.file.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    return Picture(data_uri(content, "image/png"), picture.title, picture.alt, wide=width > 2 * height or width > 1000)
