"""The comparison as tables for the terminal: quality, cost and notes for each group of equal settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from gru_bench.record import RunRecord
from gru_bench.reporting.format import (
    assignments,
    count,
    estimate,
    heading,
    item,
    mebibytes,
    metric_signatures,
    milliseconds,
    number,
    setting,
    times,
    unit,
)
from gru_bench.reporting.verdict import better_baselines, verdict
from gru_bench.results.collect import Collection, Run
from gru_bench.results.comparison import Arm, Group, cost_of, disturbed, is_floor, replicas, set_apart, shared_machine

FURTHER_METRICS = 2  # beside the deciding one; all are in the CSV
LISTED_SEEDS = 5
LEGEND = (
    "±: half width of the 95 % t interval over seeds. Sizes and costs: medians over seeds. Times: without compilation. "
    "step: memory that the compiled update needs by its own analysis; peak: most memory that the process held."
)
VERSIONS = ("gru_bench", "jax", "jaxlib", "flax", "optax", "numpy")  # what can move a number or a time


def comparison_report(groups: Sequence[Group]) -> Lines:
    """Return the tables and notes of all groups; groups of one task and data name what tells them apart."""
    blocks: list[RenderableType] = []
    for index, (group, apart) in enumerate(zip(groups, set_apart(groups), strict=True)):
        blocks += [Text()] if index else []
        blocks += [group_heading(group, apart), Text(), quality_table(group), Text(), cost_table(group)]
        blocks += [Text(), _bullets(notes(group))]
    return Lines(*blocks, Text(), Text(LEGEND, style="dim"))


def group_heading(group: Group, apart: Mapping[str, Any]) -> Text:
    """Return what is compared, under which settings, and (`apart`) what differs from the groups beside it."""
    record = group.first
    better = "higher" if group.maximise else "lower"
    measure = ", ".join(part for part in (unit(group.metric, record), f"{better} is better") if part)
    lines = Text(f"{record.task} on {record.data}: test {group.metric} ({measure})", style="bold")
    lines.append("\n" + " · ".join(main_settings(record)), style="dim")
    if apart:
        lines.append(f"\nhere: {assignments(apart)}", style="yellow")
    return lines


def main_settings(record: RunRecord) -> list[str]:
    """Return the settings that a reader asks for first: what is held equal, depth, budget, optimiser, batch."""
    model, training, optimizer = (record.config[name] for name in ("model", "training", "optimizer"))
    parts = []
    if model.get("parameter_budget") is not None:
        parts.append(f"equal recurrent parameters ({count(model['parameter_budget'])})")
    elif model.get("hidden_size") is not None:
        parts.append(f"equal hidden size ({model['hidden_size']})")
    layers = model.get("layers", 1)
    parts.append(f"{layers} {'layer' if layers == 1 else 'layers'}")
    for name, words in (("updates", "updates"), ("epochs", "epochs"), ("flops_budget", "FLOP")):
        if training.get(name) is not None:
            parts.append(f"{number(training[name]) if name == 'flops_budget' else f'{training[name]:,g}'} {words}")
    if training.get("seconds_budget") is not None:
        parts.append(f"{training['seconds_budget']:,g} s of training")
    parts.append(f"{optimizer['rule']}, learning rate {setting(optimizer['learning_rate'])}")
    return [*parts, f"batch {training['batch_size']}"]


def quality_table(group: Group) -> Table:
    """Return test metrics of arms and baselines, then each arm's difference to the reference, paired by seed."""
    shown = group.metrics[: 1 + FURTHER_METRICS]
    table = _table("", "seeds", *(heading(name) for name in shown))
    for arm in group.arms:
        table.add_row(arm.name, str(len(arm.runs)), *(estimate(arm.estimate("test", metric)) for metric in shown))
    for name, metrics in group.baselines.items():
        mark = " !" if group.beaten_by(name) else ""
        values = [number(metrics.get(metric)) for metric in shown]
        table.add_row(name + mark, "", *values, style="yellow" if mark else "dim")
    for index, arm in enumerate(group.others):
        found = [group.difference(arm, metric) for metric in shown]
        if found[0] is None or group.reference is None:
            continue
        if not index:
            table.add_section()
        cells = [estimate(difference.estimate, signed=True) if difference else "" for difference in found]
        table.add_row(f"{arm.name} - {group.reference.name}", str(found[0].estimate.count), *cells)
    return table


def cost_table(group: Group) -> Table:
    """Return parameters, state, speed and memory of the arms, then each arm's ratio to the reference."""
    columns = {
        "parameters_recurrent": ("recurrent\nparameters", count),
        "parameters_total": ("total\nparameters", count),
        "state_size": ("state\nsize", count),
        "seconds_per_update": ("ms per\nupdate", milliseconds),
        "items_per_second": (f"{item(group.first)}s\nper s", _speed),
        "step_bytes": ("step\nMiB", mebibytes),
        "peak_rss_bytes": ("peak\nMiB", mebibytes),
    }
    table = _table("", *(title for title, _ in columns.values()))
    for arm in group.arms:
        table.add_row(arm.name, *(write(arm.cost(name)) for name, (_, write) in columns.items()))
    for index, arm in enumerate(group.others):
        if not index:
            table.add_section()
        assert group.reference is not None  # `others` is empty without one
        table.add_row(f"{arm.name} / {group.reference.name}", *(times(group.ratio(arm, name)) for name in columns))
    return table


