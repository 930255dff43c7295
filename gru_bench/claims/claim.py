"""What a claim is: statement, protocol and decision rule, read strictly from experiments/<claim>/claim.yaml.

All of it is fixed before the runs. The settings that claims share (task, data, sizes per scale) stand once, in
experiments/settings.yaml; experiments/README.md explains both files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from gru_bench.errors import ConfigError, UserError, nearest
from gru_bench.validation import Natural, NonNegativeFloat, PositiveFloat, bind

Scale = Literal["smoke", "small", "published"]
SCALES: tuple[Scale, ...] = get_args(Scale)
Measure = Literal[
    "run", "parameters", "memory", "update_time", "layer_time", "gradient_flow", "quantised", "streaming_time"
]
COUNTED = ("parameters", "memory")
"""Measures without sampling: one row is the whole truth."""

CLAIM_FILE, SETTINGS_FILE, RESULTS_FILE = "claim.yaml", "settings.yaml", "results.csv"
Better = Literal["less", "more"]
Level = int | float | str


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
    """

    title: str
    run: tuple[str, ...]
    better: Better
    unit: str
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
        run: settings of `train`.
        tuned: the arm of experiments/tuning whose best trial on the validation split, by setting, is taken over.
        space: of configs/sweeps; trials of a random search are drawn from it.
        parameters_of: the arm whose number of recurrent parameters it gets.
        compute_of: the arm whose operations of all updates together it gets.
    """

    run: tuple[str, ...] = ()
    tuned: str | None = None
    space: str | None = None
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
        numbers: columns of results.csv; see docs/claims.md for those of each measure.
        targets: of the validation metric, by setting, to which updates are counted.
        smoke: what stands for all of it at the scale `smoke`.
    """

    measure: Measure
    settings: tuple[str, ...]
    arms: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    levels: Levels | None = None
    seeds: Seeds = field(default_factory=Seeds)
    first_seed: Natural = 0
    trained: bool = False
    trials: Seeds | None = None
    numbers: tuple[str, ...] = ("test", "valid")
    targets: Mapping[str, float] = field(default_factory=dict)
    smoke: Smoke = field(default_factory=Smoke)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The decision rule for two arms, applied in each setting of a part (and at each level, where none is chosen).

    Attributes:
        name: for tables.
        part: where the numbers come from.
        first: the arm of which something is claimed; of several the mean, seed by seed.
        second: what it is compared with, likewise.
        settings: some of the part's alone.
        number: the column that is compared.
        estimate: how a seed's rows become one number: `value`; `slope` of the number over levels, by least squares;
            `longest`: the greatest level at which it passes `solved` (half of the least level where it never does);
            `restricted`: the number where it is known, else the updates of the run: a time to a target.
        level: the one level that counts; None: each level by itself (`value`), or all together.
        solved: what the number must reach, in the direction of `better`, to count as solved.
        cost: part and column by which a number of updates is multiplied, such as seconds per update.
        scale: whether a `difference` first - second or a `ratio` first / second is estimated.
        better: the direction in which the first arm is better; by default that of the setting's test metric.
        claim: `advantage`: better by more than `at_least`; `equivalence`: apart by less than the margin.
        expected: the difference or the factor that is claimed of an equivalence; by default 0, or 1.
        at_least: the advantage that is claimed: a difference >= 0, or a factor >= 1.
        margin: what does not matter: a difference > 0, or a factor > 1; `margins` by setting goes first.
        margins: see `margin`.
        unit: of the effect; by default that of the setting's test metric.
        verdict: whether it decides the claim; False: reported beside it.
    """

    name: str
    part: str
    first: tuple[str, ...]
    second: tuple[str, ...]
    settings: tuple[str, ...] = ()
    number: str = "test"
    estimate: Literal["value", "slope", "longest", "restricted"] = "value"
    level: float | str | None = None
    solved: float | None = None
    cost: tuple[str, ...] = ()
    scale: Literal["difference", "ratio"] = "difference"
    better: Better | None = None
    claim: Literal["advantage", "equivalence"] = "advantage"
    expected: float | None = None
    at_least: NonNegativeFloat | None = None
    margin: PositiveFloat | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    unit: str | None = None
    verdict: bool = True

    def margin_of(self, setting: str) -> float | None:
        """Return the margin in a setting, or None where there is none."""
        return self.margins.get(setting, self.margin)


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
        comparisons: the decision rules; none for an experiment that only serves others, such as tuning.
        published: values of the literature.
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
    comparisons: tuple[Comparison, ...] = ()
    published: tuple[Published, ...] = ()

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The columns of its results.csv beyond those that every claim has."""
        return tuple(dict.fromkeys(name for part in self.parts.values() for name in part.numbers))

    def arms_of(self, part: Part) -> tuple[str, ...]:
        """Return the names of a part's arms."""
        return part.arms or tuple(self.arms)


