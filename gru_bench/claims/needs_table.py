"""The first table of a report: what each need picks, by how much, how sure and at what cost; all in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gru_bench.claims.figures import Drawn
from gru_bench.claims.finding import WORDS, Answer, Finding
from gru_bench.claims.headline import filled
from gru_bench.claims.needs import NeedAnswer, Pick
from gru_bench.claims.wording import effect_text, improving_sides, listed, place, range_text
from gru_bench.reporting.sheet import Sheet

HEADINGS = ("need", "pick", "by how much", "how sure", "training speed")
LEGEND = (
    "By how much: + is in favour of the {first}, − of the {second}; of one case with its 95 % interval, of several the "
    "range. A pair is a run of each cell with the same seed and data. Open: these runs cannot say, or "
    "their verdict is withdrawn. Still improving: longer training could change the answer. Training speed: of the "
    "{first}, as a multiple of the {second}'s."
)
_OF_PICK = {Pick.EITHER: Answer.SAME.value, Pick.DEPENDS: "split"}


@dataclass(frozen=True, kw_only=True)
class NeedRow:
    """A row of the table.

    Attributes:
        title: of the need.
        setting: where it is the only one.
        claim: name of the first claim that answers it.
        kind: of the answer, as claims have them.
        pick: an arm, `either` and which trains faster, `depends` or `open`.
        amounts: by how much, a line for each kind of number.
        sure: pairs, and what their verdicts are where the pick does not say it.
        cost: how fast the first cell trains, as a multiple of the speed of the second.
    """

    title: str
    setting: str
    claim: str
    kind: str
    pick: str
    amounts: Sequence[str]
    sure: str
    cost: str


@dataclass(frozen=True, kw_only=True)
class FirstTable:
    """What a reader sees first.

    Attributes:
        sentence: all picks.
        rows: of all needs.
        legend: how to read them.
        picture: of all their findings; None where nothing is measured.
    """

    sentence: str
    rows: Sequence[NeedRow]
    legend: str
    picture: Drawn | None


def first_table(answers: Sequence[NeedAnswer], picture: Drawn | None) -> FirstTable:
    """Return the first table with its sentence and its picture."""
    first, second = answers[0].sides
    return FirstTable(
        sentence=sentence(answers),
        rows=[need_row(answer) for answer in answers],
        legend=LEGEND.format(first=first, second=second),
        picture=picture,
    )


def need_sheet(table: FirstTable) -> Sheet:
    """Return the table for the terminal."""
    rows = [(row.title, row.pick, "\n".join(row.amounts), row.sure) for row in table.rows]
    return Sheet(table.sentence, HEADINGS[:4], rows, wide=frozenset({1, 2, 3}))


def need_row(answer: NeedAnswer) -> NeedRow:
    """Return the row of a need."""
    pick = answer.pick
    either = pick is Pick.EITHER
    return NeedRow(
        title=answer.need.title,
        setting=answer.findings[0].title if len(answer.findings) == 1 else "",
        claim=answer.need.findings[0].claim,
        kind=_kind(answer),
        pick=_picked(answer.sides, pick) + (f", {answer.cheaper} is faster" if either and answer.cheaper else ""),
        amounts=_amounts(answer),
        sure="; ".join(filter(None, (_pairs(answer.findings), _verdicts(answer), _improving(answer.findings)))),
        cost=_cost(answer),
    )


def sentence(answers: Sequence[NeedAnswer]) -> str:
    """Return all picks in one sentence, such as `GRU for training time and memory; LSTM for music; open elsewhere`."""
    parts = []
    for pick in Pick:
        titles = [answer.need.title for answer in answers if answer.pick is pick]
        if titles and pick is Pick.OPEN:
            parts.append("open elsewhere" if parts else f"open for {listed(titles)}")
        elif titles and pick is Pick.DEPENDS:
            parts.append(f"it depends for {listed(titles)}")
        elif titles:
            parts.append(f"{_picked(answers[0].sides, pick)} for {listed(titles)}")
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}."


def _picked(sides: tuple[str, str], pick: Pick) -> str:
    return {Pick.FIRST: sides[0], Pick.SECOND: sides[1]}.get(pick, pick.value)


def _kind(answer: NeedAnswer) -> str:
    kinds = {finding.kind for finding in answer.findings}
    if answer.pick is Pick.OPEN:
        return kinds.pop().value if len(kinds) == 1 else Answer.OPEN.value
    return _OF_PICK.get(answer.pick, answer.pick.value)


def _amounts(answer: NeedAnswer) -> list[str]:
    """Write the effects that stand, or all where none does; where it depends, those of each side with their cases."""
    if answer.pick is Pick.DEPENDS:
        kinds = zip(answer.sides, (Answer.FIRST, Answer.SECOND), strict=True)
        return [f"{side}: {_cases(answer.findings, kind)}" for side, kind in kinds]
    known = [finding for finding in answer.findings if finding.effect is not None]
    standing = [finding for finding in known if finding.kind not in (Answer.WITHDRAWN, Answer.FLOOR)]
    groups = _alike(standing or known)
    return [f"{name}: {_effects(own)}" if name and len(groups) > 1 else _effects(own) for name, own in groups]


def _cases(findings: Sequence[Finding], kind: Answer) -> str:
    """Write the effects of one kind of answer, and where one alone was measured."""
    several = len({finding.comparison.name for finding in findings}) > 1
    parts = []
    for _, own in _alike([finding for finding in findings if finding.kind is kind]):
        names = listed(list(dict.fromkeys(finding.comparison.name for finding in own)))
        effect = f"{effect_text(own[0], interval=False)} ({place(own[0])})" if len(own) == 1 else _effects(own)
        parts.append(f"{f'{names} ' if several else ''}{effect}")
    return ", ".join(parts)


def _alike(findings: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """Group findings whose effects can be a range: of one unit; ratios without one by comparison, which names them."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        comparison = finding.comparison
        named = comparison.says or (comparison.scale == "ratio" and not comparison.unit)
        key = (comparison.name, "", "") if named else ("", comparison.scale, finding.unit)
        groups.setdefault(key, []).append(finding)
    return [(name, own) for (name, *_), own in groups.items()]


