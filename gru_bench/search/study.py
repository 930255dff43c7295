"""A search that is kept in an SQLite file: any number of processes take trials from it, now or later. Needs Optuna.

Nobody is asked who is still alive: a process holds a lock on its trial, which ends with the process. A trial that is
not over and that nobody holds was left by a process that was stopped, and is the next one to be gone on with.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import optuna

from gru_bench.config import differences
from gru_bench.errors import ConfigError, UserError
from gru_bench.search.space import Choice, Parameter, Space, Value
from gru_bench.search.trials import Direction, Method, Outcome, Trial

_NAME = "gru_bench"
_UNTOLD = optuna.trial.TrialState.RUNNING
_STATES: Mapping[Outcome, optuna.trial.TrialState] = {
    "finished": optuna.trial.TrialState.COMPLETE,
    "pruned": optuna.trial.TrialState.PRUNED,
    "diverged": optuna.trial.TrialState.PRUNED,  # Optuna's sampler learns from these, and nothing from those that fail
    "failed": optuna.trial.TrialState.FAIL,
}


class Study:
    """The trials of one search, in an SQLite file that any number of processes of one machine share."""

    def __init__(
        self,
        path: Path,
        space: Space,
        *,
        method: Method,
        seed: int,
        prune: bool,
        direction: Direction,
        facts: Mapping[str, Any],
    ):
        """Open the file, or make it.

        Args:
            path: the SQLite file; locks lie in a folder beside it that is called as it is, without its ending.
            space: what is searched.
            method: random, or optuna: its tree-structured Parzen estimator, guided by the trials before.
            seed: of the search; with random, the trial of a number is the same for equal seeds, whatever came before.
            prune: whether a trial ends that is worse than the median of the finished ones at the same update.
            direction: whether less (`min`) or more (`max`) is better.
            facts: what must be equal whenever the study is opened, JSON-able.

        Raises:
            UserError: the file cannot be opened, or is no study.
            ConfigError: it is the study of another search.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self._method, self._seed = space, method, seed
        self._direction: Direction = direction
        self._locks = path.with_suffix("") / "locks"
        try:
            self._locks.mkdir(parents=True, exist_ok=True)
            with self._lock("study"):
                self._study = optuna.create_study(
                    storage=optuna.storages.RDBStorage(
                        "sqlite:///study.db",  # not the file: a URL cannot name every one
                        engine_kwargs={"creator": functools.partial(_connect, path.absolute())},
                    ),
                    study_name=_NAME,
                    direction="minimize" if direction == "min" else "maximize",
                    pruner=optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner(),
                    load_if_exists=True,
                )
                known = self._study.user_attrs.get("facts")
                if known is None:
                    self._study.set_user_attr("facts", dict(facts))
        except Exception as error:
            reason, *_ = str(error).splitlines() or [type(error).__name__]
            raise UserError(f"study: {path} cannot be opened as the SQLite file of a study: {reason}") from error
        found = list(differences(facts, {**facts, **known} if known else facts))  # older studies know fewer facts
        if found:
            raise ConfigError(
                "study",
                str(path),
                f"a file of its own for each search: this one is of another ({'; '.join(found[:5])})",
                "Choose another study=... or leave it out.",
            )

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials so far."""
        return tuple(self._row(trial) for trial in self._study.get_trials(deepcopy=False))

    @contextlib.contextmanager
    def claimed(self, count: int) -> Iterator[OpenTrial | None]:
        """Hold a trial that no other process holds: one that was left unfinished, else a new one, else None.

        Args:
            count: how many trials the search may have altogether.
        """
        with contextlib.ExitStack() as held:
            with self._lock("study"):
                trial = self._left(count, held) or self._new(count, held)
            yield trial

    def _left(self, count: int, held: contextlib.ExitStack) -> OpenTrial | None:
        for trial in self._study.get_trials(deepcopy=False, states=(_UNTOLD,)):
            if trial.number < count:
                lock = self._lock(f"trial{trial.number}", wait=False)
                try:
                    lock.acquire()
                except filelock.Timeout:
                    continue
                held.callback(lock.release)
                if self._study.get_trials(deepcopy=False)[trial.number].state == _UNTOLD:  # its holder told it just now
                    self._study.sampler = self._sampler(trial.number)
                    return self._open(optuna.trial.Trial(self._study, trial._trial_id))
        return None

    def _new(self, count: int, held: contextlib.ExitStack) -> OpenTrial | None:
        number = len(self._study.get_trials(deepcopy=False))
        if number >= count:
            return None
        held.enter_context(self._lock(f"trial{number}"))
        self._study.sampler = self._sampler(number)
        return self._open(self._study.ask())

    def _open(self, trial: optuna.trial.Trial) -> OpenTrial:
        """Return a trial with its values: those that it has, else new ones."""
        values = {key: _suggest(trial, key, parameter) for key, parameter in self.space.parameters.items()}
        return OpenTrial(self._study, trial, values, self._direction)

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        if self._method == "random":
            return _Drawn(self.space.draw(np.random.default_rng([self._seed, number])))
        (seed,) = np.random.SeedSequence([self._seed, number]).generate_state(1)
        return optuna.samplers.TPESampler(seed=int(seed))

    def _lock(self, name: str, *, wait: bool = True) -> filelock.BaseFileLock:
        return filelock.FileLock(self._locks / f"{name}.lock", timeout=-1 if wait else 0)

    def _row(self, trial: optuna.trial.FrozenTrial) -> Trial:
        told = trial.user_attrs.get("told", {})
        if trial.state == _UNTOLD:
            told = {**told, "outcome": "unfinished"}
        values = {key: trial.params[key] for key in self.space.parameters if key in trial.params}
        return Trial(number=trial.number, values=values, **told)


class OpenTrial:
    """A trial that this process holds."""

    def __init__(
        self, study: optuna.Study, trial: optuna.trial.Trial, values: Mapping[str, Value], direction: Direction
    ):
        self._study, self._trial, self._direction = study, trial, direction
        self.number, self.values = trial.number, values
        self._seen: dict[int, float] = dict(study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def note(self, update: int, value: float) -> None:
        """Write down a validation value; one of an update that is known already changes nothing."""
        if update not in self._seen:
            self._seen[update] = value
            self._trial.report(value, update)

    def hopeless(self) -> str:
        """Return why the trial is not worth going on with, by what was noted; empty where it is."""
        if not self._seen or not self._trial.should_prune():
            return ""
        update = max(self._seen)
        return f"after {update:,} updates its best validation value, {self._best:.5g}, is worse than the median there"

    def tell(self, outcome: Outcome, *, value: float | None = None, updates: int = 0, reason: str = "", run: str = ""):
        """Write down what became of the trial; `value` is its best one, by default the best of those noted."""
        value = self._best if value is None else value
        told = {"outcome": outcome, "value": value, "updates": updates, "reason": reason, "run": run}
        self._trial.set_user_attr("told", told)
        self._study.tell(self.number, value if outcome == "finished" else None, state=_STATES[outcome])

    @property
    def _best(self) -> float | None:
        better = min if self._direction == "min" else max
        return better(self._seen.values(), default=None)


class _Drawn(optuna.samplers.BaseSampler):
    """Gives a trial the values that were drawn for it."""

    def __init__(self, values: Mapping[str, Value]):
        self._values = values

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        """Return nothing: no parameter depends on others."""
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        """Return nothing: no parameter depends on others."""
        return {}

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Value:
        """Return the value of one parameter."""
        return self._values[param_name]


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=60, check_same_thread=False)


def _suggest(trial: optuna.trial.Trial, key: str, parameter: Parameter) -> Value:
    if isinstance(parameter, Choice):
        value = trial.suggest_categorical(key, parameter.values)
        assert value is not None
        return value
    low, high, step, log = parameter.low, parameter.high, parameter.step, parameter.log
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(key, low, high, step=int(step or 1), log=log)
    return trial.suggest_float(key, low, high, step=step, log=log)