def experiments_folder() -> Path:
    """Return the checkout's experiments where this is one, else those of the installed package."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "experiments"
    return checkout if (package.parent / "pyproject.toml").is_file() else package / "experiments"


def claims_in(folder: Path) -> list[str]:
    """Return the names of the claims in a folder of experiments, `tuning` first, the others by name."""
    names = sorted(path.parent.name for path in folder.glob(f"*/{CLAIM_FILE}"))
    return sorted(names, key=lambda name: name != "tuning")


def read_claims(folder: Path) -> list[Claim]:
    """Read all claims of a folder.

    Raises:
        UserError: there is none, or a file cannot be read.
        ConfigError: a file says something that is not allowed.
    """
    names = claims_in(folder)
    if not names:
        raise UserError(f"{folder}: found no {CLAIM_FILE} in its folders, expected one for each claim.")
    return [read_claim(folder, name) for name in names]


def read_claim(folder: Path, name: str) -> Claim:
    """Read one claim of a folder of experiments.

    Raises:
        UserError: a file cannot be read.
        ConfigError: there is no such claim, or its file says something that is not allowed.
    """
    names = claims_in(folder)
    if name not in names:
        raise ConfigError(
            "claim", name, ", ".join(names) or f"a folder of {folder} with {CLAIM_FILE}", nearest(name, names)
        )
    shared = _read_yaml(folder / SETTINGS_FILE)
    where = f"{name}/{CLAIM_FILE}"
    values = _read_yaml(folder / name / CLAIM_FILE)
    arms = {key: _bind(Arm, value, f"{where}: arms.{key}") for key, value in _mapping(values, "arms", where).items()}
    parts = {key: _part(value, f"{where}: parts.{key}") for key, value in _mapping(values, "parts", where).items()}
    settings = {
        key: _bind(Setting, _known(shared, key, f"{where}: settings"), f"{SETTINGS_FILE}: {key}")
        for key in dict.fromkeys(key for part in parts.values() for key in part.settings)
    }
    comparisons = tuple(
        _bind(Comparison, value, f"{where}: comparisons[{index}]")
        for index, value in enumerate(values.pop("comparisons", None) or ())
    )
    published = tuple(
        _bind(Published, value, f"{where}: published[{index}]")
        for index, value in enumerate(values.pop("published", None) or ())
    )
    made = {"name": name, "arms": arms, "parts": parts, "settings": settings}
    made |= {"comparisons": comparisons, "published": published}
    claim = Claim(**bind(Claim, values, where, supplied=frozenset(made)), **made)
    _check(claim, where)
    return claim


def _part(values: Any, where: str) -> Part:
    values = dict(values) if isinstance(values, Mapping) else values
    made: dict[str, Any] = {}
    if isinstance(values, dict):
        for key, cls in (("levels", Levels), ("seeds", Seeds), ("trials", Seeds), ("smoke", Smoke)):
            if key in values:
                made[key] = _bind(cls, values.pop(key), f"{where}.{key}")
    return _bind(Part, values, where, **made)


def _bind(cls: Any, values: Any, where: str, **made: Any) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(where, values, "a mapping")
    plain, by_name = dict(values), {}
    for key in ("margins", "targets"):
        if key in plain:
            by_name[key] = {str(name): float(number) for name, number in _mapping(plain, key, where).items()}
    supplied = frozenset({"margins", "targets", *made})
    return cls(**bind(cls, plain, where, supplied=supplied), **by_name, **made)


def _mapping(values: dict[str, Any], key: str, where: str) -> Mapping[str, Any]:
    found = values.pop(key, None)
    if not isinstance(found, Mapping):
        raise ConfigError(f"{where}: {key}", found, "a mapping")
    return found


def _check(claim: Claim, where: str) -> None:
    for name, part in claim.parts.items():
        for arm in part.arms:
            _known(claim.arms, arm, f"{where}: parts.{name}.arms")
        for setting in part.smoke.settings:
            _known(dict.fromkeys(part.settings), setting, f"{where}: parts.{name}.smoke.settings")
        for arm in part.smoke.arms:
            _known(dict.fromkeys(claim.arms_of(part)), arm, f"{where}: parts.{name}.smoke.arms")
        if part.levels is not None and part.trials is not None:
            raise ConfigError(f"{where}: parts.{name}", "levels and trials", "one of them")
    for comparison in claim.comparisons:
        place = f"{where}: comparison {comparison.name!r}"
        part = _known(claim.parts, comparison.part, f"{place}, part")
        for arm in (*comparison.first, *comparison.second):
            _known(dict.fromkeys(claim.arms_of(part)), arm, f"{place}, arms")
        _known(dict.fromkeys(part.numbers), comparison.number, f"{place}, number")
        for setting in (*comparison.settings, *comparison.margins):
            _known(dict.fromkeys(part.settings), setting, f"{place}, settings")
        if comparison.cost and len(comparison.cost) != 2:
            raise ConfigError(f"{place}, cost", comparison.cost, "a part and one of its numbers")
        if comparison.estimate == "restricted" and "updates" not in part.numbers:
            raise ConfigError(f"{place}, estimate", "restricted", "a part whose numbers hold updates")
        if comparison.estimate == "longest" and comparison.solved is None:
            raise ConfigError(f"{place}, solved", None, "what counts as solved")
        least = 1 if comparison.scale == "ratio" else 0
        for bound in (comparison.at_least, comparison.margin, *comparison.margins.values()):
            if bound is not None and bound < least:
                raise ConfigError(
                    f"{place}, at_least or margin", bound, f"at least {least}, as {comparison.scale}s are"
                )
        for setting in comparison.settings or part.settings:
            if comparison.claim == "equivalence" and comparison.margin_of(setting) is None:
                raise ConfigError(f"{place}, margin", None, f"a margin for {setting}")
    for value in claim.published:
        part = _known(claim.parts, value.part, f"{where}: published, part")
        _known(claim.arms, value.arm, f"{where}: published, arm")
        _known(claim.settings, value.setting, f"{where}: published, setting")
        _known(dict.fromkeys(part.numbers), value.number, f"{where}: published, number")


def _known(names: Mapping[str, Any], name: str, where: str) -> Any:
    if name not in names:
        raise ConfigError(where, name, ", ".join(names), nearest(name, names))
    return names[name]


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read ({error}).") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: found {type(values).__name__}, expected a mapping.")
    return values
