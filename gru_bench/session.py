"""One run from its settings to its record, pictures and tables."""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import yaml
from flax import nnx
from rich.console import Console

from gru_bench.config import Config
from gru_bench.data.factory import check_data, find_cache, make_data
from gru_bench.errors import UserError
from gru_bench.history import read_metrics
from gru_bench.models.factory import cell_defaults, check_model, make_cell, make_model, stack_shape
from gru_bench.models.sizing import state_size, update_flops
from gru_bench.plotting import save_figure
from gru_bench.record import SAMPLES_FILE, RunRecord, write_atomically
from gru_bench.reporting.figures import gate_activity, learning_curve
from gru_bench.reporting.format import unit
from gru_bench.reporting.run_table import run_table
from gru_bench.tasks.factory import ACCEPTS, check_task, make_task
from gru_bench.tasks.task import Task, TrainBatches
from gru_bench.terminal import Terminal
from gru_bench.tracking.tracker import Tracker, make_tracker, summarise
from gru_bench.training.compilation_cache import compiled_programs_kept
from gru_bench.training.environment import device, host, keep_freed_memory, start_memory_count, threads, versions
from gru_bench.training.loop import Training
from gru_bench.training.meter import Diverged
from gru_bench.training.run_directory import clear, owned, previous_record
from gru_bench.training.saved import DATA_FILE
from gru_bench.training.signals import Interrupted, terminated

logger = logging.getLogger("gru_bench")


def run_session(config: Config) -> int:
    """Train what the settings say and return the exit code: 0, or 1 when the run diverged.

    Raises:
        UserError: a wrong setting, missing data, a directory in use, a full disk; the record says `failed` where
            the run had begun.
        Interrupted: SIGINT or SIGTERM came; the checkpoint is written and the record says `interrupted`.
    """
    task_class = check_task(config.task)
    check_data(config.data, config.task.name, ACCEPTS)
    check_model(config.model, causal=task_class.causal, pooled=task_class.pooled)
    keep_freed_memory()
    start_memory_count()
    console = Terminal(highlight=False, go_on=True)
    with (
        owned(config.directory) as directory,
        _logging(directory, console),
        compiled_programs_kept(find_cache(config.paths)),
    ):
        if config.fresh:
            clear(directory)
        earlier = previous_record(directory, config)
        if earlier is not None and earlier.status == "finished":
            console.print(run_table(earlier, directory))
            console.print("This run is finished; fresh=true trains it anew.", style="dim")
            return 0
        if earlier is not None and earlier.status == "diverged":
            raise UserError(f"{directory} holds a run that diverged: {earlier.reason}. fresh=true starts it anew.")
        return _train(config, directory, console, began=None if earlier is None else earlier.started)


def _train(config: Config, directory: Path, console: Console, began: str | None) -> int:
    data = make_data(config.data, config.paths, ACCEPTS[config.task.name])
    task = make_task(config.task, data.describe())
    batches = task.train_batches(data, config.training, config.seed)
    record = _new_record(config, task, data, batches, began or _now())
    record.baselines = task.baselines(data)
    record.write(directory)
    write_atomically(directory / "config.yaml", yaml.safe_dump(config.to_dict(), sort_keys=False).encode())
    write_atomically(directory / DATA_FILE, json.dumps(task.describe()).encode())
    counts = record.parameters
    logger.info(
        "%s: %s recurrent parameters, %s in all; run directory %s",
        config.model.cell,
        f"{counts['recurrent']:,}",
        f"{counts['total']:,}",
        directory,
    )
    tracker = make_tracker(
        config.tracker,
        run_config=config.to_dict(),
        run_dir=directory,
        group=f"{config.task.name}/{config.data.source}",
        tags=[config.model.cell],
        name=f"{config.model.cell}-{config.hash}-seed{config.seed}",
    )
    with _outcome(record, directory, tracker), terminated():
        training = Training(config, task, data, batches, directory, record, tracker, console)
        training.run()
        _show(training, task, data, directory, tracker)
    console.print(run_table(record, directory))
    return 1 if record.status == "diverged" else 0


