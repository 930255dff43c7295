"""Claims read from their files: experiments/<claim>/claim.yaml and experiments/settings.yaml, strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gru_bench.claims.claim import (
    CLAIM_FILE,
    SETTINGS_FILE,
    Arm,
    Caveat,
    Claim,
    Levels,
    Part,
    Published,
    Seeds,
    Setting,
    Smoke,
)
from gru_bench.claims.comparison import NUMBERS, Comparison
from gru_bench.claims.needs import NEEDS_FILE, Need, Source
from gru_bench.errors import ConfigError, UserError, nearest
from gru_bench.validation import bind


def _curve(value: Any) -> tuple[float, ...]:
    return tuple(map(float, value)) if isinstance(value, list) else (float(value),)


BY_NAME: Mapping[str, Callable[[Any], Any]] = {
    "margins": float,
    "floors": float,
    "controls": str,
    "targets": _curve,
    "train_losses": _curve,
}
"""Keys that hold a value for each setting, or for each arm."""
FORMER = ("claim", "at_least", "expected")
"""Keys of a comparison that an older version read."""


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
        _comparison(value, f"{where}: comparisons[{index}]")
        for index, value in enumerate(values.pop("comparisons", None) or ())
    )
    published = tuple(
        _bind(Published, value, f"{where}: published[{index}]")
        for index, value in enumerate(values.pop("published", None) or ())
    )
    caveats = tuple(
        _bind(Caveat, value, f"{where}: caveats[{index}]")
        for index, value in enumerate(values.pop("caveats", None) or ())
    )
    made = {"name": name, "arms": arms, "parts": parts, "settings": settings}
    made |= {"comparisons": comparisons, "published": published, "caveats": caveats}
    claim = Claim(**bind(Claim, values, where, supplied=frozenset(made)), **made)
    _check(claim, where)
    return claim


def rules(text: str) -> object:
    """Return what the text of a claim.yaml lays down: all but its caveats, which may be written after the runs."""
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return {key: value for key, value in values.items() if key != "caveats"} if isinstance(values, dict) else values


def read_needs(folder: Path, claims: Sequence[Claim]) -> list[Need]:
    """Read what people need and which findings answer it; nothing where the folder does not say.

    Args:
        folder: of experiments.
        claims: all of the folder.

    Raises:
        UserError: the file cannot be read.
        ConfigError: it says something that is not allowed, or names a claim, comparison or setting that is not there.
    """
    if not (folder / NEEDS_FILE).exists():
        return []
    by_name = {claim.name: claim for claim in claims}
    return [_need(value, f"{NEEDS_FILE}: {name}", by_name) for name, value in _read_yaml(folder / NEEDS_FILE).items()]


def _need(values: Any, where: str, claims: Mapping[str, Claim]) -> Need:
    values = dict(values) if isinstance(values, Mapping) else values
    made: dict[str, Any] = {"findings": ()}
    if isinstance(values, dict):
        made["findings"] = tuple(
            _source(value, f"{where}.findings[{index}]", claims)
            for index, value in enumerate(values.pop("findings", None) or ())
        )
        if "cost" in values:
            made["cost"] = _source(values.pop("cost"), f"{where}.cost", claims)
    if not made["findings"]:
        raise ConfigError(f"{where}.findings", None, "a list of findings that answer the need")
    return _bind(Need, values, where, **made)


def _source(values: Any, where: str, claims: Mapping[str, Claim]) -> Source:
    source: Source = _bind(Source, values, where)
    claim = _known(claims, source.claim, f"{where}.claim")
    comparisons = {comparison.name: comparison for comparison in claim.comparisons}
    chosen = [_known(comparisons, name, f"{where}.comparisons") for name in source.comparisons]
    chosen = chosen or [comparison for comparison in claim.comparisons if comparison.verdict]
    if not chosen:
        raise ConfigError(f"{where}.claim", claim.name, "a claim with comparisons")
    settings = {
        name: None for comparison in chosen for name in comparison.settings or claim.parts[comparison.part].settings
    }
    for name in source.settings:
        _known(settings, name, f"{where}.settings")
    return source


def _comparison(values: Any, where: str) -> Comparison:
    for key in FORMER:
        if isinstance(values, Mapping) and key in values:
            raise ConfigError(
                where,
                key,
                "a key of docs/claims.md",
                "A comparison says which arm is better; factor= is what is claimed.",
            )
    return _bind(Comparison, values, where)


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
    for key, kind in BY_NAME.items():
        if key in plain:
            by_name[key] = {str(name): kind(value) for name, value in _mapping(plain, key, where).items()}
    supplied = frozenset({*BY_NAME, *made})
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
        _check_drawn(part.drawn_by_seed, f"{where}: parts.{name}")
        if part.levels is not None and part.trials is not None:
            raise ConfigError(f"{where}: parts.{name}", "levels and trials", "one of them")
        if part.extensions and part.trials is None:
            raise ConfigError(f"{where}: parts.{name}.extensions", part.extensions, "0 without trials")
    for name, setting in claim.settings.items():
        _check_drawn(setting.drawn_by_seed, f"{SETTINGS_FILE}: {name}")
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
        if comparison.estimate == "near_best" and (part.trials is None or comparison.within is None):
            raise ConfigError(f"{place}, within", comparison.within, "a share of the best value, of a part with trials")
        if comparison.estimate == "longest" and comparison.solved is None:
            raise ConfigError(f"{place}, solved", None, "what counts as solved")
        for control, full in comparison.controls.items():
            for arm in (control, full):
                _known(dict.fromkeys(claim.arms_of(part)), arm, f"{place}, controls")
        if comparison.estimate == "retained":
            if part.levels is None or comparison.clean is None:
                raise ConfigError(f"{place}, clean", comparison.clean, "the level of a part with levels that is clean")
            for setting in comparison.settings or part.settings:
                _known(comparison.floors, setting, f"{place}, floors")
        if len(comparison.sides) not in (0, 2):
            raise ConfigError(f"{place}, sides", comparison.sides, "two names")
        least = 1 if comparison.scale == "ratio" else 0
        for bound in (comparison.factor, comparison.margin, *comparison.margins.values()):
            if bound is not None and bound < least:
                raise ConfigError(f"{place}, factor or margin", bound, f"at least {least}, as {comparison.scale}s are")
        if comparison.factor is not None and comparison.scale != "ratio":
            raise ConfigError(f"{place}, factor", comparison.factor, "null where a difference is estimated")
        if comparison.says:
            _check_sentence(comparison.says, f"{place}, says")
    for index, caveat in enumerate(claim.caveats):
        for name in caveat.comparisons:
            known = {comparison.name: comparison for comparison in claim.comparisons}
            _known(known, name, f"{where}: caveats[{index}].comparisons")
        for name in caveat.settings:
            _known(claim.settings, name, f"{where}: caveats[{index}].settings")
    for value in claim.published:
        part = _known(claim.parts, value.part, f"{where}: published, part")
        _known(claim.arms, value.arm, f"{where}: published, arm")
        _known(claim.settings, value.setting, f"{where}: published, setting")
        _known(dict.fromkeys(part.numbers), value.number, f"{where}: published, number")


def _check_drawn(keys: tuple[str, ...], where: str) -> None:
    for key in keys:
        if not key.startswith("data."):
            raise ConfigError(f"{where}.drawn_by_seed", key, "keys of data, such as data.seed and data.draw_seed")


def _check_sentence(text: str, where: str) -> None:
    try:
        text.format(**dict.fromkeys(NUMBERS, 1.0))
    except (KeyError, ValueError, IndexError) as error:
        raise ConfigError(where, text, f"numbers in braces among {', '.join(NUMBERS)}") from error


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
