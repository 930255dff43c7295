"""What a claim's rules and findings say, in words and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from gru_bench.claims.claim import Claim
from gru_bench.claims.comparison import HELD, Comparison
from gru_bench.claims.finding import Finding
from gru_bench.reporting.format import number, times
from gru_bench.results.statistics import Interval

SMOKE = "Rows of the scale smoke test the machinery. They are no evidence for or against anything."


def effect_text(finding: Finding, *, interval: bool = True) -> str:
    """Write by how much the first arm is better: `1.22× [1.19, 1.25]`, or `+0.012 [−0.003, +0.027] nats`.

    Args:
        finding: without an effect it is written as nothing.
        interval: whether the interval is written as well; without it ratios have three digits, alike in all rows.
    """
    if finding.effect is None:
        return ""
    ratio = finding.comparison.scale == "ratio"
    if interval:
        text = interval_text(finding.effect, signed=not ratio, after="×" if ratio else "")
    else:
        text = times(finding.effect.value) if ratio else _signed(_writer(finding.effect)(finding.effect.value), True)
    return text if ratio else " ".join(filter(None, [text, finding.unit]))


def range_text(findings: Sequence[Finding]) -> str:
    """Write the effect of one finding with its interval, or the least and the greatest of several: `1.11× to 1.28×`.

    Args:
        findings: of one scale and unit, each with an effect.
    """
    if len(findings) == 1:
        return effect_text(findings[0])
    ordered = sorted(findings, key=lambda finding: finding.effect.value if finding.effect else 0.0)
    low, high = (effect_text(finding, interval=False) for finding in (ordered[0], ordered[-1]))
    return low if low == high else f"{low.removesuffix(f' {ordered[0].unit}')} to {high}"


def listed(names: Sequence[str]) -> str:
    """Join names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def interval_text(found: Interval, *, signed: bool = False, after: str = "") -> str:
    """Write an estimate and its interval, rounded to one digit of half the interval's width, to two where it is a 1.

    Args:
        found: an interval without ends is written without them, one without width is exact.
        signed: whether values above zero get a sign.
        after: what follows the estimate, such as `×`.
    """
    write = _writer(found)
    middle = _signed(write(found.value), signed) + after
    if write is number:
        return f"{middle} (one pair, no interval)"
    if write is exact_text:
        return middle
    return f"{middle} [{_signed(write(found.low), signed)}, {_signed(write(found.high), signed)}]"


def _writer(found: Interval) -> Callable[[float], str]:
    """Return how an estimate and the ends of its interval are written, with as many digits as its width bears."""
    width = (found.high - found.low) / 2
    if not math.isfinite(width):
        return number
    if width <= 1e-9 * abs(found.value):
        return exact_text
    digits = max(0, -math.floor(math.log10(width / 2)))
    return ("{:.2e}" if digits > 6 else f"{{:,.{digits}f}}").format


def exact_text(value: float) -> str:
    """Write a number that has no error, without the zeros at its end."""
    text = number(value)
    return text if "e" in text or "." not in text else text.rstrip("0").rstrip(".")


def _signed(text: str, signed: bool) -> str:
    negative = text.startswith("-")
    digits = text.lstrip("-")
    if not any(digit in "123456789" for digit in digits.partition("e")[0]):
        return digits
    return f"−{digits}" if negative else f"+{digits}" if signed else digits


def place(finding: Finding) -> str:
    """Name where a finding is from: its setting, and its level where each is by itself."""
    return f"{finding.title}, {finding.factor} {finding.level}" if by_level(finding) else finding.title


def by_level(finding: Finding) -> bool:
    """Return whether a finding is one of several levels; where there is but one, the comparison's name says it."""
    return bool(finding.level) and finding.comparison.level is None


def shortened(text: str, longest: int) -> str:
    """Cut a text where a picture has no room for more than `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def improving_sides(findings: Iterable[Finding]) -> str:
    """Name the side that longer training could still improve, or both; nothing where there is none."""
    sides = {
        side
        for finding in findings
        for side, arms in zip(finding.sides, (finding.comparison.first, finding.comparison.second), strict=True)
        if set(arms) & set(finding.improving)
    }
    return "both" if len(sides) > 1 else "".join(sides)


def rule(claim: Claim, comparison: Comparison, findings: Sequence[Finding]) -> str:
    """Spell out how a comparison is decided.

    Args:
        claim: whose comparison it is.
        comparison: the rule.
        findings: of the comparison.
    """
    pairs = zip(findings[0].sides, (comparison.first, comparison.second), strict=True)
    first, second = (_side(name, [claim.title_of(arm) for arm in arms]) for name, arms in pairs)
    said = (
        f"{first} against {second} in {_estimate(claim, comparison)} ({_directions(claim, comparison)}). One is better "
        f"where its {'factor' if comparison.scale == 'ratio' else 'advantage'} is surely above "
        f"{'one' if comparison.scale == 'ratio' else 'zero'}; else it is open."
    )
    if margins := _margins(claim, comparison):
        said += f" No difference that matters, where it surely lies within the margin: {margins}."
    if comparison.controls:
        controls = comparison.controls.items()
        named = ", ".join(f"{claim.title_of(control)} from {claim.title_of(full)}" for control, full in controls)
        said += f" A setting is sensitive, and answers, only where it tells one of these apart: {named}."
    return f"{said} {_certainty(findings)}"


def _side(name: str, arms: Sequence[str]) -> str:
    return name if len(arms) == 1 else f"{name} (mean of {', '.join(arms)})"


def _certainty(findings: Sequence[Finding]) -> str:
    if findings and all(finding.exact for finding in findings):
        return "The numbers are counted, so there is no test."
    return "Student t tests on pairs of one seed, each at 2.5 %, with Holm's correction over all cases of the claim."


def _estimate(claim: Claim, comparison: Comparison) -> str:
    part = claim.parts[comparison.part]
    levels = part.levels.title if part.levels else "the levels"
    counted = comparison.number.replace("_", " ")
    said = {
        "value": counted,
        "slope": f"the slope of {counted} over {levels} (least squares, seed by seed)",
        "longest": f"the greatest {levels} at which {counted} reaches "
        f"{number(comparison.solved)} (half of the least where it never does)",
        "retained": f"{counted}, as a share of its distance from the floor at {levels} {comparison.clean} "
        f"(while both keep {HELD:.0%} of it)",
        "restricted": f"{counted} (of runs that diverged or never came there, the updates that all runs had)",
        "near_best": f"the share of trials whose {counted} is within {comparison.within or 0:.0%} of their arm's best",
    }[comparison.estimate]
    if comparison.level is not None:
        said += f" at {levels} {comparison.level if isinstance(comparison.level, str) else f'{comparison.level:g}'}"
    if comparison.cost:
        said += f", times the median {comparison.cost[1].replace('_', ' ')} of {comparison.cost[0]}"
    return said


def _directions(claim: Claim, comparison: Comparison) -> str:
    settings = comparison.settings or claim.parts[comparison.part].settings
    directions = {comparison.direction(claim.settings[name].better): None for name in settings}
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
