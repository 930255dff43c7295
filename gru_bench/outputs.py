"""Samples and pictures of a finished run, made once its results are recorded: what fails costs itself alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flax import nnx
from matplotlib.figure import Figure

from gru_bench.config import Config
from gru_bench.errors import UserError
from gru_bench.files import WrittenFiles, held, write_atomically
from gru_bench.history import METRICS_FILE, read_metrics
from gru_bench.models.model import Model
from gru_bench.plotting import save_figure
from gru_bench.record import SAMPLES_FILE, RunRecord
from gru_bench.redaction import redacted
from gru_bench.reporting.figures import gate_activity, learning_curve
from gru_bench.reporting.format import unit
from gru_bench.tasks.task import Task
from gru_bench.terminal import printable
from gru_bench.tracking.tracker import NoTracker, Tracker
from gru_bench.training.evaluate import Evaluator
from gru_bench.training.saved import load_run

logger = logging.getLogger("gru_bench")


def write_outputs(
    directory: Path,
    record: RunRecord,
    task: Task,
    network: Model,
    data: Any,
    sums: Mapping[str, Any],
    tracker: Tracker | None = None,
) -> None:
    """Write `samples.json` and the pictures of a finished run; each that fails is a warning.

    The record says `outputs_due` for as long as files are missing that could not be written.

    Args:
        directory: the run directory.
        record: its record.
        task: its task.
        network: the network with its best weights.
        data: its data.
        sums: over the test split, as `Task.score` makes them.
        tracker: receives samples and pictures, too.
    """
    tracker = tracker or NoTracker()
    failed: list[Exception] = []
    with _warned("Samples", failed):
        _write_samples(directory, record, task, network, data, tracker)
    for name, draw in _pictures(directory, record, task, network, data, sums, failed).items():
        with _warned(f"Picture {name}", failed):
            draw(directory / "figures" / f"{name}.png")
    files = held(directory) or WrittenFiles(directory)
    for path in sorted((directory / "figures").glob("*.png")):
        if path in files:  # a picture of somebody else is sent nowhere
            tracker.image(path.stem, path, record.updates)
    if record.outputs_due and not any(isinstance(error, UserError) for error in failed):
        record.outputs_due = False
        with _warned("Record of samples and pictures", failed):
            record.write(directory)


def _write_samples(directory: Path, record: RunRecord, task: Task, network: Model, data: Any, tracker: Tracker) -> None:
    samples = task.samples(network, data, record.seed)
    for sample in samples:
        logger.info("Sample%s:\n%s", f" after {sample.given!r}" if sample.given else "", printable(sample.output))
    tracker.text("samples", [[sample.given, sample.output] for sample in samples], ["given", "output"], record.updates)
    write_atomically(directory / SAMPLES_FILE, json.dumps([sample._asdict() for sample in samples]).encode())


def _pictures(
    directory: Path,
    record: RunRecord,
    task: Task,
    network: Model,
    data: Any,
    sums: Mapping[str, Any],
    failed: list[Exception],
) -> dict[str, Callable[[Path], object]]:
    """Return by name what draws each picture into a file."""
    rows: list[dict[str, Any]] = []
    figures: Mapping[str, Callable[[], Figure]] = {}
    with _warned("Learning curve", failed):
        rows = read_metrics(directory / METRICS_FILE)
    with _warned("Pictures of the test split", failed):
        figures = task.figures(network, data, sums)
    floor = record.baselines.get("floor", {}).get(task.metric)
    return {
        "learning_curve": lambda path: learning_curve(rows, task.metric, floor, path, unit(task.metric, record)),
        "gate_activity": lambda path: gate_activity(rows, path),
        **{name: lambda path, draw=draw: save_figure(draw(), path) for name, draw in figures.items()},
    }


@contextmanager
def _warned(what: str, failed: list[Exception]) -> Iterator[None]:
    """Turn an error into a warning, and keep it: no result depends on it."""
    try:
        yield
    except Exception as error:
        failed.append(error)
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        logger.warning("%s: failed, the results of the run are recorded. %s", what, redacted(reason.splitlines()[0]))


def complete_outputs(directory: Path, record: RunRecord, config: Config) -> None:
    """Write the samples and pictures that a finished run still lacks, from its best weights; a failure is a warning.

    Args:
        directory: the run directory.
        record: its record.
        config: the same settings, as they are now.
    """
    try:
        saved = load_run(directory, config.plugins)
        data = saved.load_data(config.paths.mirror, config.paths.cache)
        graph, params = nnx.split(saved.network)
        batches = saved.task.eval_batches(data, "test", saved.config.training)
        sums = Evaluator(graph, saved.task).sums(params, batches)
    except UserError as error:
        logger.warning("Samples and pictures of %s are still missing: %s", directory, error)
    else:
        write_outputs(directory, record, saved.task, saved.network, data, sums)
