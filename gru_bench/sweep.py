"""`python -m gru_bench.sweep space=... task=...`: search settings by validation, at random or with Optuna."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gru_bench.arguments import run_command
from gru_bench.checks import check_settings
from gru_bench.compose import composed
from gru_bench.config import Config
from gru_bench.data.factory import file_digests
from gru_bench.errors import ConfigError, UserError
from gru_bench.files import home_expanded
from gru_bench.history import METRICS_FILE, read_metrics
from gru_bench.jax_import import import_jax
from gru_bench.overrides import as_argument
from gru_bench.record import FILE_NAME, read_record
from gru_bench.replacing import begins_with, check_replaceable, is_picture, is_study
from gru_bench.search.space import Space, overrides, read_space, space_file
from gru_bench.search.trials import Method, Search
from gru_bench.terminal import Terminal
from gru_bench.validation import Natural

if TYPE_CHECKING:
    from gru_bench.search.study import OpenTrial, Study

INSTALL = "pip install 'gru_bench[sweep]'"
NOT_HERE = {
    "fresh": "For a new search choose another study=... or search_seed=...",
    "run_dir": "Each trial has its own run directory in paths.runs.",
    "training.replicas": "A trial is one run.",
    "training.replica_key": "Put the setting into the space.",
    "training.replica_values": "Put the values into the space.",
}
TABLE_NAME, PICTURES = "trials.csv", ("parallel_coordinates", "importance", "budget")
RETRAINED = 5  # seeds of the best trial's command
WAIT = 10.0  # seconds between attempts at a run that another process holds
MAX_FAILED = 3  # if so many trials and all later ones fail, the space or the settings are at fault
EXAMPLES = (
    "python -m gru_bench.sweep space=gru task=language_modeling trials=20 tracker=none",
    "python -m gru_bench.sweep space=lstm task=time_series data=etth1 method=optuna",
    "python -m gru_bench.sweep space=my_space.yaml data=text_file data.path=book.txt study=book.db",
    "python -m gru_bench.sweep space=gru task=language_modeling trials=0",
)


def sweep(
    *,
    space: str,
    trials: Natural = 30,
    method: Method = "random",
    prune: bool = True,
    search_seed: Natural = 0,
    study: Path | None = None,
    **settings: str,
) -> int:
    """Search for good settings: each trial is a run with values from a search space; validation selects the best.

    The same command again continues where it stopped, also with more trials; several processes may share the trials.
    Ends with the best trial, the command that trains it with other seeds, a table and pictures of all trials.

    Args:
        space: the name of a file in configs/sweeps (gru, lstm), or the path of another W&B sweep file (.yaml)
        trials: total number of trials; 0: only show the results so far
        method: random, or optuna: guided by earlier trials
        prune: stop a trial early if its best validation value so far is worse than the median of the finished trials
            at that evaluation; the first five trials are never stopped
        search_seed: seed of the search; the seed of the runs is seed=...
        study: SQLite file of the search (.db); if not set, one in runs/sweeps, named by its settings
        **settings: every other key is a setting of `python -m gru_bench.train`, fixed for all trials, even if the
            space has it

    Returns:
        The exit code: 0; 1 if no trial has finished; 130 or 143 after SIGINT or SIGTERM.

    Raises:
        UserError: Optuna is missing, the study is of another search, all trials fail, or data, disk or a directory is
            at fault.
    """
    for name in sorted(NOT_HERE.keys() & settings):
        raise ConfigError(name, settings[name], "nothing in a sweep", NOT_HERE[name])
    if study is not None and study.suffix != ".db":
        raise ConfigError("study", str(study), "a file that ends in .db")
    searched = read_space(space_file(space)).without(settings)
    if not searched.searched:
        raise ConfigError("space", space, "one with several values of a setting that the command line does not fix")
    arguments = tuple(f"{key}={value}" for key, value in settings.items())
    base = composed(*arguments, *overrides(searched.constants))

    check_settings(base)
    import_jax()
    from gru_bench.training.setup import load_task  # JAX is loaded here, after all checks that do not need it

    task, _ = load_task(base)
    facts = _facts(searched, base, method=method, prune=prune, search_seed=search_seed)
    path = study or _default_study(searched, base, method, facts)
    _check_files(path)
    opened = _open(path)(
        path, searched, method=method, seed=search_seed, prune=prune, direction=task.direction, facts=facts
    )
    terminal = Terminal(soft_wrap=True, highlight=False, go_on=True)
    try:
        _search(opened, trials, lambda values: composed(*arguments, *overrides(values)), task.metric, terminal)
    except KeyboardInterrupt as stop:
        terminal.print(f"\nStopped. The same command continues from here: {path}")
        return getattr(stop, "exit_code", 130)
    search = Search(
        space=searched,
        method=method,
        metric=task.metric,
        direction=task.direction,
        title=f"{base.task.name}, {base.data.source}",
        trials=opened.trials,
    )
    return _show(search, arguments, base.seed, path, terminal)


def _open(path: Path) -> type[Study]:
    try:
        from gru_bench.search.study import Study
    except ModuleNotFoundError as error:
        if error.name != "optuna":
            raise
        raise UserError(f"study: {path} needs Optuna, which is not installed. Install it: {INSTALL}") from None
    return Study


def _check_files(study: Path) -> None:
    """Check that study, table and figures are missing or come from an earlier call."""
    folder, hint = study.with_suffix(""), "Choose another study=..."
    check_replaceable(study, "study", is_study, hint=hint)
    check_replaceable(folder / TABLE_NAME, "study", begins_with("trial,outcome,"), hint=hint)
    if not (folder / TABLE_NAME).exists():
        for name in PICTURES:
            check_replaceable(folder / f"{name}.png", "study", is_picture, hint=hint)


def _facts(space: Space, base: Config, **how: Any) -> dict[str, Any]:
    """Return all that determines the results of a search, including the digests of user files."""
    searched = {key: str(parameter) for key, parameter in space.searched.items()}
    files = {"files": digests} if (digests := file_digests(base.data)) else {}
    return json.loads(json.dumps({**how, "space": searched, "settings": base.identity, **files}))


def _default_study(space: Space, base: Config, method: Method, facts: Mapping[str, Any]) -> Path:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:8]
    folder = home_expanded(base.paths.runs, "paths.runs") / "sweeps" / base.task.name / base.data.source
    return folder / f"{space.name}-{method}-{digest}.db"


def _search(
    study: Study, count: int, settings_of: Callable[[Mapping[str, Any]], Config], metric: str, terminal: Terminal
) -> None:
    """Run trials until the search has `count` of them."""
    while True:
        with study.claimed(count) as trial:
            if trial is None:
                return
            searched = {key: trial.values[key] for key in study.space.searched}
            terminal.print(f"\nTrial {trial.number} of {count}: {' '.join(overrides(searched))}")
            try:
                _run(trial, settings_of(trial.values), metric, terminal)
            except ConfigError as error:  # these values are incompatible; the shared settings were checked before
                trial.tell("failed", reason=str(error))
            except UserError:
                terminal.print(f"Trial {trial.number} stopped; correct the error, then repeat the command.")
                raise
            except Exception as error:  # such as a network that is too large for the memory
                reason, *_ = str(error).splitlines() or [""]
                trial.tell("failed", reason=f"{type(error).__name__}: {reason}")
        ended = study.trials[trial.number]
        value = "" if ended.value is None else f", best validation {metric} {ended.value:.5g}"
        reason = f" ({ended.reason})" if ended.reason else ""
        terminal.print(f"Trial {trial.number}: {ended.outcome}{value}{reason}")
        if len(study.trials) >= MAX_FAILED and all(other.outcome == "failed" for other in study.trials):
            raise UserError(f"All {len(study.trials)} trials have failed, so the space or the settings are at fault.")


def _run(trial: OpenTrial, config: Config, metric: str, terminal: Terminal) -> None:
    """Train or continue a trial to its end, and record the outcome in the study."""
    from gru_bench.session import run_session
    from gru_bench.training.run_directory import InUse

    def pruner(_: Config, update: int, value: float) -> str:
        trial.report(update, value)
        return trial.prune_reason()

    prune_reason = trial.prune_reason()
    while not prune_reason and not _diverged(config):
        try:
            run_session(config, pruner)
            break
        except InUse as other:  # for example another trial with equal settings, which is the same run
            terminal.print(f"Waiting: {other}")
            time.sleep(WAIT)
    record = read_record(config.directory)
    for row in read_metrics(config.directory / METRICS_FILE):
        if row["split"] == "valid" and math.isfinite(row[metric]):
            trial.report(row["update"], row[metric])
    outcome = "pruned" if prune_reason else record.status
    assert outcome in ("finished", "pruned", "diverged")
    best = record.metrics.get("valid", {}).get(metric)
    reason = prune_reason or record.reason
    trial.tell(outcome, value=best, updates=record.updates, reason=reason, run=str(config.directory))


def _diverged(config: Config) -> bool:
    return (config.directory / FILE_NAME).exists() and read_record(config.directory).status == "diverged"


def _show(search: Search, arguments: Sequence[str], seed: int, path: Path, terminal: Terminal) -> int:
    """Print the results and write table and figures; return the exit code."""
    from gru_bench.reporting.csv_file import write_text
    from gru_bench.reporting.search_page import pictures, table

    counts = Counter(trial.outcome for trial in search.trials)
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    terminal.print(f"\n{len(search.trials)} trials{': ' if outcomes else ''}{outcomes}. Study: {path}")
    best = search.best
    if best is None:
        terminal.print("No trial has finished.")
        return 1 if search.trials else 0
    folder = path.with_suffix("")
    write_text(table(search), folder / TABLE_NAME, "study")
    for file in (folder / TABLE_NAME, *pictures(search, folder)):
        terminal.print(file)
    terminal.print(
        f"\nBest: trial {best.number}, validation {search.metric} {best.value:.5g}, {best.run}\n"
        f"Train it with other seeds than the selecting one:\n\n  {_command(search, arguments, seed)}"
    )
    return 0


def _command(search: Search, arguments: Sequence[str], seed: int) -> str:
    assert search.best is not None
    seeds = ",".join(str(seed + 1 + index) for index in range(RETRAINED))
    kept = [as_argument(*text.split("=", 1)) for text in arguments if not text.startswith("seed=")]
    return shlex.join(["python", "-m", "gru_bench.train", "-m", *kept, *overrides(search.best.values), f"seed={seeds}"])


if __name__ == "__main__":
    sys.exit(run_command(sweep, examples=EXAMPLES, go_on=True))
