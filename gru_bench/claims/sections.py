"""What a report says of each claim: texts, rules, tables and pictures, the same for a page and for Markdown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
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
from gru_bench.claims.wording import (
    SMOKE,
    effect_text,
    interval_text,
    place,
    rule,
    share_text,
    shown_effects,
    told,
)
from gru_bench.reporting.format import count, duration, number
from gru_bench.reporting.html import Cell
from gru_bench.results.statistics import Interval

RANK = (*(answer.value for answer in Answer), "split", "smoke", "serves")
"""Kinds of answers, in the order in which tables sort them."""


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


@dataclass(frozen=True)
class EffectLine:
    """One effect as the first table lists it: where it is from, of what, how large, and the answer with its kind."""

    place: str
    contrast: str
    effect: str
    answer: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Section:
    """What a report says of one claim.

    Attributes:
        name: of its folder.
        title: a few words.
        kind: of its answer, one of `RANK`.
        answer: the sentence made from its numbers.
        caveats: what qualifies or withdraws it.
        effects: some, for the first table.
        more: how many further ones there are.
        texts: label and text.
        rules: name and words of each comparison.
        arms: conditions and their settings.
        pictures: drawn from its rows.
        tables: of findings, over settings, of published values.
        provenance: where the rows are from.
        warning: what must be known before anything is believed.
    """

    name: str
    title: str
    kind: str
    answer: str
    caveats: Sequence[str]
    effects: Sequence[EffectLine]
    more: int
    texts: Sequence[tuple[str, str]]
    rules: Sequence[tuple[str, str]]
    arms: Table
    pictures: Sequence[Drawn]
    tables: Sequence[Table]
    provenance: Sequence[str]
    warning: str = ""

    @property
    def command(self) -> str:
        """How its rows are made again."""
        return f"python -m gru_bench.reproduce claim={self.name}"

    @property
    def rows_file(self) -> str:
        """Where its rows are, from the folder of the report."""
        return f"{self.name}/{RESULTS_FILE}"


def section(outcome: Outcome, rows: Sequence[Row], pictures: Sequence[Drawn]) -> Section:
    """Return what a report says of a claim.

    Args:
        outcome: the claim and what its rows say.
        rows: all rows of its results.csv.
        pictures: drawn from them.
    """
    claim = outcome.claim
    shown, more = shown_effects(outcome.deciding or outcome.findings)
    texts = {
        "Statement": claim.statement,
        "Source": claim.source,
        "Estimand": claim.estimand,
        "Protocol": claim.protocol,
        "What would change our mind": claim.change_our_mind,
    }
    of = {comparison.name: _of(outcome, comparison) for comparison in claim.comparisons}
    tables = [_findings_table(claim, found, outcome.scale) for found in of.values() if _known(found)]
    return Section(
        name=claim.name,
        title=claim.title,
        kind=_kind(outcome),
        answer=headline(outcome),
        caveats=[caveat.text.strip() for caveat in claim.caveats],
        effects=[
            EffectLine(place(found), told(found.comparison), effect_text(found), found.answer, found.kind)
            for found in shown
        ],
        more=more,
        texts=[(label, text.strip()) for label, text in texts.items() if text.strip()],
        rules=[
            (comparison.name + ("" if comparison.verdict else " (does not decide)"), rule(claim, comparison, found))
            for comparison, found in zip(claim.comparisons, of.values(), strict=True)
        ],
        arms=_arms_table(claim),
        pictures=pictures,
        tables=[*tables, *_overall_table(outcome), *_beside_table(outcome)],
        provenance=_provenance(rows),
        warning=SMOKE if outcome.scale == "smoke" else "",
    )


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
            "as many recurrent parameters as": arm.parameters_of,
            "as many operations as": arm.compute_of,
        }
        said = "; ".join(f"{label} {value}" for label, value in extra.items() if value)
        rows.append((name, [Cell(" ".join(arm.run), look="long words"), Cell(said, look="long words")], ""))
    return Table("Arms: settings of train, beside those that all share", "arm", [("settings", ""), ("and", "")], rows)


def _findings_table(claim: Claim, findings: Sequence[Finding], scale: str | None) -> Table:
    comparison = findings[0].comparison
    part = claim.parts[comparison.part]
    levels = any(finding.level for finding in findings)
    columns = [(part.levels.title if part.levels else "level", "")] if levels else []
    columns += [(side, "mean") for side in findings[0].sides]
    better = findings[0].sides[0]
    columns += [(f"{better} better by", "95 % interval"), (f"{better} better", "share of pairs, 95 % interval")]
    columns += [("d_z", "effect size"), ("pairs", ""), ("verdict", ""), ("still improving", ""), ("diverged", "runs")]
    rows = []
    for found in findings:
        level = [Cell(found.level, level_number(found.level))] if levels else []
        rows.append((found.title, [*level, *_finding_cells(found, _wanted(part, scale))], ""))
    beside = "" if comparison.verdict else "; does not decide"
    return Table(f"{comparison.name}: {_number_told(comparison)}{beside}", "setting", columns, rows)


def _number_told(comparison: Comparison) -> str:
    estimate = "" if comparison.estimate == "value" else f", {comparison.estimate}"
    return f"{comparison.number.replace('_', ' ')}{estimate}"


def _finding_cells(found: Finding, wanted: int) -> list[Cell]:
    pairs = f"{found.pairs} of {wanted}" if found.pairs < wanted and not found.exact else str(found.pairs)
    return [
        Cell(number(found.first), found.first),
        Cell(number(found.second), found.second),
        Cell(effect_text(found), found.effect.value if found.effect else None),
        Cell(
            share_text(found.probability) if found.probability else "counted" if found.exact else "",
            found.probability.value if found.probability else None,
        ),
        Cell(number(found.size, 3).replace("-", "−"), found.size),
        Cell(pairs, found.pairs),
        Cell(found.answer, RANK.index(found.kind), f"words is {found.kind}"),
        Cell(", ".join(found.improving), len(found.improving), "words warn" if found.improving else "words"),
        Cell(count(found.missing), found.missing, "warn" if found.missing else ""),
    ]


def _wanted(part: Part, scale: str | None) -> int:
    return getattr(part.seeds, scale) if scale else 0


def _overall_table(outcome: Outcome) -> list[Table]:
    rows = []
    for name, found in outcome.overall.items():
        comparison = next(comparison for comparison in outcome.claim.comparisons if comparison.name == name)
        if comparison.scale == "ratio":
            found = Interval(math.exp(found.value), math.exp(found.low), math.exp(found.high), found.count)
            cells = [
                Cell(interval_text(found, after="×"), found.value),
                Cell("factor by which the first is better", look="words"),
            ]
        else:
            unit = "margins by which the first is better"
            if not (comparison.margin or comparison.margins):
                unit = "difference, above zero where the first is better"
            cells = [Cell(interval_text(found, signed=True), found.value), Cell(unit, look="words")]
        rows.append((name, [*cells, Cell(str(found.count), found.count)], ""))
    columns = [("interquartile mean", "95 % interval"), ("in", ""), ("pairs", "")]
    caption = "Over settings: the middle half of all pairs. Verdicts are by setting and stand above; this is no verdict"
    return [Table(caption, "comparison", columns, rows)] if rows else []


def _beside_table(outcome: Outcome) -> list[Table]:
    rows = []
    for beside in outcome.beside:
        value, ours = beside.published, beside.ours
        mean = fmean(ours) if ours else None
        span = f" ({number(min(ours))} to {number(max(ours))}, {len(ours)} seeds)" if len(ours) > 1 else ""
        said = f"{number(mean)}{span}" if ours else "not run"
        cells = [
            Cell(value.arm, look="words"),
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
            told = f"{scale}: {count(len(own))} rows, {duration(sum(row.seconds for row in own))} of work"
            lines.append(
                f"{told}, the last of {max(row.ended for row in own)[:10]}" + (f"; {lost} diverged" if lost else "")
            )
    lines += _tally("Devices", [row.device for row in rows])
    lines += _tally("Code", [row.code_version for row in rows])
    together = sum(row.at_once > 1 for row in rows)
    if together:
        lines.append(f"{count(together)} rows are of runs that shared one program; their times are no measurement.")
    return lines


def _tally(label: str, values: Iterable[Any]) -> list[str]:
    counts = Counter(values)
    told = ", ".join(f"{value} ({count(times)})" if len(counts) > 1 else str(value) for value, times in counts.items())
    return [f"{label}: {told}"] if told else []
