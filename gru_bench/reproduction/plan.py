"""The runs and measurements that a claim needs, each with its settings."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gru_bench.claims.claim import Arm, Better, Claim, Level, Part, Scale
from gru_bench.claims.rows import Key, Row, level_text
from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.errors import ConfigError, UserError
from gru_bench.reproduction.trials import drawn, extended
from gru_bench.search.space import Space, Value, read_space, space_file
from gru_bench.search.space import overrides as trial_overrides


@dataclass(frozen=True)
class Job:
    """One run or measurement: what its row is about, and how it is done.

    Attributes:
        key: what its row is about.
        part: of the claim.
        config: all settings, seed included.
        overrides: the command line of `train` that gives them.
        better: whether less or more of the test metric is better, as the setting says.
        drawn: keys of `data` that have the value of the seed.
    """

    key: Key
    part: Part
    config: Config
    overrides: tuple[str, ...]
    better: Better
    drawn: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that name all settings but the seed and what it draws: one arm, one hash."""
        return self.config.hash_without(*self.drawn)


class _Place(NamedTuple):
    """An arm of a part, by name, in a setting."""

    name: str
    part: Part
    setting: str
    arm: str


@dataclass(frozen=True)
class _Trial:
    """A trial of a random search: its settings by key, and its jobs, one for each seed."""

    values: Mapping[str, Value]
    jobs: tuple[Job, ...]


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Makes the jobs of claims.

    Attributes:
        scale: whose sizes are taken.
        settings: names of the only ones that are planned; None: all.
        common: settings of `train` for every job, such as folders.
        tuning: the experiment whose trials choose settings, and its rows.
    """

    scale: Scale
    settings: frozenset[str] | None = None
    common: tuple[str, ...]
    tuning: tuple[Claim, Sequence[Row]] | None

    def jobs(self, claim: Claim, rows: Sequence[Row] = ()) -> tuple[list[Job], list[str]]:
        """Return all jobs of a claim in the order in which they are best done, and what cannot be planned, a line each.

        An arm cannot be planned where it takes over trials that were not run, or is matched on data that is missing.

        Args:
            claim: the claim.
            rows: those that it has; how a search goes on depends on them.

        Raises:
            ConfigError: settings that are not allowed.
        """
        jobs: list[Job] = []
        refused: dict[tuple[str, str], list[str]] = {}
        for place in self._places(claim):
            try:
                jobs += self._arm_jobs(claim, rows, place)
            except ConfigError:
                raise
            except UserError as error:
                refused.setdefault((f"{place.name} {place.setting}", str(error)), []).append(place.arm)
        return jobs, [f"{claim.name}, {where} {', '.join(arms)}: {why}" for (where, why), arms in refused.items()]

    def _places(self, claim: Claim) -> Iterator[_Place]:
        """Yield what of a claim belongs to the scale and the settings."""
        wanted = {(value.part, value.setting, value.arm) for value in claim.published}
        smoke = self.scale == "smoke"
        for name, part in claim.parts.items():
            for setting in filter(self._planned, (smoke and part.smoke.settings) or part.settings):
                for arm in (smoke and part.smoke.arms) or claim.arms_of(part):
                    if self.scale != "published" or (name, setting, arm) in wanted:
                        yield _Place(name, part, setting, arm)

    def _planned(self, setting: str) -> bool:
        return self.settings is None or setting in self.settings

    def _arm_jobs(self, claim: Claim, rows: Sequence[Row], place: _Place) -> Iterator[Job]:
        levels = place.part.levels
        if place.part.trials is not None:
            for trial in self._trials(claim, rows, place):
                yield from trial.jobs
        elif levels is not None:
            for level in levels.at(self.scale):
                yield from self._seeds(claim, place, level, (f"{levels.key}={level_text(level)}",))
        else:
            yield from self._seeds(claim, place, None, ())

    def _seeds(self, claim: Claim, place: _Place, level: Level | None, varied: tuple[str, ...]) -> Iterator[Job]:
        """Yield the jobs of an arm at a level, whose settings are `varied`."""
        name, part, setting, arm = place
        count = getattr(part.seeds, self.scale)
        sized = claim.settings[setting].at(self.scale)
        if not count or sized is None:
            return
        own = claim.arms[arm]
        shared = (*sized, *part.run, *varied)
        unmatched = (*shared, *self._chosen(own, setting), *own.run)
        overrides = (*unmatched, *self._matched(claim, own, setting, shared, unmatched))
        config = _composed(*overrides, *self.common)
        keys = tuple(dict.fromkeys((*claim.settings[setting].drawn_by_seed, *part.drawn_by_seed)))
        for seed in range(part.first_seed, part.first_seed + count):
            of_seed = dict.fromkeys((*keys, "seed"), seed)
            yield Job(
                key=Key(self.scale, name, setting, arm, level_text(level), seed),
                part=part,
                config=config.with_values(of_seed),
                overrides=last_values((*overrides, *(f"{key}={value}" for key, value in of_seed.items()))),
                better=claim.settings[setting].better,
                drawn=keys,
            )

    def _trials(self, claim: Claim, rows: Sequence[Row], place: _Place) -> list[_Trial]:
        """Return the trials of an arm: first of its space, then, while all have rows, of the extended one."""
        searched, count = claim.arms[place.arm].space, getattr(place.part.trials, self.scale)
        if searched is None:
            raise UserError("a part with trials needs arms with a space")
        space = first = _space(searched)
        trials: list[_Trial] = []
        for batch in (count, *[-(-count // 2)] * place.part.extensions):
            for index in range(len(trials), len(trials) + batch):
                values = drawn(space, index)
                seeds = self._seeds(claim, place, float(index), trial_overrides(values))
                trials.append(_Trial(values, tuple(seeds)))
            best = _best(trials, rows, claim.settings[place.setting].better)
            if best is None:
                break
            wider = extended(space, first, best.values, functools.partial(self._allowed, best.jobs[0].overrides))
            if wider == space:
                break
            space = wider
        return trials

    def _allowed(self, overrides: tuple[str, ...], key: str, value: int | float) -> bool:
        try:
            _composed(*overrides, f"{key}={value}", *self.common)
        except ConfigError:
            return False
        return True

    def _chosen(self, arm: Arm, setting: str) -> tuple[str, ...]:
        """Return the settings of the best trial of an arm, by the validation metric."""
        if arm.tuned is None or self.scale == "published":
            return ()
        if self.tuning is None:
            raise UserError(f"an arm takes over a trial of tuning: {arm.tuned}, and there is no such experiment.")
        claim, rows = self.tuning
        trials = [
            trial
            for place in self._places(claim)
            if place.part.trials is not None and (place.setting, place.arm) == (setting, arm.tuned)
            for trial in self._trials(claim, rows, place)
        ]
        left = sum(bool(missing(trial.jobs, rows)) for trial in trials)
        if left or not trials:
            count = f"{left} of {len(trials)} trials" if trials else "trials"
            raise UserError(f"{count} of {arm.tuned} in {setting} were not run yet: claim=tuning scale={self.scale}.")
        best = _best(trials, rows, claim.settings[setting].better)
        if best is None:
            raise UserError(f"all trials of {arm.tuned} in {setting} diverged: its search space needs other ranges.")
        return trial_overrides(best.values)

    def _matched(
        self, claim: Claim, arm: Arm, setting: str, shared: tuple[str, ...], unmatched: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Return the settings that give an arm half of the units, the parameters, or the operations of another one.

        Args:
            claim: whose arms they are.
            arm: the one that is matched.
            setting: where.
            shared: settings of all arms there.
            unmatched: those of the arm, these included.
        """
        other = arm.half_of or arm.parameters_of or arm.compute_of
        if other is None:
            return ()
        reference = claim.arms[other]
        config = _composed(*shared, *self._chosen(reference, setting), *reference.run, *self.common)
        if arm.half_of is not None:
            if config.model.hidden_size is None:
                raise UserError(f"half of {other} is wanted, which has a parameter budget, expected a hidden size.")
            return (f"model.hidden_size={config.model.hidden_size // 2}",)
        from gru_bench.reproduction.matching import operations, parameter_budget  # JAX takes seconds to load

        if arm.parameters_of is not None:
            budget = parameter_budget(_composed(*unmatched, *self.common), config)
            return ("model.hidden_size=null", f"model.parameter_budget={budget}")
        return ("training.updates=null", "training.epochs=null", f"training.flops_budget={operations(config):.6g}")


