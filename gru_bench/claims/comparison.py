"""The decision rule for two arms, and what is estimated by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gru_bench.validation import PositiveFloat

Better = Literal["less", "more"]
Level = int | float | str
HELD = 0.1
"""Share of its clean skill below which an arm stands at the floor, where a comparison says nothing of noise or data."""

NUMBERS = ("low", "high", "saved_low", "saved_high", "factor", "reached", "cases")
"""What the sentence of a comparison of ratios may name; see `gru_bench.claims.headline`."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The decision rule for two arms, applied in each setting of a part (and at each level, where none is chosen).

    Effects have one direction: above zero, or above one for a ratio, the first arm is better.

    Attributes:
        name: for tables.
        part: where the numbers come from.
        first: the arm of which something is claimed; of several the mean, seed by seed.
        second: what it is compared with, likewise.
        sides: names of both for people; by default the titles of their arms.
        settings: some of the part's alone.
        number: the column that is compared.
        estimate: how a seed's rows become one number: `value`; `slope` of the number over levels, by least squares;
            `longest`: the greatest level at which it passes `solved` (half of the least level where it never does);
            `restricted`: a time to a target, at most the updates that all runs had, which also stand for runs that
            diverged or never reached it; `retained`: the distance from the floor as a share of that at the level
            `clean`, at each other level where both arms still hold a tenth of it; `near_best`: of a search, 1 for each
            trial within `within` of the arm's best and 0 for the others, paired by trial instead of seed.
        level: the one level that counts; None: each level by itself (`value`, `retained`), or all together.
        clean: of `retained`: the level without noise, or with all data.
        floors: of `retained`: the value of the number that costs nothing, such as chance, by setting.
        within: of `near_best`: the share of the best value that a trial may be worse.
        solved: what the number must reach, in the direction of `better`, to count as solved.
        cost: part and column by which a number of updates is multiplied, such as seconds per update.
        scale: whether a `difference` or a `ratio` is estimated.
        better: the direction in which a number is better; by default that of the setting's test metric.
        margin: what does not matter: a difference > 0, or a factor > 1; `margins` by setting goes first.
        margins: see `margin`.
        controls: arms that must be told from a full one for a setting to be sensitive: the full arm by control.
        factor: of a ratio: a factor that is claimed; it is counted where it is surely reached.
        says: its sentence in the headline, with numbers in braces (see docs/claims.md); by default settings by verdict.
        unit: of the effect; by default that of the setting's test metric.
        verdict: whether it decides the claim; False: reported beside it.
        no_worse: of a claim that is a conjunction: whether no difference that matters is enough.
    """

    name: str
    part: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    sides: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    number: str = "test"
    estimate: Literal["value", "slope", "longest", "restricted", "retained", "near_best"] = "value"
    level: float | str | None = None
    clean: float | str | None = None
    floors: Mapping[str, float] = field(default_factory=dict)
    within: PositiveFloat | None = None
    solved: float | None = None
    cost: tuple[str, ...] = ()
    scale: Literal["difference", "ratio"] = "difference"
    better: Better | None = None
    margin: PositiveFloat | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    controls: Mapping[str, str] = field(default_factory=dict)
    factor: PositiveFloat | None = None
    says: str = ""
    unit: str | None = None
    verdict: bool = True
    no_worse: bool = False

    def margin_of(self, setting: str) -> float | None:
        """Return the margin in a setting, or None where there is none."""
        return self.margins.get(setting, self.margin)

    def direction(self, better: Better) -> Better:
        """Return in which direction what is compared is better: more of lengths and shares, else as the number.

        Args:
            better: the direction of the setting's test metric.
        """
        return "more" if self.estimate in ("longest", "retained", "near_best") else self.better or better
