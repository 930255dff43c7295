"""What the rows of a claim say: paired effects with intervals, and a verdict in each setting by the claim's rule."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from gru_bench.claims.claim import COUNTED, SCALES, Claim, Comparison, Part, Published, Scale
from gru_bench.claims.estimates import by_seed, shared_updates, times_cost
from gru_bench.claims.rows import Row, current, level_text, levels_in_order
from gru_bench.results.statistics import (
    Evidence,
    Interval,
    Verdict,
    advantage_evidence,
    decide,
    effect_size,
    equivalence_evidence,
    holm_evidence,
    interquartile_mean_interval,
    mean_difference,
    mean_ratio,
    probability_better,
)

WITHDRAWN, NO_DATA = "withdrawn", "no data"
ANSWERS = (*(verdict.value for verdict in Verdict), WITHDRAWN, NO_DATA)
"""All answers of findings, in the order in which they are listed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one comparison says in one setting.

    Attributes:
        comparison: the rule.
        setting: its name; `title` for people.
        level: the level, where each is by itself, or the one that was chosen; `factor` says of what.
        unit: of a difference.
        better: whether less or more of what is estimated is better.
        effect: first - second or first / second with its bootstrap interval; None where no pair is there.
        first: mean of the first arm over the pairs; of ratios the geometric one.
        second: likewise.
        oriented: differences, or log ratios, pair by pair, above zero where the first arm is better.
        probability: that the first arm is better, with Wilson's interval; None where numbers are counted.
        size: d_z with Hedges' correction; None where all differences are equal, or with one pair.
        verdict: corrected for the number of settings of the comparison; None where there is no pair.
        withdrawn: whether a caveat of the claim withdraws the verdict.
        exact: whether the numbers are counted, without sampling.
        missing: runs of both arms that diverged: they have no number, or count as failures (see `estimates`).
    """

    comparison: Comparison
    setting: str
    title: str
    level: str
    factor: str
    unit: str
    better: str
    effect: Interval | None
    first: float | None
    second: float | None
    oriented: tuple[float, ...]
    probability: Interval | None
    size: float | None
    verdict: Verdict | None
    withdrawn: bool
    exact: bool
    missing: int

    @property
    def answer(self) -> str:
        """The verdict in a word; `withdrawn` where it does not stand, `no data` where there is no pair."""
        if self.verdict is None:
            return NO_DATA
        return WITHDRAWN if self.withdrawn else self.verdict.value

    @property
    def pairs(self) -> int:
        """How many pairs there are."""
        return len(self.oriented)


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
        overall: by name of a comparison that decides, in several settings, their interquartile mean: of log ratios,
            or of differences in units of the margin, above zero where the first arm is better.
    """

    claim: Claim
    scale: Scale | None
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    beside: tuple[Beside, ...]
    overall: Mapping[str, Interval]

    @property
    def deciding(self) -> list[Finding]:
        """The findings that decide the claim."""
        return [finding for finding in self.findings if finding.comparison.verdict]

    @property
    def verdicts(self) -> Counter[str]:
        """How often each answer was given in the findings that decide."""
        return Counter(finding.answer for finding in self.deciding)

    @property
    def headline(self) -> str:
        """The pattern of verdicts: one word where all agree, else how many of each."""
        counts = self.verdicts
        if not counts or set(counts) == {NO_DATA}:
            return "not run"
        if len(counts) == 1:
            return next(iter(counts))
        return "split: " + ", ".join(f"{counts[name]} {name}" for name in ANSWERS if counts[name])


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
    findings = [finding for comparison in comparisons for finding in _compare(claim, comparison, own)]
    overall = {
        comparison.name: found
        for comparison in comparisons
        if comparison.verdict
        and (found := _overall([finding for finding in findings if finding.comparison is comparison])) is not None
    }
    beside = tuple(_beside(claim, published, rows) for published in claim.published)
    return Outcome(claim=claim, scale=scale, rows=own, findings=tuple(findings), beside=beside, overall=overall)


def _compare(claim: Claim, comparison: Comparison, rows: Sequence[Row]) -> list[Finding]:
    part = claim.parts[comparison.part]
    made = []
    for setting in comparison.settings or part.settings:
        of_setting = [row for row in rows if (row.key.part, row.key.setting) == (comparison.part, setting)]
        for level in _levels(comparison, part, of_setting):
            at_level = [row for row in of_setting if level is None or row.key.level == level]
            made.append(_finding(claim, comparison, part, setting, level or "", at_level, rows))
    evidence = [_evidence(finding) for finding in made]
    known = [index for index, found in enumerate(evidence) if found is not None]
    corrected = holm_evidence([found for found in evidence if found is not None])
    for index, found in zip(known, corrected, strict=True):
        made[index] = replace(made[index], verdict=decide(found))
    return made


def _levels(comparison: Comparison, part: Part, rows: Sequence[Row]) -> list[str | None]:
    """Return the levels that are compared one by one; None: rows of all levels together."""
    if comparison.level is not None:
        return [level_text(comparison.level)]
    if comparison.estimate != "value":
        return [None]
    return [*levels_in_order(part, (row.key.level for row in rows))] or [""]


