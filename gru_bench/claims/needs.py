"""What people need, which findings answer it, and which cell these pick: the rule of the first table of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gru_bench.claims.analysis import Outcome, analyse
from gru_bench.claims.finding import Answer, Finding
from gru_bench.errors import ConfigError

NEEDS_FILE = "needs.yaml"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Findings of a claim.

    Attributes:
        claim: its name.
        comparisons: names of its comparisons; all that decide where none is named.
        settings: some of their settings alone.
    """

    claim: str
    comparisons: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Need:
    """What somebody wants a recurrent network for.

    Attributes:
        title: a few words, such as `forecasting`.
        findings: those that answer it.
        cost: ratios of the time that training takes.
    """

    title: str
    findings: tuple[Source, ...]
    cost: Source | None = None


class Pick(StrEnum):
    """What the findings of a need pick, in the order in which a sentence lists them."""

    FIRST = "first"
    SECOND = "second"
    EITHER = "either"
    DEPENDS = "depends"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class NeedAnswer:
    """A need and what is known of it.

    Attributes:
        need: the need.
        sides: names of both arms, the same for all needs.
        findings: those that answer it.
        cost: of the time that training takes; empty where none is measured.
    """

    need: Need
    sides: tuple[str, str]
    findings: tuple[Finding, ...]
    cost: tuple[Finding, ...]

    @property
    def pick(self) -> Pick:
        """The arm that is picked, see `pick`."""
        return pick(finding.kind for finding in self.findings)

    @property
    def cheaper(self) -> str:
        """The arm whose training surely takes less time; nothing where that is not known."""
        return {Pick.FIRST: self.sides[0], Pick.SECOND: self.sides[1]}.get(
            pick(finding.kind for finding in self.cost), ""
        )


def pick(answers: Iterable[Answer]) -> Pick:
    """Pick an arm: one that is worse nowhere, and better in most cases or in all that are not alike.

    Where each is better somewhere it depends; where neither is and all is known, either will do. Anything else is open:
    a verdict that is withdrawn or missing answers nothing. What stands at the floor is no case.
    """
    counts = Counter(answer for answer in answers if answer is not Answer.FLOOR)
    better = {Pick.FIRST: counts[Answer.FIRST], Pick.SECOND: counts[Answer.SECOND]}
    if all(better.values()):
        return Pick.DEPENDS
    unknown = counts.total() - sum(better.values()) - counts[Answer.SAME]
    for arm, times in better.items():
        if times and (not unknown or 2 * times > counts.total()):
            return arm
    return Pick.EITHER if counts and not unknown else Pick.OPEN


def answer_needs(needs: Sequence[Need], outcomes: Iterable[Outcome]) -> list[NeedAnswer]:
    """Look up what the claims say of each need. Rows of the scale smoke say nothing.

    Raises:
        ConfigError: needs are answered by comparisons of different arms.
    """
    by_claim = {
        outcome.claim.name: analyse(outcome.claim, (), "small") if outcome.scale == "smoke" else outcome
        for outcome in outcomes
    }
    answers: list[NeedAnswer] = []
    for need in needs:
        findings = [finding for source in need.findings for finding in _findings(source, by_claim)]
        cost = _findings(need.cost, by_claim) if need.cost else []
        sides = answers[0].sides if answers else findings[0].sides
        for finding in (*findings, *cost):
            if finding.sides != sides:
                where = f"{NEEDS_FILE}: {need.title}, {finding.comparison.name}"
                found, expected = (" against ".join(names) for names in (finding.sides, sides))
                raise ConfigError(where, found, f"{expected}, as the first need")
        answers.append(NeedAnswer(need=need, sides=sides, findings=tuple(findings), cost=tuple(cost)))
    return answers


def _findings(source: Source, outcomes: Mapping[str, Outcome]) -> list[Finding]:
    outcome = outcomes[source.claim]
    return [
        finding
        for finding in outcome.findings
        if (finding.comparison.name in source.comparisons if source.comparisons else finding.comparison.verdict)
        and (not source.settings or finding.setting in source.settings)
    ]
