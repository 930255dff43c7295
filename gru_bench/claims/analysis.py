"""What the rows of a claim say: paired effects with intervals, and a verdict in each setting by the claim's rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from gru_bench.claims.claim import COUNTED, SCALES, Claim, Part, Published, Scale
from gru_bench.claims.comparison import HELD, Comparison
from gru_bench.claims.controls import still_improving, told_apart
from gru_bench.claims.estimates import BySeed, by_seed, retained, shared_updates, times_cost
from gru_bench.claims.finding import Answer, Finding, with_effect
from gru_bench.claims.rows import Row, current, level_text, levels_in_order
from gru_bench.results.statistics import decide, holm_evidence


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A published value beside ours.

    Attributes:
        published: the value of the literature.
        title: of the setting.
        unit: of the value.
        ours: by seed.
    """

    published: Published
    title: str
    unit: str
    ours: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A claim, its rows and what they say.

    Attributes:
        claim: the claim.
        scale: the one that the findings are of; None without rows.
        rows: of that scale.
        findings: of all comparisons, those that decide first.
        beside: published values.
    """

    claim: Claim
    scale: Scale | None
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    beside: tuple[Beside, ...]

    @property
    def deciding(self) -> list[Finding]:
        """The findings that decide the claim."""
        return [finding for finding in self.findings if finding.comparison.verdict]

    @property
    def answers(self) -> Counter[Answer]:
        """How often each answer was given in the findings that decide."""
        return Counter(finding.kind for finding in self.deciding)


def analyse(claim: Claim, rows: Iterable[Row], scale: Scale | None = None) -> Outcome:
    """Apply the rules of a claim to its rows.

    Args:
        claim: the claim.
        rows: all rows of its results.csv.
        scale: the scale that gives verdicts; by default `small` where it has rows, else `smoke`.
    """
    rows = current(rows)
    if scale is None:
        present = {row.key.scale for row in rows}
        scale = next((name for name in ("small", "smoke") if name in present), None)
    own = tuple(row for row in rows if row.key.scale == scale)
    comparisons = sorted(claim.comparisons, key=lambda comparison: not comparison.verdict)
    findings: list[Finding] = []
    for deciding in (True, False):  # two families of tests, each corrected by itself
        family = [comparison for comparison in comparisons if comparison.verdict is deciding]
        findings += _decided([finding for comparison in family for finding in _compare(claim, comparison, own)])
    beside = tuple(_beside(claim, published, rows) for published in claim.published)
    return Outcome(claim=claim, scale=scale, rows=own, findings=tuple(findings), beside=beside)


def _decided(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with their verdicts, corrected for their number."""
    decided = list(findings)
    known = {
        index: found
        for index, finding in enumerate(findings)
        if not finding.at_floor and (found := finding.evidence()) is not None
    }
    for index, corrected in zip(known, holm_evidence(list(known.values())), strict=True):
        decided[index] = replace(decided[index], verdict=decide(corrected))
    return decided


def _compare(claim: Claim, comparison: Comparison, rows: Sequence[Row]) -> list[Finding]:
    part = claim.parts[comparison.part]
    made = []
    for setting in comparison.settings or part.settings:
        of_setting = [row for row in rows if row.key.setting == setting]
        of_part = [row for row in of_setting if row.key.part == comparison.part]
        for level in _levels(comparison, part, of_part):
            made.append(_finding(claim, comparison, setting, level, of_part, of_setting))
    return made


def _levels(comparison: Comparison, part: Part, rows: Sequence[Row]) -> list[str | None]:
    """Return the levels that are compared one by one; None: rows of all levels together."""
    if comparison.level is not None:
        return [level_text(comparison.level)]
    if comparison.estimate not in ("value", "retained"):
        return [None]
    levels = levels_in_order(part, (row.key.level for row in rows))
    if comparison.estimate == "retained":
        levels = [level for level in levels if level != level_text(comparison.clean)]
    return [*levels] or [""]


