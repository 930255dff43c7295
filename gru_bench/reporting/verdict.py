"""What the paired difference and its 95 % interval say of a cell, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gru_bench.reporting.format import estimate, unit
from gru_bench.results.comparison import REFERENCE, Arm, Group

Kind = Literal["better", "worse", "open", "none"]  # than the reference; open: no difference shown; none: no verdict


@dataclass(frozen=True)
class Verdict:
    """One arm against the reference.

    Attributes:
        kind: what is shown of the arm.
        answer: the few words that answer which of the two.
        detail: the numbers behind it, or what is missing for them.
    """

    kind: Kind
    answer: str
    detail: str


def verdict(group: Group, arm: Arm) -> Verdict:
    """Judge an arm by the difference of the deciding test metric to the reference, paired by seed.

    Raises:
        ValueError: the group has no reference.
    """
    if group.reference is None:
        raise ValueError(f"verdict: expected a group with a reference, found {[arm.name for arm in group.arms]}")
    reference = group.reference.name
    difference = group.difference(arm)
    if difference is None:
        return Verdict("none", "no verdict: no shared seed", f"{arm.name} and {reference} ran with different seeds")
    found = difference.estimate
    measure = group.metric.replace("_", " ")
    if of := unit(group.metric, group.first):
        measure += f" ({of})"
    seeds = "1 seed" if found.count == 1 else f"{found.count} seeds"
    detail = f"{arm.name} - {reference}: {estimate(found, signed=True)} {measure}, {seeds}"
    if found.half_width is None:
        return Verdict("none", "no verdict: only one seed", detail)
    if not found.excludes_zero:
        return Verdict("open", f"no difference shown between {arm.name} and {reference}", detail)
    if (found.mean > 0) == group.maximise:
        return Verdict("better", f"{arm.name} is better than {reference}", detail)
    return Verdict("worse", f"{reference} is better than {arm.name}", detail)


def verdicts(group: Group) -> list[Verdict]:
    """Judge all arms of a group but the reference; without any, the only verdict says why."""
    return [verdict(group, arm) for arm in group.others] or [Verdict("none", no_verdict(group), "")]


def no_verdict(group: Group) -> str:
    """Say why no arm of a group is judged; empty where one is."""
    if group.others:
        return ""
    if group.reference is not None:
        return f"no verdict: only {group.reference.name} ran with these settings"
    variants = [arm.name for arm in group.arms if arm.cell == REFERENCE]
    if variants:
        return f"no verdict: none of {', '.join(variants)} is the plain {REFERENCE}"
    return f"no verdict: no {REFERENCE} run with these settings"


def better_baselines(group: Group) -> list[str]:
    """Say which baselines are as good as or better than which arms."""
    found = []
    for name in group.baselines:
        beaten = [arm.name for arm in group.beaten_by(name)]
        if beaten:
            whom = "every cell" if len(beaten) == len(group.arms) and len(beaten) > 1 else " and ".join(beaten)
            found.append(f"The baseline {name} is as good as or better than {whom}.")
    return found
