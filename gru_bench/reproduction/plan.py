"""The runs and measurements that a claim needs, each with its settings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_bench.claims.claim import Arm, Claim, Level, Part, Scale
from gru_bench.claims.rows import Key, Row, level_text
from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.errors import ConfigError, UserError
from gru_bench.search.space import Space, read_space, space_file
from gru_bench.search.space import overrides as trial_overrides

TRIAL_SEED = 0
"""Of the generators that draw trials: the same for all arms and settings, so that all search the same points."""


@dataclass(frozen=True)
class Job:
    """One run or measurement: what its row is about, and how it is done.

    Attributes:
        key: what its row is about.
        part: of the claim.
        config: all settings, seed included.
        overrides: the command line of `train` that gives them.
        target: of the validation metric, to which updates are counted; None: not counted.
        drawn: keys of `data` that have the value of the seed.
    """

    key: Key
    part: Part
    config: Config
    overrides: tuple[str, ...]
    target: float | None
    drawn: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """Eight hexadecimal digits that name all settings but the seed and what it draws: one arm, one hash."""
        return self.config.hash_without(*self.drawn)


Count = Callable[[Config], Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Makes the jobs of claims.

    Attributes:
        scale: whose sizes are taken.
        common: settings of `train` for every job, such as folders.
        tuning: the experiment whose trials choose settings, and its rows.
        count: `recurrent` parameters, `updates` and `flops_per_update` of settings, for arms that are matched.
    """

    scale: Scale
    common: tuple[str, ...]
    tuning: tuple[Claim, Sequence[Row]] | None
    count: Count

    def jobs(self, claim: Claim) -> tuple[list[Job], list[str]]:
        """Return all jobs of a claim in the order in which they are best done, and what cannot be planned, a line each.

        An arm cannot be planned where it takes over a trial that was not run, or is matched on data that is missing.

        Raises:
            ConfigError: settings that are not allowed.
        """
        jobs: list[Job] = []
        refused: dict[tuple[str, str], list[str]] = {}
        for name, part, setting, arm in self._arms(claim):
            try:
                jobs += self._arm_jobs(claim, name, part, setting, arm)
            except ConfigError:
                raise
            except UserError as error:
                refused.setdefault((f"{name} {setting}", str(error)), []).append(arm)
        return jobs, [f"{claim.name}, {place} {', '.join(arms)}: {why}" for (place, why), arms in refused.items()]

    def _arms(self, claim: Claim) -> Iterator[tuple[str, Part, str, str]]:
        """Yield name and part, setting and arm of all that belongs to the scale."""
        wanted = {(value.part, value.setting, value.arm) for value in claim.published}
        smoke = self.scale == "smoke"
        for name, part in claim.parts.items():
            for setting in (smoke and part.smoke.settings) or part.settings:
                for arm in (smoke and part.smoke.arms) or claim.arms_of(part):
                    if self.scale != "published" or (name, setting, arm) in wanted:
                        yield name, part, setting, arm

    def _arm_jobs(self, claim: Claim, name: str, part: Part, setting: str, arm: str) -> Iterator[Job]:
        count = getattr(part.seeds, self.scale)
        sized = claim.settings[setting].at(self.scale)
        if not count or sized is None:
            return
        own = claim.arms[arm]
        shared = (*sized, *part.run)
        drawn = tuple(dict.fromkeys((*claim.settings[setting].drawn_by_seed, *part.drawn_by_seed)))
        for level, varied in self._levels(part, own):
            overrides = (*shared, *varied, *self._chosen(own, setting), *own.run)
            overrides += self._matched(claim, own, setting, (*shared, *varied))
            config = _composed(*overrides, *self.common)
            for seed in range(part.first_seed, part.first_seed + count):
                of_seed = dict.fromkeys((*drawn, "seed"), seed)
                yield Job(
                    key=Key(self.scale, name, setting, arm, level_text(level), seed),
                    part=part,
                    config=config.with_values(of_seed),
                    overrides=_last((*overrides, *(f"{key}={value}" for key, value in of_seed.items()))),
                    target=part.targets.get(setting),
                    drawn=drawn,
                )

    def _levels(self, part: Part, arm: Arm) -> Iterator[tuple[Level | None, tuple[str, ...]]]:
        if part.trials is not None:
            for index in range(getattr(part.trials, self.scale)):
                yield float(index), self._trial(arm, index)
        elif part.levels is not None:
            for level in part.levels.at(self.scale):
                yield level, (f"{part.levels.key}={level_text(level)}",)
        else:
            yield None, ()

    def _trial(self, arm: Arm, index: int) -> tuple[str, ...]:
        if arm.space is None:
            raise UserError("a part with trials needs arms with a space")
        generator = np.random.default_rng([TRIAL_SEED, index])
        return trial_overrides(_space(arm.space).draw(generator))

    def _chosen(self, arm: Arm, setting: str) -> tuple[str, ...]:
        """Return the settings of the best trial of an arm, by the validation metric."""
        if arm.tuned is None or self.scale == "published":
            return ()
        if self.tuning is None:
            raise UserError(f"an arm takes over a trial of tuning: {arm.tuned}, and there is no such experiment.")
        claim, rows = self.tuning
        values = {
            int(row.key.level): value
            for row in rows
            if (row.key.scale, row.key.setting, row.key.arm) == (self.scale, setting, arm.tuned)
            and (value := row.numbers.get("valid")) is not None
        }
        if not values:
            raise UserError(f"no trial of {arm.tuned} in {setting} was run yet: claim=tuning scale={self.scale}.")
        choose = max if claim.settings[setting].better == "more" else min
        return self._trial(claim.arms[arm.tuned], choose(values, key=lambda index: values[index]))

    def _matched(self, claim: Claim, arm: Arm, setting: str, shared: tuple[str, ...]) -> tuple[str, ...]:
        """Return the settings that give an arm the parameters, or the operations, of another one."""
        other = arm.parameters_of or arm.compute_of
        if other is None:
            return ()
        reference = claim.arms[other]
        counts = self.count(_composed(*shared, *self._chosen(reference, setting), *reference.run, *self.common))
        if arm.parameters_of is not None:
            return ("model.hidden_size=null", f"model.parameter_budget={counts['recurrent']:.0f}")
        operations = counts["updates"] * counts["flops_per_update"]
        return ("training.updates=null", "training.epochs=null", f"training.flops_budget={operations:.6g}")


def missing(jobs: Sequence[Job], rows: Sequence[Row]) -> list[Job]:
    """Return the jobs that have no row of their present settings."""
    done = {row.key: row.config_hash for row in rows}
    return [job for job in jobs if done.get(job.key) != job.hash]


@functools.cache
def _space(name: str) -> Space:
    return read_space(space_file(name))


@functools.cache
def _composed(*overrides: str) -> Config:
    return composed(*_last(overrides))


def _last(overrides: Sequence[str]) -> tuple[str, ...]:
    """Return the last one of overrides with the same key, as Hydra refuses a group that is chosen twice."""
    found: dict[str, Any] = {}
    for text in overrides:
        key = text.partition("=")[0]
        found.pop(key, None)
        found[key] = text
    return tuple(found.values())
