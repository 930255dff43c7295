"""A search stored in an SQLite file, from which any number of processes take trials. Needs Optuna.

A process holds a lock on its trial, which is released when the process ends. An unfinished trial without a lock
belongs to a stopped process, and is continued next.
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
_UNFINISHED = optuna.trial.TrialState.RUNNING
_RESULT = "told"  # attribute of a trial; named so in existing files
_STATES: Mapping[Outcome, optuna.trial.TrialState] = {
    "finished": optuna.trial.TrialState.COMPLETE,
    "pruned": optuna.trial.TrialState.PRUNED,
    "diverged": optuna.trial.TrialState.PRUNED,  # Optuna's sampler learns from pruned trials, but not from failed ones
    "failed": optuna.trial.TrialState.FAIL,
}


class Study:
    """The trials of one search, in an SQLite file shared by any number of processes on one machine."""

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
        """Open or create the file.

        Args:
            path: the SQLite file; locks are in a folder beside it, of the same name without its ending.
            space: the search space.
            method: random, or optuna: its tree-structured Parzen estimator, guided by earlier trials.
            seed: seed of the search; with random, a trial depends on this seed and its number alone.
            prune: whether to end a trial that is worse than the median of the finished ones at the same update.
            direction: whether lower (`min`) or higher (`max`) is better.
            facts: values that identify the search, JSON-able; equal whenever the study is opened.

        Raises:
            UserError: the file cannot be opened, or is not a study.
            ConfigError: the study is of another search.
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
                        "sqlite:///study.db",  # a placeholder: a URL cannot express every path
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
        changed = list(differences(facts, {**facts, **known} if known else facts))  # older studies have fewer facts
        if changed:
            raise ConfigError(
                "study",
                str(path),
                f"a separate file for each search: this one is of another ({'; '.join(changed[:5])})",
                "Choose another study=... or leave it out.",
            )

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials so far."""
        return tuple(self._row(trial) for trial in self._study.get_trials(deepcopy=False))

    @contextlib.contextmanager
    def claimed(self, count: int) -> Iterator[OpenTrial | None]:
        """Lock a trial for this process: an unfinished one that no process holds, else a new one, else None.

        Args:
            count: total number of trials of the search.
        """
        with contextlib.ExitStack() as held:
            with self._lock("study"):
                trial = self._resumed(count, held) or self._new(count, held)
            yield trial

    def _resumed(self, count: int, held: contextlib.ExitStack) -> OpenTrial | None:
        for trial in self._study.get_trials(deepcopy=False, states=(_UNFINISHED,)):
            if trial.number < count:
                lock = self._lock(f"trial{trial.number}", wait=False)
                try:
                    lock.acquire()
                except filelock.Timeout:
                    continue
                held.callback(lock.release)
                state = self._study.get_trials(deepcopy=False)[trial.number].state
                if state == _UNFINISHED:  # otherwise its holder has just ended it
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
        """Return a trial with its values, which are new for a new trial."""
        values = {key: _suggest(trial, key, parameter) for key, parameter in self.space.parameters.items()}
        return OpenTrial(self._study, trial, values, self._direction)

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        if self._method == "random":
            return _FixedSampler(self.space.draw(np.random.default_rng([self._seed, number])))
        (seed,) = np.random.SeedSequence([self._seed, number]).generate_state(1)
        return optuna.samplers.TPESampler(seed=int(seed))

    def _lock(self, name: str, *, wait: bool = True) -> filelock.BaseFileLock:
        return filelock.FileLock(self._locks / f"{name}.lock", timeout=-1 if wait else 0)

    def _row(self, trial: optuna.trial.FrozenTrial) -> Trial:
        result = trial.user_attrs.get(_RESULT, {})
        if trial.state == _UNFINISHED:
            result = {**result, "outcome": "unfinished"}
        values = {key: trial.params[key] for key in self.space.parameters if key in trial.params}
        return Trial(number=trial.number, values=values, **result)


class OpenTrial:
    """A trial locked by this process."""

    def __init__(
        self, study: optuna.Study, trial: optuna.trial.Trial, values: Mapping[str, Value], direction: Direction
    ):
        self._study, self._trial, self._direction = study, trial, direction
        self.number, self.values = trial.number, values
        self._reported: dict[int, float] = dict(study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    def report(self, update: int, value: float) -> None:
        """Record the validation value of an update; a second value of the same update is ignored."""
        if update not in self._reported:
            self._reported[update] = value
            self._trial.report(value, update)

    def prune_reason(self) -> str:
        """Return why the trial should be pruned, by the reported values; empty if it should continue."""
        if not self._reported or not self._trial.should_prune():
            return ""
        update = max(self._reported)
        return f"after {update:,} updates its best validation value, {self._best:.5g}, is worse than the median there"

    def tell(self, outcome: Outcome, *, value: float | None = None, updates: int = 0, reason: str = "", run: str = ""):
        """Record the outcome of the trial and its best value, by default the best of the reported ones."""
        value = self._best if value is None else value
        result = {"outcome": outcome, "value": value, "updates": updates, "reason": reason, "run": run}
        self._trial.set_user_attr(_RESULT, result)
        self._study.tell(self.number, value if outcome == "finished" else None, state=_STATES[outcome])

    @property
    def _best(self) -> float | None:
        better = min if self._direction == "min" else max
        return better(self._reported.values(), default=None)


class _FixedSampler(optuna.samplers.BaseSampler):
    """Returns predetermined values."""

    def __init__(self, values: Mapping[str, Value]):
        self._values = values

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        """Return nothing: parameters are independent."""
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        """Return nothing: parameters are independent."""
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