def _finding(
    claim: Claim,
    comparison: Comparison,
    part: Part,
    setting: str,
    level: str,
    rows: Sequence[Row],
    everything: Sequence[Row],
) -> Finding:
    known = claim.settings[setting]
    better = comparison.better or known.better
    named = [row for row in rows if row.key.arm in (*comparison.first, *comparison.second)]
    limit = shared_updates(named)
    sides = []
    for arms in (comparison.first, comparison.second):
        by_arm = [
            times_cost(
                by_seed(comparison, better, [row for row in named if row.key.arm == arm], limit),
                comparison,
                [row for row in everything if (row.key.setting, row.key.arm) == (setting, arm)],
            )
            for arm in arms
        ]
        seeds = set.intersection(*(set(values) for values in by_arm))
        sides.append({seed: fmean(values[seed] for values in by_arm) for seed in seeds})
    seeds = sorted(sides[0].keys() & sides[1].keys())
    first, second = (np.array([side[seed] for seed in seeds], dtype=np.float64) for side in sides)
    finding = Finding(
        comparison=comparison,
        setting=setting,
        title=known.title,
        level=level,
        factor=part.levels.title if part.levels else "",
        unit=comparison.unit if comparison.unit is not None else known.unit,
        better="more" if comparison.estimate == "longest" else better,  # of the longest level, whatever is solved
        effect=None,
        first=None,
        second=None,
        oriented=(),
        probability=None,
        size=None,
        verdict=None,
        withdrawn=any(caveat.withdraws_in(comparison.name, setting) for caveat in claim.caveats),
        exact=part.measure in COUNTED,
        missing=sum(not row.finished for row in named),
    )
    return _with_effect(finding, first, second) if seeds else finding


def _with_effect(finding: Finding, first: np.ndarray, second: np.ndarray) -> Finding:
    ratio = finding.comparison.scale == "ratio"
    if ratio and not (np.concatenate([first, second]) > 0).all():
        return finding
    natural = np.log(first / second) if ratio else first - second
    expected = finding.comparison.expected
    beyond = natural if expected is None else natural - (math.log(expected) if ratio else expected)
    oriented = beyond if finding.better == "more" else -beyond
    middle = float(natural.mean())
    if len(natural) == 1:
        value = math.exp(middle) if ratio else middle
        effect = Interval(value, value, value, 1) if finding.exact else Interval(value, math.nan, math.nan, 1)
    else:
        generator = np.random.default_rng(zlib.crc32(f"{finding.comparison.name}/{finding.setting}".encode()))
        effect = mean_ratio(first, second, generator) if ratio else mean_difference(natural, generator)
    sampled = not finding.exact and len(natural) > 1
    means = [float(np.exp(np.log(side).mean())) if ratio else float(side.mean()) for side in (first, second)]
    return replace(
        finding,
        effect=effect,
        first=means[0],
        second=means[1],
        oriented=tuple(float(value) for value in oriented),
        probability=probability_better(oriented) if sampled else None,
        size=effect_size(oriented) if sampled else None,
    )


def _evidence(finding: Finding) -> Evidence | None:
    if not finding.oriented:
        return None
    comparison = finding.comparison
    bound = math.log if comparison.scale == "ratio" else float
    differences = np.array(finding.oriented, dtype=np.float64)
    if finding.exact:
        differences = np.repeat(differences.mean(), 2)  # counted: nothing varies, the tests take it for exact
    margin = comparison.margin_of(finding.setting)
    if comparison.claim == "equivalence":
        if margin is None:
            raise ValueError(f"{comparison.name}: an equivalence needs a margin in {finding.setting}")
        return equivalence_evidence(differences, margin=bound(margin))
    at_least = 0.0 if comparison.at_least is None else bound(comparison.at_least)
    return advantage_evidence(differences, at_least=at_least, margin=0.0 if margin is None else bound(margin))


def _overall(findings: Sequence[Finding]) -> Interval | None:
    """Return the interquartile mean over settings, of log ratios or of differences in units of their margins."""
    scores = []
    for finding in findings:
        comparison = finding.comparison
        margin = 1.0 if comparison.scale == "ratio" else comparison.margin_of(finding.setting)
        if finding.pairs < 2 or margin is None or finding.exact:
            continue
        scores.append(np.array(finding.oriented, dtype=np.float64) / margin)
    if len(scores) < 2:
        return None
    return interquartile_mean_interval(scores, np.random.default_rng(0))


def _beside(claim: Claim, published: Published, rows: Iterable[Row]) -> Beside:
    setting = claim.settings[published.setting]
    wanted = (SCALES[-1], published.part, published.setting, published.arm)
    ours = [value for row in rows if row.key[:4] == wanted and (value := row.numbers.get(published.number)) is not None]
    return Beside(published=published, title=setting.title, unit=setting.unit, ours=tuple(ours))