def missing(jobs: Sequence[Job], rows: Sequence[Row]) -> list[Job]:
    """Return the jobs that have no row of their present settings."""
    done = {row.key: row.config_hash for row in rows}
    return [job for job in jobs if done.get(job.key) != job.hash]


def _best(trials: Sequence[_Trial], rows: Sequence[Row], better: Better) -> _Trial | None:
    """Return the trial with the best mean validation metric; None before all have rows, or where all diverged."""
    done = {(row.key, row.config_hash): row.numbers.get("valid") for row in rows}
    values: list[tuple[float, int]] = []
    for index, trial in enumerate(trials):
        if missing(trial.jobs, rows):
            return None
        valid = [done[job.key, job.hash] for job in trial.jobs]
        reached = [value for value in valid if value is not None]
        if reached and len(reached) == len(valid):
            values.append((float(np.mean(reached)) * (-1 if better == "more" else 1), index))
    return trials[min(values)[1]] if values else None


@functools.cache
def _space(name: str) -> Space:
    return read_space(space_file(name))


@functools.cache
def _composed(*overrides: str) -> Config:
    return composed(*last_values(overrides))


def last_values(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the last one of overrides with the same key, as Hydra refuses a group that is chosen twice."""
    found: dict[str, Any] = {}
    for text in overrides:
        key = text.partition("=")[0]
        found.pop(key, None)
        found[key] = text
    return tuple(found.values())