def _effects(findings: Sequence[Finding]) -> str:
    comparison = findings[0].comparison
    if comparison.says and all(finding.kind is not Answer.WITHDRAWN for finding in findings):
        return filled(findings)
    of_ratio = f" in {comparison.unit}" if comparison.scale == "ratio" and comparison.unit else ""
    return f"{range_text(findings)}{of_ratio}"


def _pairs(findings: Sequence[Finding]) -> str:
    cases = f"{len(findings)} cases" if len(findings) > 1 else ""
    if all(finding.exact for finding in findings):
        return f"{cases}, counted".removeprefix(", ")
    counts = sorted({finding.pairs for finding in findings if finding.pairs and not finding.exact})
    if not counts:
        return ""
    pairs = f"{counts[0]} to {counts[-1]} pairs" if len(counts) > 1 else f"{counts[0]} pairs"
    return f"{cases} of {pairs}" if cases else pairs


def _verdicts(answer: NeedAnswer) -> str:
    """Tally the answers; of one case, or where all are alike, only what the pick does not say."""
    tally = Counter(finding.kind for finding in answer.findings)
    words = {kind: WORDS.get(kind) or f"{answer.sides[kind is Answer.SECOND]} better" for kind in tally}
    if len(tally) > 1:
        return ", ".join(f"{tally[kind]} {words[kind]}" for kind in Answer if kind in tally)
    (kind,) = tally
    if kind in (Answer.FIRST, Answer.SECOND):
        return f"{words[kind]} in all" if len(answer.findings) > 1 else ""
    return "" if kind is Answer.OPEN else words[kind]


def _improving(findings: Sequence[Finding]) -> str:
    sides = improving_sides(findings)
    return f"{sides} still improving" if sides else ""


def _cost(answer: NeedAnswer) -> str:
    known = [finding for finding in answer.cost if finding.effect is not None]
    if not known:
        return ""
    text = effect_text(known[0], interval=False) if len(known) == 1 else range_text(known)
    return f"{answer.sides[0]} {text}"