def _finding(
    claim: Claim,
    comparison: Comparison,
    setting: str,
    level: str | None,
    rows: Sequence[Row],
    of_setting: Sequence[Row],
) -> Finding:
    """Compare two arms in one setting.

    Args:
        claim: whose comparison it is.
        comparison: the rule.
        setting: where.
        level: the one that is compared, or None for all together.
        rows: of the comparison's part in the setting.
        of_setting: rows of all parts in the setting.
    """
    known, part = claim.settings[setting], claim.parts[comparison.part]
    better = comparison.better or known.better
    here = [row for row in rows if level is None or row.key.level == level]
    compared = [row for row in here if row.key.arm in (*comparison.first, *comparison.second)]
    limit = shared_updates(compared)
    drawn = getattr(part.trials, rows[0].key.scale) if part.trials and rows else None
    shares = comparison.estimate == "retained"

    def numbers(arm: str, whole: str) -> BySeed:
        own = [row for row in here if row.key.arm == arm]
        if shares:
            clean = [row for row in rows if (row.key.arm, row.key.level) == (whole, level_text(comparison.clean))]
            return retained(comparison.number, comparison.floors[setting], own, clean)
        values = by_seed(comparison, better, own, limit, drawn)
        return times_cost(values, comparison, [row for row in of_setting if row.key.arm == arm])

    sides = [_averaged([numbers(arm, arm) for arm in arms]) for arms in (comparison.first, comparison.second)]
    seeds = sorted(sides[0].keys() & sides[1].keys())
    direction = comparison.direction(known.better)
    finding = Finding(
        comparison=comparison,
        setting=setting,
        title=known.title,
        sides=_sides(claim, comparison),
        level=level or "",
        factor=part.levels.title if part.levels else "",
        unit=comparison.unit if comparison.unit is not None else known.unit,
        withdrawn=any(caveat.withdraws_in(comparison.name, setting) for caveat in claim.caveats),
        exact=part.measure in COUNTED,
        at_floor=shares and any(side and fmean(side.values()) < HELD for side in sides),
        told_apart={
            control: told_apart(comparison, setting, numbers(full, full), found, direction)
            for control, full in comparison.controls.items()
            if (found := numbers(control, full))  # what a control has is a share of its full arm's clean skill
        },
        controlled=part.measure != "run",
        parameters=_matched_parameters(claim, comparison, here),
        improving=still_improving((*comparison.first, *comparison.second), here),
        missing=sum(not row.finished for row in compared),
    )
    pairs = (np.array([side[seed] for seed in seeds], dtype=np.float64) for side in sides)
    return with_effect(finding, *pairs, better=direction)


def _matched_parameters(claim: Claim, comparison: Comparison, rows: Sequence[Row]) -> tuple[float, ...]:
    """Return the recurrent parameters of each side where one is matched to the other by them, else an empty tuple."""
    if not any(claim.arms[arm].parameters_of for arm in (*comparison.first, *comparison.second)):
        return ()
    sizes = {row.key.arm: size for row in rows if (size := row.numbers.get("parameters_recurrent")) is not None}
    first, second = comparison.first[0], comparison.second[0]
    return (sizes[first], sizes[second]) if {first, second} <= sizes.keys() else ()


def _averaged(arms: Sequence[BySeed]) -> BySeed:
    """Return the mean over arms, seed by seed."""
    seeds = set.intersection(*(set(values) for values in arms))
    return {seed: fmean(values[seed] for values in arms) for seed in sorted(seeds)}


def _sides(claim: Claim, comparison: Comparison) -> tuple[str, str]:
    """Return the names of both sides for people."""
    if len(comparison.sides) == 2:
        return (comparison.sides[0], comparison.sides[1])
    first, second = (
        claim.title_of(arms[0]) if len(arms) == 1 else f"mean of {len(arms)} arms"
        for arms in (comparison.first, comparison.second)
    )
    return first, second


def _beside(claim: Claim, published: Published, rows: Iterable[Row]) -> Beside:
    setting = claim.settings[published.setting]
    wanted = (SCALES[-1], published.part, published.setting, published.arm)
    ours = [value for row in rows if row.key[:4] == wanted and (value := row.numbers.get(published.number)) is not None]
    return Beside(published=published, title=setting.title, unit=setting.unit, ours=tuple(ours))
