"""The section of one group on the page: curves, bars, tables, samples, pictures and the list of its runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gru_bench.plotting import COLOURS, STYLES
from gru_bench.reporting.csv_file import group_name
from gru_bench.reporting.curves import learning_curves
from gru_bench.reporting.format import (
    assignments,
    count,
    duration,
    estimate,
    item,
    mebibytes,
    milliseconds,
    number,
    times,
    unit,
)
from gru_bench.reporting.html import Cell, Picture
from gru_bench.reporting.run_files import Budget, RunFiles, by_kind, run_files
from gru_bench.reporting.table import main_settings, notes
from gru_bench.reporting.verdict import verdicts
from gru_bench.results.comparison import Arm, Group, disturbed

LISTED_RUNS = 60
BARS = {
    "parameters_recurrent": "recurrent parameters",
    "parameters_total": "total parameters",
    "state_size": "state size",
    "flops_per_update": "FLOP per update",
    "seconds_per_update": "time per update",
    "step_bytes": "step memory",
    "peak_rss_bytes": "peak memory of the process",
}


def group_section(
    group: Group, apart: Mapping[str, Any], order: Mapping[str, int], budget: Budget | None
) -> dict[str, Any]:
    """Return the section of a group.

    Args:
        group: arms of equal settings.
        apart: the settings in which it differs from other groups.
        order: the colour and line style of each arm, as an index.
        budget: bytes left for pictures; None: no curves, samples or pictures.
    """
    record = group.first
    curves: list[Picture] = []
    files: list[RunFiles] = []
    remarks: list[str] = []
    if budget is None:
        remarks.append(
            "Curves, samples and pictures are left out to keep this page small. Give fewer runs to see them."
        )
    else:
        curves, remarks = learning_curves(group, order)
        files = run_files(group.arms, budget)
        remarks += [note for of_run in files for note in of_run.notes]
    return {
        "name": group_name(group.arms[0].runs[0]),
        "heading": f"{record.task} on {record.data}",
        "settings": main_settings(record),
        "apart": assignments(apart),
        "verdicts": verdicts(group),
        "notes": notes(group),
        "legend": [
            {"name": arm.name, "colour": order[arm.name] % len(COLOURS), "style": order[arm.name] % len(STYLES)}
            for arm in group.arms
        ],
        "several": any(len(arm.runs) > 1 for arm in group.arms),
        "curves": curves,
        "remarks": remarks,
        "bars": _bars(group, order),
        "tables": [_metrics_table(group), _cost_table(group)],
        "samples": [of_run for of_run in files if of_run.samples],
        "pictures": by_kind(files),
        "runs": _runs_table(group),
    }


def _bars(group: Group, order: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return ratios to the reference with their share of the widest bar."""
    costs = {name: [(arm, group.ratio(arm, name)) for arm in group.others] for name in BARS}
    known = [value for ratios in costs.values() for _, value in ratios if value is not None and math.isfinite(value)]
    widest = 1.05 * max([1.0, *known])
    rows = []
    for name, ratios in costs.items():
        lines = [
            {
                "name": arm.name,
                "text": times(value),
                "width": round(100 * value / widest, 2),
                "colour": order[arm.name] % len(COLOURS),
            }
            for arm, value in ratios
            if value is not None and math.isfinite(value)
        ]
        if lines:
            rows.append({"label": BARS[name], "lines": lines, "one": round(100 / widest, 2)})
    return rows


def _metrics_table(group: Group) -> dict[str, Any]:
    names = list(dict.fromkeys([*group.metrics, *(name for metrics in group.baselines.values() for name in metrics)]))
    heads = [f"test {name.replace('_', ' ')}" for name in names]
    columns = [(head, unit(name, group.first)) for head, name in zip(heads, names, strict=True)]
    columns.append((f"validation {group.metric.replace('_', ' ')}", unit(group.metric, group.first)))
    rows = [
        (
            arm.name,
            [
                Cell(str(len(arm.runs)), len(arm.runs)),
                *(_score(arm, "test", name) for name in names),
                _score(arm, "valid", group.metric),
            ],
            "",
        )
        for arm in group.arms
    ]
    for name, metrics in group.baselines.items():
        values = [Cell(number(metrics.get(metric)), metrics.get(metric)) for metric in names]
        look = "warn" if group.beaten_by(name) else "baseline"
        rows.append((f"{name} (baseline)", [Cell(""), *values, Cell("")], look))
    differences = []
    for arm in group.others:
        paired = [group.difference(arm, name) for name in names]
        if group.reference is not None and paired[0] is not None:
            values = [
                Cell(estimate(one.estimate, signed=True) if one else "", one.estimate.mean if one else None)
                for one in paired
            ]
            seeds = paired[0].estimate.count
            differences.append(
                (f"{arm.name} - {group.reference.name}", [Cell(str(seeds), seeds), *values, Cell("")], "")
            )
    caption = "Test metrics, mean over seeds and 95 % interval; below, differences paired by seed"
    return {"caption": caption, "columns": [("seeds", ""), *columns], "bodies": [rows, differences]}


def _score(arm: Arm, split: str, metric: str) -> Cell:
    score = arm.estimate(split, metric)
    return Cell(estimate(score), score.mean if score else None)


def _cost_table(group: Group) -> dict[str, Any]:
    columns = {
        "parameters_recurrent": ("recurrent parameters", "", count),
        "parameters_total": ("total parameters", "", count),
        "state_size": ("state size", "per sequence", count),
        "flops_per_update": ("FLOP per update", "", number),
        "seconds_per_update": ("time per update", "ms", milliseconds),
        "items_per_second": (f"{item(group.first)}s per s", "", count),
        "compile_seconds": ("compilation", "s", lambda value: number(value, 3)),
        "step_bytes": ("step memory", "MiB", mebibytes),
        "peak_rss_bytes": ("peak memory", "MiB", mebibytes),
        "wall_seconds": ("whole run", "", lambda value: "" if value is None else duration(value)),
    }
    rows = [
        (
            arm.name,
            [
                Cell("disturbed", None, "warn") if arm.disturbed(name) else Cell(write(arm.cost(name)), arm.cost(name))
                for name, (_, _, write) in columns.items()
            ],
            "",
        )
        for arm in group.arms
    ]
    heads = [(title, measure) for title, measure, _ in columns.values()]
    return {"caption": "Cost, medians over seeds", "columns": heads, "bodies": [rows]}


def _runs_table(group: Group) -> dict[str, Any]:
    columns = [("seed", ""), (f"test {group.metric.replace('_', ' ')}", ""), ("best update", ""), ("updates", "")]
    columns += [("whole run", ""), ("times", ""), ("directory", "")]
    rows = []
    for run in group.runs[:LISTED_RUNS]:
        record = run.record
        score = record.metrics["test"][group.metric]
        cells = [
            Cell(str(run.seed), run.seed),
            Cell(number(score), score),
            Cell(count(record.best_update), record.best_update),
            Cell(count(record.updates), record.updates),
            Cell(duration(record.wall_seconds), record.wall_seconds),
            Cell("disturbed" if disturbed(run) else "alone", look="warn" if disturbed(run) else ""),
            Cell(str(run.directory), look="path"),
        ]
        rows.append((run.arm, cells, ""))
    shown = f"{LISTED_RUNS} of {len(group.runs)} runs" if len(group.runs) > LISTED_RUNS else "Runs"
    return {"caption": shown, "columns": columns, "bodies": [rows]}
