"""What a claim's rules and findings say, in words and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from gru_bench.claims.analysis import Finding, Outcome
from gru_bench.claims.claim import Claim, Comparison
from gru_bench.reporting.format import number
from gru_bench.results.statistics import Interval

SHOWN_EFFECTS = 4
SMOKE = "Rows of the scale smoke test the machinery. They are no evidence for or against anything."


def effect_text(finding: Finding) -> str:
    """Write an effect: `0.82× [0.80, 0.84]`, or `+0.012 [−0.003, +0.027] nats`; empty without pairs."""
    if finding.effect is None:
        return ""
    if finding.comparison.scale == "ratio":
        return interval_text(finding.effect, after="×")
    return " ".join(filter(None, [interval_text(finding.effect, signed=True), finding.unit]))


def interval_text(found: Interval, *, signed: bool = False, after: str = "") -> str:
    """Write an estimate and its interval, rounded to one digit of half the interval's width, to two where it is a 1.

    Args:
        found: an interval without ends is written without them, one without width is exact.
        signed: whether values above zero get a sign.
        after: what follows the estimate, such as `×`.
    """
    width = (found.high - found.low) / 2
    if not math.isfinite(width):
        return f"{_signed(number(found.value), signed)}{after} (one pair, no interval)"
    if width <= 1e-9 * abs(found.value):
        return _signed(exact_text(found.value), signed) + after
    digits = max(0, -math.floor(math.log10(width / 2)))
    if digits > 6:
        middle, low, high = (f"{value:.2e}" for value in (found.value, found.low, found.high))
    else:
        middle, low, high = (f"{value:,.{digits}f}" for value in (found.value, found.low, found.high))
    return f"{_signed(middle, signed)}{after} [{_signed(low, signed)}, {_signed(high, signed)}]"


def exact_text(value: float) -> str:
    """Write a number that has no error, without the zeros at its end."""
    text = number(value)
    return text if "e" in text or "." not in text else text.rstrip("0").rstrip(".")


def share_text(found: Interval) -> str:
    """Write a probability and its interval."""
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _signed(text: str, signed: bool) -> str:
    negative = text.startswith("-")
    digits = text.lstrip("-")
    if not any(digit in "123456789" for digit in digits.partition("e")[0]):
        return digits
    return f"−{digits}" if negative else f"+{digits}" if signed else digits


def place(finding: Finding, longest: int | None = None) -> str:
    """Name where a finding is from: its setting, and its level where each is by itself.

    Args:
        finding: the finding.
        longest: characters; the setting is cut before the level. None: as many as it takes.
    """
    level = f", {finding.factor} {finding.level}" if finding.level else ""
    if longest is None:
        return finding.title + level
    return shortened(shortened(finding.title, max(8, longest - len(level))) + level, longest)


def shortened(text: str, longest: int) -> str:
    """Cut a text where a picture has no room for more than `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def arms_text(arms: Sequence[str]) -> str:
    """Name one side of a comparison."""
    return arms[0] if len(arms) == 1 else f"mean of {', '.join(arms)}"


def contrast(comparison: Comparison) -> str:
    """Write what an effect is of: `gru − lstm`, or `gru / lstm`; of several arms how many they are."""
    first, second = (side_text(arms) for arms in (comparison.first, comparison.second))
    return f"{first} / {second}" if comparison.scale == "ratio" else f"{first} − {second}"


def told(comparison: Comparison) -> str:
    """Name a comparison, with its arms where each side is one."""
    several = max(len(comparison.first), len(comparison.second)) > 1
    return comparison.name if several else f"{comparison.name}: {contrast(comparison)}"


def side_text(arms: Sequence[str]) -> str:
    """Name one side of a comparison where there is little room."""
    return arms[0] if len(arms) == 1 else f"mean of {len(arms)} arms"


def shown_effects(findings: Iterable[Finding]) -> tuple[list[Finding], int]:
    """Choose the effects that stand for all: in their order, but every kind of verdict is among them.

    Returns:
        At most `SHOWN_EFFECTS` findings with an effect, and how many more there are.
    """
    known = [finding for finding in findings if finding.effect is not None]
    first_of_kind = {finding.answer: index for index, finding in reversed(list(enumerate(known)))}
    leading = sorted(first_of_kind.values())
    others = [index for index in range(len(known)) if index not in leading]
    chosen = sorted([*leading, *others][:SHOWN_EFFECTS])
    return [known[index] for index in chosen], len(known) - len(chosen)


def verdict_lines(outcome: Outcome) -> tuple[str, str]:
    """Return the answer to a claim in a few words, and what has to be said beside it."""
    if not outcome.claim.comparisons:
        return ("serves others", "no claim of its own")
    if outcome.headline == "not run":
        return ("not run", "")
    if outcome.scale == "smoke":
        return ("no verdict: smoke rows", f"They are no evidence; the rule would say of them: {outcome.headline}.")
    known = sum(outcome.verdicts.values())
    if len(outcome.verdicts) > 1 or known == 1:
        return (outcome.headline, "")
    return (outcome.headline, "in both cases" if known == 2 else f"in all {known} cases")


def rule(claim: Claim, comparison: Comparison, findings: Sequence[Finding]) -> str:
    """Spell out how a comparison is decided.

    Args:
        claim: whose comparison it is.
        comparison: the rule.
        findings: of the comparison; empty where it was not run.
    """
    first, second = arms_text(comparison.first), arms_text(comparison.second)
    what = _estimate(claim, comparison)
    effect = (
        f"the {'geometric mean ratio' if comparison.scale == 'ratio' else 'mean difference'} {contrast(comparison)}"
    )
    margins = _margins(claim, comparison)
    if comparison.claim == "equivalence":
        said = (
            f"{first} and {second} differ in {what} by less than the margin: confirmed where {effect} surely lies "
            f"within it, by two one-sided tests; refuted where it surely lies outside. Margin: {margins}."
        )
    else:
        least = _bound(comparison, comparison.at_least) if comparison.at_least else ""
        said = (
            f"{first} is better than {second}{f' by more than {least}' if least else ''} in {what} "
            f"({_directions(claim, comparison)}): confirmed where it surely is, by {effect}; refuted where it surely "
            "is not."
        )
        if margins:
            said += f" Equivalent where the effect surely lies within the margin, which does not matter: {margins}."
    return f"{said} {_certainty(claim, comparison, findings)}"


def _certainty(claim: Claim, comparison: Comparison, findings: Sequence[Finding]) -> str:
    if findings and all(finding.exact for finding in findings):
        return "The numbers are counted, so there is no test."
    tests = sum(finding.verdict is not None for finding in findings)
    tests = tests or len(comparison.settings or claim.parts[comparison.part].settings)
    over = f", with Holm's correction over the {tests} cases" if tests > 1 else ""
    return f"Student t tests on pairs of one seed, each at 2.5 %{over}."


def _estimate(claim: Claim, comparison: Comparison) -> str:
    part = claim.parts[comparison.part]
    levels = part.levels.title if part.levels else "the levels"
    said = {
        "value": comparison.number,
        "slope": f"the slope of {comparison.number} over {levels} (least squares, seed by seed)",
        "longest": f"the greatest {levels} at which {comparison.number} reaches "
        f"{number(comparison.solved)} (half of the least where it never does)",
        "restricted": f"{comparison.number} (of runs that diverged or never came there, the updates that all runs had)",
    }[comparison.estimate]
    if comparison.level is not None:
        said += f" at {levels} {comparison.level if isinstance(comparison.level, str) else f'{comparison.level:g}'}"
    if comparison.cost:
        said += f", times the median {comparison.cost[1]} of {comparison.cost[0]}"
    return said


def _directions(claim: Claim, comparison: Comparison) -> str:
    settings = comparison.settings or claim.parts[comparison.part].settings
    directions = {comparison.better or claim.settings[name].better: None for name in settings}
    if len(directions) == 1:
        return f"{next(iter(directions))} is better"
    return "what is better follows the setting's test metric"


def _margins(claim: Claim, comparison: Comparison) -> str:
    settings = comparison.settings or claim.parts[comparison.part].settings
    known = {name: margin for name in settings if (margin := comparison.margin_of(name)) is not None}
    if len(set(known.values())) == 1 and len(known) == len(settings):
        units = {_unit(claim, comparison, name) for name in settings}
        return _bound(comparison, next(iter(known.values())), units.pop() if len(units) == 1 else "")
    return ", ".join(
        f"{claim.settings[name].title} {_bound(comparison, margin, _unit(claim, comparison, name))}"
        for name, margin in known.items()
    )


def _unit(claim: Claim, comparison: Comparison, setting: str) -> str:
    return comparison.unit if comparison.unit is not None else claim.settings[setting].unit


def _bound(comparison: Comparison, value: float, unit: str = "") -> str:
    return f"a factor of {value:g}" if comparison.scale == "ratio" else f"{value:g} {unit}".strip()
