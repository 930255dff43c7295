"""One run, or replicas, from settings to records, figures and tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from rich.console import Console

from gru_bench.checks import check_settings
from gru_bench.config import Config
from gru_bench.data.factory import find_cache
from gru_bench.errors import UserError
from gru_bench.models.model import Model
from gru_bench.outputs import complete_outputs, write_outputs
from gru_bench.record import RunRecord, Status
from gru_bench.redaction import redacted
from gru_bench.reporting.run_table import run_table
from gru_bench.run_log import log_of, logging_to
from gru_bench.tasks.task import Task
from gru_bench.terminal import Terminal, print_whole
from gru_bench.training.blueprint import Blueprint
from gru_bench.training.checkpoint import Checkpoints
from gru_bench.training.compilation_cache import compiled_programs_kept
from gru_bench.training.environment import keep_freed_memory, start_memory_count
from gru_bench.training.follow import follow
from gru_bench.training.jax_settings import check_devices, check_xla_flags, needed_settings
from gru_bench.training.loop import Pruner, Training
from gru_bench.training.memory import readable_memory_errors
from gru_bench.training.processes import following, join_processes, lead
from gru_bench.training.replicas import use_cores_as_devices
from gru_bench.training.run import Run
from gru_bench.training.run_directory import check_files, clear, owned, previous_record
from gru_bench.training.setup import begin_run, load_task
from gru_bench.training.signals import Interrupted, terminated
from gru_bench.training.stale import check_unchanged, check_weights_unchanged

logger = logging.getLogger("gru_bench")


def run_session(config: Config, pruner: Pruner | None = None) -> int:
    """Train one run or replicas and return the exit code: 0, or 1 if a run diverged.

    Args:
        config: the settings.
        pruner: may stop a run as `pruned` after an evaluation.

    Raises: see `train_together`.
    """
    return train_together(config.runs, Terminal(highlight=False, go_on=True), pruner=pruner)


def train_together(
    configs: Sequence[Config], console: Console, *, pruner: Pruner | None = None, presented: bool = True
) -> int:
    """Train runs in one program and return the exit code: 0, or 1 if one diverged.

    Args:
        configs: their settings, equal except for the seed, scalars of the optimiser (`SWEPT`) and options of the cell
            that affect only the initial weights (`start_options`).
        console: for progress and tables.
        pruner: may stop a run as `pruned` after an evaluation.
        presented: whether people look at the runs: baselines are scored beside them, and finished ones get samples and
            figures.

    Raises:
        UserError: a wrong setting, missing data, a directory in use, a full disk; the record says `failed` if
            the run had begun.
        Interrupted: SIGINT or SIGTERM; the checkpoint is written and the record says `interrupted`.
    """
    check_settings(configs[0])
    with readable_memory_errors():
        return _train_together(configs, console, pruner, presented)


def _train_together(configs: Sequence[Config], console: Console, pruner: Pruner | None, presented: bool) -> int:
    training = configs[0].training
    check_xla_flags()
    join_processes(training)
    if len(configs) > 1:
        use_cores_as_devices(len(configs))
    check_devices()
    keep_freed_memory()
    start_memory_count()
    if following(training):
        with needed_settings(), compiled_programs_kept(find_cache(configs[0].paths)):
            return follow(configs[0])
    return lead(training, lambda: _train_all(configs, console, pruner, presented))


def _train_all(configs: Sequence[Config], console: Console, pruner: Pruner | None, presented: bool) -> int:
    """Train the unfinished runs; see `train_together`."""
    with ExitStack() as held:
        directories = [held.enter_context(owned(member.directory)) for member in configs]
        held.enter_context(logging_to(directories, console))
        held.enter_context(needed_settings())
        held.enter_context(compiled_programs_kept(find_cache(configs[0].paths)))
        unfinished: list[_Unfinished] = []
        diverged: list[str] = []
        for member, directory in zip(configs, directories, strict=True):
            if member.fresh:
                clear(directory)
            earlier = previous_record(directory, member)
            if earlier is not None:
                check_weights_unchanged(directory, earlier, member)
            if earlier is not None and earlier.status == "finished":
                with log_of(directory):
                    check_unchanged(directory, earlier, member)
                    if presented and earlier.outputs_due:
                        complete_outputs(directory, earlier, member)
                print_whole(console, run_table(earlier, directory), at_least=0)
                console.print("This run is finished; fresh=true trains it again.", style="dim")
            elif earlier is not None and earlier.status == "diverged":
                diverged.append(f"{directory} holds a run that diverged: {earlier.reason}. fresh=true starts over.")
            else:
                check_files(directory)
                if earlier is not None:
                    _warn_without_checkpoint(earlier, directory)
                unfinished.append(_Unfinished(member, directory, None if earlier is None else earlier.started))
        if unfinished:
            for message in diverged:
                logger.warning("%s", message)
            return max(_train(unfinished, console, pruner, presented), int(bool(diverged)))
        if diverged:
            raise UserError("\n".join(diverged))
        return 0


def _warn_without_checkpoint(earlier: RunRecord, directory: Path) -> None:
    if earlier.updates and not Checkpoints(directory / "checkpoints").updates:
        logger.warning(
            "There is no checkpoint in %s, though its record tells of %s updates: training starts over.",
            directory,
            f"{earlier.updates:,}",
        )


class _Unfinished(NamedTuple):
    """A run to train: settings, directory, and the start time of an earlier part, if any."""

    config: Config
    directory: Path
    started: str | None


def _train(unfinished: Sequence[_Unfinished], console: Console, pruner: Pruner | None, presented: bool) -> int:
    task, data = load_task(unfinished[0].config)
    baselines = task.baselines(data) if presented else {}
    runs: list[Run] = []
    with terminated(), _outcome(runs):
        blueprint: Blueprint | None = None
        for member, directory, started in unfinished:
            if blueprint is None or member.model != blueprint.config.model:
                blueprint = Blueprint(member, task)
            with log_of(directory):
                runs.append(begin_run(member, directory, started, task, data, blueprint, baselines))
                _announce(runs[-1])
        with closing(Training(runs, task, data, console, pruner).run()) as ended:
            for run in ended:
                with log_of(run.directory):
                    _end(run, task, data, console, presented)
    return int(any(run.record.status == "diverged" for run in runs))


def _announce(run: Run) -> None:
    counts = run.record.parameters
    logger.info(
        "%s: %s recurrent parameters, %s in all; run directory %s",
        run.config.model.cell,
        f"{counts['recurrent']:,}",
        f"{counts['total']:,}",
        run.directory,
    )


def _end(run: Run, task: Task, data: Any, console: Console, presented: bool) -> None:
    """Record and show the outcome of a run that finished, was pruned or diverged."""
    if run.pruned:
        run.end("pruned", run.pruned)
        logger.info("Pruned: %s. The train command with its settings continues from there.", run.pruned)
    elif run.failure is None:
        run.record.outputs_due = presented
        try:
            run.settle("finished")
            if presented:
                network = cast(Model, run.network)
                write_outputs(run.directory, run.record, task, network, data, run.test_sums, run.tracker)
        finally:
            run.end_tracking()
    else:
        run.end("diverged", str(run.failure))
        kept = "Earlier checkpoints are kept; try" if run.checkpoints.updates else "Try"
        logger.error("Stopped: %s. %s a smaller optimizer.learning_rate.", run.failure, kept)
    print_whole(console, run_table(run.record, run.directory), at_least=0)


@contextmanager
def _outcome(runs: Sequence[Run]) -> Iterator[None]:
    """Record the outcome of runs that were not trained to their end, also after an error."""
    try:
        yield
    except KeyboardInterrupt as stop:
        # logged before it is recorded: a tracker may be slow, and a second signal interrupts it
        name = str(stop) if isinstance(stop, Interrupted) else "SIGINT"
        for run in _unended(runs):
            with log_of(run.directory):
                logger.warning("%s: %s", name, _where_stopped(run, at_once=not isinstance(stop, Interrupted)))
        if not _unended(runs):
            logger.warning("%s: stopped at %s. The same command continues from there.", name, _where_ended(runs))
        _end_all(_unended(runs), "interrupted", name)
        raise
    except BaseException as error:
        try:
            _end_all(_unended(runs), "failed", redacted(f"{type(error).__name__}: {error}"))
        except UserError:
            logger.warning("The record could not be written either; it does not say that the run failed.")
        raise


def _unended(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.record.status == "running"]


def _end_all(runs: Sequence[Run], status: Status, reason: str) -> None:
    """End each run, even if another one's record cannot be written."""
    with ExitStack() as ends:
        for run in runs:
            ends.callback(run.end, status, reason)


def _where_stopped(run: Run, *, at_once: bool) -> str:
    if at_once:
        return "stopped at once. The same command continues from the newest checkpoint."
    return f"stopped at update {run.record.updates}. The same command continues from there."


def _where_ended(runs: Sequence[Run]) -> str:
    if any(run.record.outputs_due for run in runs):
        return "the end; all results are recorded, samples or pictures are missing"
    return "the end; everything is written" if runs else "the start; nothing has begun"