def notes(group: Group) -> list[str]:
    """Return what a reader must know to trust the tables of a group."""
    found = [*_difference_notes(group), *_baseline_notes(group)]
    found += [text for arm in group.arms for text in _timing_notes(group, arm)]
    found += _budget_notes(group)
    if group.device:
        found.append(f"Times were taken on {group.device}.")
    signatures = {text for run in group.runs for text in metric_signatures(run.record)}
    found += [f"Signature of {text}." for text in sorted(signatures)]
    for name in VERSIONS:
        values = sorted({str(run.record.versions.get(name)) for run in group.runs})
        if len(values) > 1:
            found.append(f"Versions of {name} differ between these runs: {', '.join(values)}.")
    return found


def collection_notes(collection: Collection) -> list[str]:
    """Return which runs did not enter the tables and why, unreadable ones left out."""
    found = [f"Not counted, {run.record.status}: {run.directory}{_reason(run)}" for run in collection.unfinished]
    found += [
        f"Not counted, replaced: {older.directory} ({newer.directory} is newer, with equal settings and seed)"
        for older, newer in collection.replaced
    ]
    return found


def _difference_notes(group: Group) -> list[str]:
    if group.reference is None:
        return ["No lstm run with equal settings: no differences and no ratios."]
    reference = group.reference.name
    found = []
    for arm in group.others:
        difference = group.difference(arm)
        if difference is None:
            found.append(f"{arm.name} and {reference} share no seed: no paired difference.")
            continue
        seeds = list(difference.by_seed.items())
        text = ", ".join(
            f"{seed}: {'+' if value > 0 else ''}{number(value, 3)}" for seed, value in seeds[:LISTED_SEEDS]
        )
        text += ", ..." if len(seeds) > LISTED_SEEDS else ""
        found.append(f"{arm.name} - {reference} by seed: {text}. {_verdict(group, arm)}")
    return found


def _verdict(group: Group, arm: Arm) -> str:
    return {
        "none": "One pair gives no interval.",
        "open": "The 95 % interval contains 0: no difference shown.",
        "better": f"The 95 % interval excludes 0: {arm.name} is better.",
        "worse": f"The 95 % interval excludes 0: {arm.name} is worse.",
    }[verdict(group, arm).kind]


def _baseline_notes(group: Group) -> list[str]:
    found = [f"! {text}" for text in better_baselines(group)]
    for name, metrics in group.baselines.items():
        value = metrics.get(group.metric)
        if value and is_floor(name):
            means = [(arm.name, arm.estimate("test", group.metric)) for arm in group.arms]
            text = ", ".join(f"{arm} {100 * (mean.mean / value - 1):+.1f} %" for arm, mean in means if mean)
            found.append(f"Distance to the {name}: {text}.")
    return found


def _budget_notes(group: Group) -> list[str]:
    """Say where one budget of operations allowed different numbers of updates."""
    counted = sorted({", ".join(run.record.flops_counted) for run in group.runs})
    if len(counted) == 1 or group.first.config.get("training", {}).get("flops_budget") is None:
        return []
    return [
        f"! training.flops_budget does not mean the same for all runs: some count the operations of {counted[0]}, "
        f"others of {' or of '.join(counted[1:])}. Train those of the older version again with fresh=true."
    ]


def _timing_notes(group: Group, arm: Arm) -> list[str]:
    if len(arm.timed_runs) == len(arm.runs):
        return []
    at_once = sum(replicas(run) > 1 for run in arm.runs)
    shared = sum(shared_machine(run) for run in arm.runs if replicas(run) == 1)
    unmeasured = sum(cost_of(run, "seconds_per_update") is None for run in arm.runs if not disturbed(run))
    elsewhere = len(arm.runs) - len(arm.timed_runs) - shared - at_once - unmeasured
    reasons = {
        "shared the machine with other work": shared,
        "trained at once with other replicas": at_once,
        "too short to be timed": unmeasured,
        "on another device": elsewhere,
    }
    text = ", ".join(f"{affected} {reason}" for reason, affected in reasons.items() if affected)
    kept = f"speed is that of the other {len(arm.timed_runs)}" if arm.timed_runs else "no speed is shown"
    runs = "1 run" if len(arm.runs) == 1 else f"{len(arm.runs)} runs"
    return [f"{arm.name}: of {runs} {text}; {kept}."]


def _reason(run: Run) -> str:
    return f" ({run.record.reason})" if run.record.reason else ""


def _speed(value: float | None) -> str:
    return "" if value is None else number(value, 3) if value < 100 else count(value)


def _table(*titles: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1), header_style="bold")
    table.add_column(titles[0], overflow="fold")
    for title in titles[1:]:
        table.add_column(title, justify="right", no_wrap=True, vertical="top")
    return table


def _bullets(texts: Sequence[str]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    for text in texts:
        grid.add_row("·", Text(text))
    return grid
