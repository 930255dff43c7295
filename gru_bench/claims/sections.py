"""What a report says of each claim: texts, rules, tables and pictures, the same for a page and for Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from gru_bench.claims.analysis import Outcome
from gru_bench.claims.claim import RESULTS_FILE, SCALES, Claim, Part
from gru_bench.claims.comparison import Comparison
from gru_bench.claims.figures import Drawn
from gru_bench.claims.finding import Answer, Finding
from gru_bench.claims.headline import headline
from gru_bench.claims.rows import Row, level_number
from gru_bench.claims.wording import SMOKE, effect_text, improving_sides, listed, rule
from gru_bench.reporting.format import count, duration, number
from gru_bench.reporting.html import Cell

RANK = (*(answer.value for answer in Answer), "split", "smoke", "serves")
"""Kinds of answers, in the order in which tables sort them."""


CHANGED = "Rule changed after the first row"


@dataclass(frozen=True)
class Table:
    """A table of a section.

    Attributes:
        caption: what it shows.
        first: heading of its first column.
        columns: headings and units of the others.
        rows: name, cells and look of each.
    """

    caption: str
    first: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, Sequence[Cell], str]]

    @property
    def bodies(self) -> list[Sequence[tuple[str, Sequence[Cell], str]]]:
        """The rows as the tables of all pages have them: in bodies that are sorted by themselves."""
        return [self.rows]


@dataclass(frozen=True, kw_only=True)
class Section:
    """What a report says of one claim.

    Attributes:
        name: of its folder.
        title: a few words.
        kind: of its answer, one of `RANK`.
        answer: the sentence made from its numbers.
        caveats: what qualifies or withdraws it.
        texts: label and text.
        rules: names and words of the comparisons' rules.
        arms: conditions and their settings.
        pictures: drawn from its rows.
        tables: of findings, over settings, of published values.
        provenance: where the rows are from.
        warning: what must be known before anything is believed.
        changes: of the rule, after its first row; date and reason.
    """

    name: str
    title: str
    kind: str
    answer: str
    caveats: Sequence[str]
    texts: Sequence[tuple[str, str]]
    rules: Sequence[tuple[str, str]]
    arms: Table
    pictures: Sequence[Drawn]
    tables: Sequence[Table]
    provenance: Sequence[str]
    warning: str = ""
    changes: Sequence[str] = ()

    @property
    def command(self) -> str:
        """How its rows are made again."""
        return f"python -m gru_bench.reproduce claim={self.name}"

    @property
    def rows_file(self) -> str:
        """Where its rows are, from the folder of the report."""
        return f"{self.name}/{RESULTS_FILE}"


def section(outcome: Outcome, rows: Sequence[Row], pictures: Sequence[Drawn], changes: Sequence[str] = ()) -> Section:
    """Return what a report says of a claim.

    Args:
        outcome: the claim and what its rows say.
        rows: all rows of its results.csv.
        pictures: drawn from them.
        changes: of its rule, after the first row.
    """
    claim = outcome.claim
    texts = {
        "Statement": claim.statement,
        "Source": claim.source,
        "What is estimated": claim.estimand,
        "How": claim.protocol,
        "What would change our mind": claim.change_our_mind,
    }
    of = {comparison.name: _of(outcome, comparison) for comparison in claim.comparisons}
    tables = [_findings_table(claim, found, outcome.scale) for found in of.values() if _known(found)]
    return Section(
        name=claim.name,
        title=f"{claim.title[:1].upper()}{claim.title[1:]}",
        kind=_kind(outcome),
        answer=headline(outcome),
        caveats=[caveat.text.strip() for caveat in claim.caveats],
        texts=[(label, text.strip()) for label, text in texts.items() if text.strip()],
        rules=_rules(claim, of),
        arms=_arms_table(claim),
        pictures=pictures,
        tables=[*tables, *_beside_table(outcome)],
        provenance=_provenance(rows),
        warning=SMOKE if outcome.scale == "smoke" else "",
        changes=changes,
    )


def _rules(claim: Claim, findings: Mapping[str, Sequence[Finding]]) -> list[tuple[str, str]]:
    """Return the rules in words, each once, with the comparisons that it decides."""
    names: dict[str, list[str]] = {}
    for comparison in claim.comparisons:
        name = comparison.name + ("" if comparison.verdict else " (does not decide)")
        names.setdefault(rule(claim, comparison, findings[comparison.name]), []).append(name)
    return [(listed(decided), text) for text, decided in names.items()]


def _of(outcome: Outcome, comparison: Comparison) -> list[Finding]:
    return [finding for finding in outcome.findings if finding.comparison is comparison]


def _known(findings: Iterable[Finding]) -> bool:
    return any(finding.effect is not None or finding.missing for finding in findings)


def _kind(outcome: Outcome) -> str:
    if not outcome.claim.comparisons:
        return "serves"
    answers = set(outcome.answers) - {Answer.NO_DATA}
    if not answers:
        return Answer.NO_DATA
    if outcome.scale == "smoke":
        return "smoke"
    return answers.pop() if len(answers) == 1 else "split"


def _arms_table(claim: Claim) -> Table:
    rows = []
    for name, arm in claim.arms.items():
        extra = {
            "settings of the best trial of": arm.tuned,
            "trials drawn from": arm.space,
            "half the units of": arm.half_of,
            "as many recurrent parameters as": arm.parameters_of,
            "as many operations as": arm.compute_of,
        }
        said = "; ".join(f"{label} {value}" for label, value in extra.items() if value)
        rows.append((name, [Cell(" ".join(arm.run), look="long words"), Cell(said, look="long words")], ""))
    return Table("Arms: settings of train, beside those that all share", "arm", [("settings", ""), ("and", "")], rows)


def _findings_table(claim: Claim, findings: Sequence[Finding], scale: str | None) -> Table:
    comparison = findings[0].comparison
    part = claim.parts[comparison.part]
    first, second = findings[0].sides
    columns = [
        (part.levels.title if part.levels else "level", ""),
        (first, "mean"),
        (second, "mean"),
        ("recurrent parameters", ""),
        (f"{first} better by", "95 % interval"),
        (f"{first} better", "in pairs"),
        ("answer", ""),
        ("still improving", ""),
        ("diverged", "runs"),
    ]
    rows = [_finding_cells(found, _wanted(part, scale)) for found in findings]
    shown = [index for index in range(len(columns)) if any(cells[index].text for cells in rows)]
    beside = "" if comparison.verdict else "; does not decide"
    return Table(
        f"{comparison.name}: {_number_in_words(comparison)}{beside}",
        "setting",
        [columns[index] for index in shown],
        [(found.title, [cells[index] for index in shown], "") for found, cells in zip(findings, rows, strict=True)],
    )


def _number_in_words(comparison: Comparison) -> str:
    estimate = "" if comparison.estimate == "value" else f", {comparison.estimate.replace('_', ' ')}"
    return f"{comparison.number.replace('_', ' ')}{estimate}"


def _finding_cells(found: Finding, wanted: int) -> list[Cell]:
    """Return the cells of all columns; columns without any text are left out."""
    return [
        Cell(found.level, level_number(found.level)),
        Cell(_mean(found.first), found.first),
        Cell(_mean(found.second), found.second),
        Cell(" and ".join(map(count, found.parameters)), found.parameters[0] if found.parameters else None),
        Cell(effect_text(found), found.effect.value if found.effect else None),
        Cell(_won(found, wanted), found.probability.value if found.probability else None),
        Cell(found.answer, RANK.index(found.kind), f"words is {found.kind}"),
        Cell(improving_sides([found]), len(found.improving), "words warn" if found.improving else "words"),
        Cell(str(found.missing or ""), found.missing, "warn" if found.missing else ""),
    ]


def _mean(value: float | None) -> str:
    return number(value).replace("-", "−")


def _won(found: Finding, wanted: int) -> str:
    """Write in how many pairs the first arm is better (a tie is a half), and how many are planned if some lack."""
    if found.exact:
        return "counted"
    if found.probability is None:
        return ""
    missing = f", {wanted} planned" if found.pairs < wanted else ""
    return f"{found.probability.value * found.pairs:g} of {found.pairs}{missing}"


def _wanted(part: Part, scale: str | None) -> int:
    return getattr(part.seeds, scale) if scale else 0


def _beside_table(outcome: Outcome) -> list[Table]:
    rows = []
    for beside in outcome.beside:
        value, ours = beside.published, beside.ours
        mean = fmean(ours) if ours else None
        span = f" ({number(min(ours))} to {number(max(ours))}, {len(ours)} seeds)" if len(ours) > 1 else ""
        said = f"{number(mean)}{span}" if ours else "not run"
        cells = [
            Cell(outcome.claim.title_of(value.arm), look="words"),
            Cell(f"{value.number.replace('_', ' ')}{f', {beside.unit}' if beside.unit else ''}", look="words"),
            Cell(number(value.value), value.value),
            Cell(said, mean),
            Cell(f"{value.source}{f': {value.text}' if value.text else ''}", look="long words"),
        ]
        rows.append((beside.title, cells, ""))
    columns = [("arm", ""), ("number", ""), ("published", ""), ("ours", ""), ("source", "")]
    caption = "Published values beside ours at published sizes and recipes; without a verdict"
    return [Table(caption, "setting", columns, rows)] if rows else []


def _provenance(rows: Sequence[Row]) -> list[str]:
    """Return where rows are from: counts and times by scale, devices, versions of the code."""
    lines = []
    for scale in SCALES:
        own = [row for row in rows if row.key.scale == scale]
        if own:
            lost = sum(not row.finished for row in own)
            line = f"{scale}: {count(len(own))} rows, {duration(sum(row.seconds for row in own))} of work"
            lines.append(
                f"{line}, the last of {max(row.ended for row in own)[:10]}" + (f"; {lost} diverged" if lost else "")
            )
    lines += _tally("Devices", [row.device for row in rows])
    lines += _tally("Code", [row.code_version for row in rows])
    together = sum(row.at_once > 1 for row in rows)
    if together:
        lines.append(f"{count(together)} rows are of runs that shared one program; their times are no measurement.")
    return lines


def _tally(label: str, values: Iterable[Any]) -> list[str]:
    counts = Counter(values)
    text = ", ".join(f"{value} ({count(times)})" if len(counts) > 1 else str(value) for value, times in counts.items())
    return [f"{label}: {text}"] if text else []