@contextmanager
def _outcome(record: RunRecord, directory: Path, tracker: Tracker) -> Iterator[None]:
    """Write down how a run ended, whatever happens."""
    try:
        yield
        record.status = "finished"
    except Diverged as error:
        record.status, record.reason = "diverged", str(error)
        logger.error("Stopped: %s. Earlier checkpoints are kept; try a smaller optimizer.learning_rate.", error)
    except Interrupted as stop:
        record.status, record.reason = "interrupted", str(stop)
        logger.warning("%s: stopped at update %s. The same command goes on from there.", stop, record.updates)
        raise
    except KeyboardInterrupt:
        record.status, record.reason = "interrupted", "SIGINT"
        logger.warning("SIGINT: stopped at once. The same command goes on from the newest checkpoint.")
        raise
    except BaseException as error:
        record.status, record.reason = "failed", f"{type(error).__name__}: {error}"
        raise
    finally:
        record.ended = _now()
        record.write(directory)
        tracker.finish(summarise(dataclasses.asdict(record)), failed=record.status != "finished")


def _show(training: Training, task: Task, data: Any, directory: Path, tracker: Tracker) -> None:
    """Write samples and pictures of a finished run."""
    update = training.done
    samples = task.samples(training.best_network, data, training.config.seed)
    for sample in samples:
        logger.info("Sample%s:\n%s", f" after {sample.given!r}" if sample.given else "", sample.output)
    tracker.text("samples", [[sample.given, sample.output] for sample in samples], ["given", "output"], update)
    write_atomically(directory / SAMPLES_FILE, json.dumps([sample._asdict() for sample in samples]).encode())
    rows = read_metrics(directory / "metrics.jsonl")
    folder = directory / "figures"
    folder.mkdir(exist_ok=True)
    floor = training.record.baselines.get("floor", {}).get(task.metric)
    learning_curve(rows, task.metric, floor, folder / "learning_curve.png", unit(task.metric, training.record))
    gate_activity(rows, folder / "gate_activity.png")
    for name, figure in task.figures(training.best_network, data, training.test_sums).items():
        save_figure(figure, folder / f"{name}.png")
    for path in sorted(folder.glob("*.png")):
        tracker.image(path.stem, path, update)


def _new_record(config: Config, task: Task, data: Any, batches: TrainBatches, started: str) -> RunRecord:
    signature = task.signature
    cell, shape = make_cell(config.model, signature), stack_shape(config.model, signature)
    defaults = cell_defaults(config.model)
    return RunRecord(
        status="running",
        task=config.task.name,
        data=config.data.source,
        model=config.model.cell,
        seed=config.seed,
        config=config.to_dict(),
        config_hash=config.hash,
        cell_options={name: getattr(cell, name) for name in defaults},
        cell_defaults=defaults,
        versions=versions(),
        device=device(),
        threads=threads(),
        host=host(),
        parameters=_parameter_counts(config, task),
        state_size=state_size(cell, shape),
        flops_per_update=update_flops(cell, shape, signature.outputs, batches.time_steps, batches.outputs),
        metric=task.metric,
        direction=task.direction,
        data_facts=data.facts,
        started=started,
    )


def _parameter_counts(config: Config, task: Task) -> dict[str, int]:
    def build() -> Any:
        return make_model(config.model, config.training, task.signature, jax.random.key(0))

    return nnx.eval_shape(build).parameters


@contextmanager
def _logging(directory: Path, console: Console) -> Iterator[None]:
    """Send the log to the terminal, above the progress bar, and to RUN_DIR/log.txt."""
    file = logging.FileHandler(directory / "log.txt", encoding="utf-8", delay=True)  # opened after `clear`
    handlers: list[logging.Handler] = [_ConsoleHandler(console), file]
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


class _ConsoleHandler(logging.Handler):
    """Prints messages as they are, lines unbroken."""

    def __init__(self, console: Console):
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        self._console.print(self.format(record), markup=False, soft_wrap=True)


def _now() -> str:
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
