"""The answer to a claim in a sentence that is made from its numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gru_bench.claims.analysis import Outcome
from gru_bench.claims.finding import WORDS, Answer, Finding
from gru_bench.claims.wording import effect_text, listed, place

NOT_RUN, SERVES, SMOKE = "not run", "serves other claims", "no verdict: smoke rows"
MOST_PLACES = 4  # that a sentence names one by one


def headline(outcome: Outcome) -> str:
    """Return the sentence: of each comparison that decides, what it says in which settings.

    A sentence of its own (`says`) is filled with numbers over all cases that stand: `low` and `high`, the least and the
    greatest factor by which the first arm is better; `saved_low` and `saved_high`, the same as per cent that are saved;
    `factor`, the one that is claimed, and in how many (`reached`) of the `cases` it surely is.
    """
    if not outcome.claim.comparisons:
        return SERVES
    sentences = {}
    for comparison in outcome.claim.comparisons:
        found = [finding for finding in outcome.deciding if finding.comparison is comparison]
        if any(finding.kind is not Answer.NO_DATA for finding in found):
            sentences[comparison.name] = filled(found) if comparison.says else _by_answer(found)
    if not sentences:
        return NOT_RUN
    if len(sentences) == 1:
        said = next(iter(sentences.values()))
    else:
        said = "; ".join(f"{name}: {sentence}" for name, sentence in sentences.items()) + _together(outcome)
    return said if outcome.scale != "smoke" else f"{SMOKE}. The rule would say of them: {said}"


def _together(outcome: Outcome) -> str:
    """Say where all comparisons of a conjunction hold at once, among the settings that have them all."""
    if not outcome.claim.conjunction:
        return ""
    deciding = [comparison for comparison in outcome.claim.comparisons if comparison.verdict]
    held: dict[str, list[bool]] = {}
    for finding in outcome.deciding:
        if finding.kind is not Answer.NO_DATA:
            enough = finding.kind is Answer.FIRST or (finding.comparison.no_worse and finding.kind is Answer.SAME)
            held.setdefault(finding.title, []).append(enough)
    whole = {title: all(each) for title, each in held.items() if len(each) == len(deciding)}
    where = [title for title, holds in whole.items() if holds]
    return f"; all at once: {', '.join(where) or 'nowhere'} (of {', '.join(whole)})" if whole else ""


def filled(findings: Sequence[Finding]) -> str:
    """Fill the sentence that the comparison of some findings has with their numbers."""
    comparison = findings[0].comparison
    standing = [finding for finding in findings if finding.effect is not None and finding.kind is not Answer.WITHDRAWN]
    factors = [finding.effect.value for finding in standing if finding.effect is not None]
    if not factors:
        return _by_answer(findings)
    low, high, factor = min(factors), max(factors), comparison.factor or 1.0
    sentence = comparison.says.format(
        low=low,
        high=high,
        saved_low=100 * (1 - 1 / low),
        saved_high=100 * (1 - 1 / high),
        factor=factor,
        reached=sum(finding.reaches(factor) for finding in standing),
        cases=len(standing),
    )
    return re.sub(r"(\S+) to \1(?= )", r"\1", sentence)  # both ends are alike


def _by_answer(findings: Sequence[Finding]) -> str:
    """Group the settings of a comparison by what they answer."""
    parts = []
    for kind in Answer:
        own = [finding for finding in findings if finding.kind is kind]
        if own:
            parts.append(
                f"{own[0].answer if kind in (Answer.FIRST, Answer.SECOND) else WORDS[kind]} {_places(own, findings)}"
            )
    return ", ".join(parts)


def _places(own: Sequence[Finding], every: Sequence[Finding]) -> str:
    """Name the settings of an answer; the effect beside those in which an arm is better."""
    if len(own) == len(every) > MOST_PLACES:
        return f"in all {len(own)} cases"
    if len(own) > MOST_PLACES:
        return f"in {len(own)} of {len(every)} cases"
    named = [f"{place(one)} ({effect_text(one, interval=False)})" if _matters(one) else place(one) for one in own]
    return f"on {listed(named)}"


def _matters(finding: Finding) -> bool:
    return finding.kind in (Answer.FIRST, Answer.SECOND)
