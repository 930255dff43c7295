"""The table at the end of one run: quality beside the baselines, size, speed, memory, place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Group as Lines
from rich.table import Table
from rich.text import Text

from gru_bench.record import RunRecord
from gru_bench.reporting.format import count, duration, mebibytes, metric_signatures, milliseconds, number, unit
from gru_bench.reporting.stacked_table import StackedTable
from gru_bench.results.comparison import is_floor, no_better

_TIMES = ("seconds_per_update", "items_per_second", "compile_seconds")


def run_table(record: RunRecord, directory: Path | None = None) -> Lines:
    """Return what a run reached and what it cost.

    Args:
        record: the run's record; one without test metrics (unfinished) shows what it has.
        directory: the run directory, printed last.
    """
    heading = Text(f"{record.task} on {record.data}: {record.model}, seed {record.seed}", style="bold")
    if record.status != "finished":
        reason = f" ({record.reason})" if record.reason else ""
        heading.append(f" · {record.status}{reason}", style="yellow")
    return Lines(heading, Text(), _quality(record), *_better(record), Text(), _facts(record, directory))


def _quality(record: RunRecord) -> StackedTable:
    splits = {name: metrics for name, metrics in record.metrics.items() if metrics}
    names = {name: None for metrics in [*splits.values(), *record.baselines.values()] for name in metrics}
    names = [record.metric, *(name for name in names if name != record.metric)]
    headings = [f"{name.replace('_', ' ')}\n{unit(name, record)}".strip() for name in names]
    rows = {f"{record.model}, {split}": (metrics, "") for split, metrics in splits.items()}
    rows |= {name: (metrics, "dim") for name, metrics in record.baselines.items()}
    cells = [[number(metrics.get(name)) for name in names] for metrics, _ in rows.values()]
    return StackedTable(list(rows), headings, cells, [style for _, style in rows.values()])


def _better(record: RunRecord) -> list[Text]:
    """Name the baselines that the network does not beat on the test split."""
    found = record.metrics.get("test", {}).get(record.metric)
    if found is None:
        return []
    values = {name: metrics.get(record.metric) for name, metrics in record.baselines.items() if not is_floor(name)}
    better = [
        name
        for name, value in values.items()
        if value is not None and no_better(found, value, record.direction == "max")
    ]
    text = f"{record.model} is no better than {' and '.join(better)} here (test {record.metric.replace('_', ' ')})."
    return [Text(), Text(text, style="yellow")] if better else []


def _facts(record: RunRecord, directory: Path | None) -> Table:
    parameters, speed, memory = record.parameters, record.speed, record.memory
    best = "" if record.best_update is None else f"best at update {count(record.best_update)}, "
    facts = {
        "parameters": f"{count(parameters.get('recurrent'))} recurrent, {count(parameters.get('total'))} in all; "
        f"state {count(record.state_size)} per sequence",
        "trained": f"{count(record.updates)} updates ({number(record.epochs, 3)} epochs), {best}"
        f"{duration(record.wall_seconds)} in all",
        "speed": _speed(speed),
        "memory": f"step {mebibytes(memory.get('step_bytes')) or '?'} MiB (the compiled update alone), "
        f"process peak {mebibytes(memory.get('peak_rss_bytes')) or '?'} MiB",
        "device": record.device,
    }
    if signatures := metric_signatures(record):
        facts["signatures"] = "; ".join(signatures)
    if directory is not None:
        facts["run"] = str(directory)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(name, Text(value))
    return table


def _speed(speed: Mapping[str, Any]) -> str:
    seconds, items, compiled = (speed.get(name) for name in _TIMES)
    parts = "not measured" if seconds is None else f"{milliseconds(seconds)} ms per update"
    if seconds is not None and items is not None:
        parts += f", {count(items)} {speed.get('item', 'items')} per s"
    if compiled is not None:
        parts += f"; compiled in {duration(compiled)}"
    if speed.get("replicas", 1) > 1:
        parts += f"; {speed['replicas']} replicas shared the machine, so reports leave times and memory out"
    if speed.get("shared_machine"):
        load = number(speed.get("other_load"), 2)
        parts += f"; other work used {load} cores meanwhile, so reports leave these times out"
    return parts
