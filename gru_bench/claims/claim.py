"""What a claim is: statement, protocol and decision rule, as experiments/<claim>/claim.yaml has them.

All of it is fixed before the runs. The settings that claims share (task, data, sizes per scale) stand once, in
experiments/settings.yaml; experiments/README.md explains both files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

from gru_bench.claims.comparison import Better, Comparison, Level
from gru_bench.validation import Natural

Scale = Literal["smoke", "small", "published"]
SCALES: tuple[Scale, ...] = get_args(Scale)
Measure = Literal[
    "run", "parameters", "memory", "update_time", "layer_time", "gradient_flow", "quantised", "streaming_time"
]
COUNTED = ("parameters", "memory")
"""Measures without sampling: one row is the whole truth."""

CLAIM_FILE, SETTINGS_FILE, RESULTS_FILE = "claim.yaml", "settings.yaml", "results.csv"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A task with its data and sizes, the same for all arms.

    Attributes:
        title: for people.
        run: settings of `train`.
        smoke: further ones at this scale, which is there to test that all works; None: not run at it.
        small: the same for the scale that gives verdicts.
        published: the same for published sizes and recipes.
        better: whether less or more of the test metric is better.
        unit: of the test metric.
        drawn_by_seed: keys of `data` that get the value of the seed, so that seeds differ in their data as well.
    """

    title: str
    run: tuple[str, ...]
    better: Better
    unit: str
    drawn_by_seed: tuple[str, ...] = ()
    smoke: tuple[str, ...] | None = None
    small: tuple[str, ...] | None = None
    published: tuple[str, ...] | None = None

    def at(self, scale: Scale) -> tuple[str, ...] | None:
        """Return the settings of `train` at a scale, or None where it is not run at it."""
        own = getattr(self, scale)
        return None if own is None else (*self.run, *own)


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One of the compared conditions.

    Attributes:
        title: for people; by default its name, with spaces.
        run: settings of `train`.
        tuned: the arm of experiments/tuning whose best trial on the validation split, by setting, is taken over.
        space: of configs/sweeps; trials of a random search are drawn from it.
        half_of: the arm of whose units it gets half, for a control.
        parameters_of: the arm whose number of recurrent parameters it gets, as closely as a hidden size can.
        compute_of: the arm whose operations of all updates together it gets.
    """

    title: str = ""
    run: tuple[str, ...] = ()
    tuned: str | None = None
    space: str | None = None
    half_of: str | None = None
    parameters_of: str | None = None
    compute_of: str | None = None


@dataclass(frozen=True, kw_only=True)
class Levels:
    """A factor that is varied within every arm: one key of `train` and its values by scale."""

    key: str
    title: str
    smoke: tuple[float | str, ...] = ()
    small: tuple[float | str, ...] = ()
    published: tuple[float | str, ...] = ()

    def at(self, scale: Scale) -> tuple[Level, ...]:
        """Return the values at a scale."""
        return getattr(self, scale)


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """Paired repetitions by scale; rounds of measurement where the measure is a time."""

    smoke: Natural = 2
    small: Natural = 5
    published: Natural = 0


@dataclass(frozen=True, kw_only=True)
class Smoke:
    """What stands for a whole part at the scale `smoke`: some of its settings and arms; all where none is named."""

    settings: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Part:
    """One kind of measurement of some arms in some settings, with the numbers that its rows hold.

    Attributes:
        measure: what is done; `run` trains.
        settings: names in experiments/settings.yaml.
        arms: names of arms; all of the claim where none is named.
        run: settings of `train` for all of its runs.
        levels: a factor varied within every arm.
        seeds: repetitions.
        first_seed: seeds count from here on.
        trained: whether the measure is of networks after training, which are then trained first.
        trials: of a random search, by scale, instead of levels; of arms with a `space`.
        extensions: how often, at most, half as many trials follow from extended ranges; see docs/claims.md.
        numbers: columns of results.csv; see docs/claims.md for those of each measure.
        targets: of the validation metric, by setting, to which updates are counted: one, or several for a curve.
        train_losses: by setting, at which the validation metric is read, likewise.
        smoke: what stands for all of it at the scale `smoke`.
        drawn_by_seed: keys of `data` that get the value of the seed, beside those of the setting.
    """

    measure: Measure
    settings: tuple[str, ...]
    arms: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    drawn_by_seed: tuple[str, ...] = ()
    levels: Levels | None = None
    seeds: Seeds = field(default_factory=Seeds)
    first_seed: Natural = 0
    trained: bool = False
    trials: Seeds | None = None
    extensions: Natural = 0
    numbers: tuple[str, ...] = ("test", "valid")
    targets: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    train_losses: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    smoke: Smoke = field(default_factory=Smoke)


def curve_columns(name: str, values: Sequence[float]) -> dict[str, float]:
    """Name the columns of a number that is taken at one value, or numbered from 1 at several."""
    return {f"{name}_{index}" if len(values) > 1 else name: value for index, value in enumerate(values, start=1)}


@dataclass(frozen=True, kw_only=True)
class Published:
    """A value of the literature; scale=published runs what it is compared with.

    Attributes:
        part: whose measure and numbers are used.
        setting: the published size and recipe.
        arm: the arm.
        number: the column.
        value: as published; None where the source says it in words alone, in `text`.
        source: paper and table.
        text: what the source says, or how ours differs.
    """

    part: str
    setting: str
    arm: str
    source: str
    number: str = "test"
    value: float | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Caveat:
    """What a reader must know before the verdicts of a claim: why some do not stand, or how they are to be read.

    Attributes:
        text: the reason, with its numbers.
        comparisons: names of the comparisons it is about; all where none is named.
        settings: the settings it is about; all where none is named.
        withdraws: whether their verdicts are withdrawn; False: the text is shown and the verdicts stand.
    """

    text: str
    comparisons: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    withdraws: bool = True

    def withdraws_in(self, comparison: str, setting: str) -> bool:
        """Return whether the verdict of a comparison in a setting is withdrawn."""
        return (
            self.withdraws
            and comparison in (self.comparisons or (comparison,))
            and setting in (self.settings or (setting,))
        )


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the literature and how it is decided.

    Attributes:
        name: of its folder.
        title: a few words.
        statement: the claim, as a sentence that can be wrong.
        source: who says so.
        estimand: what is estimated, in words.
        protocol: how.
        change_our_mind: what would overturn the verdict.
        parts: measurements by name.
        arms: conditions by name.
        settings: those that its parts name.
        conjunction: whether it holds in a setting only where all of its comparisons do.
        comparisons: the decision rules; none for an experiment that only serves others, such as tuning.
        published: values of the literature.
        caveats: what qualifies or withdraws its verdicts.
    """

    name: str
    title: str
    statement: str
    source: str
    estimand: str
    protocol: str
    change_our_mind: str = ""
    arms: Mapping[str, Arm]
    parts: Mapping[str, Part]
    settings: Mapping[str, Setting]
    conjunction: bool = False
    comparisons: tuple[Comparison, ...] = ()
    published: tuple[Published, ...] = ()
    caveats: tuple[Caveat, ...] = ()

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The columns of its results.csv beyond those that every claim has."""
        return tuple(dict.fromkeys(name for part in self.parts.values() for name in part.numbers))

    def title_of(self, arm: str) -> str:
        """Return the name of an arm for people."""
        return self.arms[arm].title or arm.replace("_", " ")

    def arms_of(self, part: Part) -> tuple[str, ...]:
        """Return the names of a part's arms."""
        return part.arms or tuple(self.arms)
