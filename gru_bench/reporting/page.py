"""The comparison as one HTML file that needs nothing but itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gru_bench.plotting import COLOURS, STYLES
from gru_bench.reporting.csv_file import group_name
from gru_bench.reporting.curves import learning_curves, scheme_css
from gru_bench.reporting.format import (
    count,
    duration,
    estimate,
    item,
    mebibytes,
    milliseconds,
    number,
    setting,
    times,
    unit,
)
from gru_bench.reporting.html import Cell, Picture, render
from gru_bench.reporting.run_files import Budget, RunFiles, by_kind, run_files
from gru_bench.reporting.table import LEGEND, collection_notes, main_settings, notes
from gru_bench.reporting.verdict import Verdict, better_baselines, no_verdict, verdict
from gru_bench.results.collect import Collection
from gru_bench.results.comparison import (
    OF_PROCESS,
    REFERENCE,
    Arm,
    Group,
    disturbed,
    replicas,
    set_apart,
    shared_machine,
)

GROUPS_IN_DETAIL = 40  # those that compare cells first; the overview has all
GROUPS_WITH_PICTURES = 12
LISTED_RUNS = 60  # per group
LISTED_NOTES = 60
RATIOS = {  # what the overview shows as a ratio to the reference
    "parameters_recurrent": "recurrent parameters",
    "seconds_per_update": "time per update",
    "step_bytes": "step memory",
}
BARS = {
    "parameters_recurrent": "recurrent parameters",
    "parameters_total": "total parameters",
    "state_size": "state size",
    "flops_per_update": "FLOP per update",
    "seconds_per_update": "time per update",
    "step_bytes": "step memory",
    "peak_rss_bytes": "peak memory of the process",
}
_RANK = {"better": 0, "worse": 1, "open": 2, "none": 3}


def page(collection: Collection, groups: Sequence[Group]) -> str:
    """Return the whole comparison as HTML.

    Args:
        collection: all runs that were found, for what did not enter.
        groups: the comparisons, in order.
    """
    apart, cells = set_apart(groups), _cells(groups)
    detailed = _first(groups, GROUPS_IN_DETAIL)
    drawn = _first(groups, GROUPS_WITH_PICTURES)
    order = _order(groups)
    budget = Budget()
    sections = [
        _section(group, settings, order, budget if index in drawn else None)
        for index, (group, settings) in enumerate(zip(groups, apart, strict=True))
        if index in detailed
    ]
    left_out = [*collection_notes(collection), *(f"Unreadable: {text}" for _, text in collection.unreadable)]
    return render(
        Path(__file__).with_name("page.html.jinja"),
        scheme_css() + "\n",
        title=_title(groups),
        facts=_facts(collection, groups),
        reference=REFERENCE,
        cells=cells,
        ratios=RATIOS,
        overview=[
            _overview(group, settings, cells, index in detailed)
            for index, (group, settings) in enumerate(zip(groups, apart, strict=True))
        ],
        differences=_differences(groups, apart),
        sections=sections,
        not_detailed=len(groups) - len(sections),
        left_out=left_out[:LISTED_NOTES],
        not_listed=max(0, len(left_out) - LISTED_NOTES),
        legend=LEGEND,
    )


def _first(groups: Sequence[Group], limit: int) -> set[int]:
    """Return the indices of the groups that are worth most room: those that compare cells, over most runs."""
    order = sorted(range(len(groups)), key=lambda index: (not groups[index].others, -len(groups[index].runs), index))
    return set(order[:limit])


def _order(groups: Sequence[Group]) -> dict[str, int]:
    """Number the arms so that one arm has one colour and line style on the whole page."""
    names = {arm.name: arm.cell for group in groups for arm in group.arms}
    return {name: index for index, name in enumerate(sorted(names, key=lambda name: (name != names[name], name)))}


def _cells(groups: Sequence[Group]) -> list[str]:
    return sorted({arm.cell for group in groups for arm in group.arms})


def _title(groups: Sequence[Group]) -> str:
    places = sorted({f"{group.first.task} on {group.first.data}" for group in groups})
    return "GRU or LSTM? " + (", ".join(places) if len(places) <= 2 else f"{len(places)} tasks and data sets")


def _facts(collection: Collection, groups: Sequence[Group]) -> str:
    runs = f"{len(collection.finished)} finished {'run' if len(collection.finished) == 1 else 'runs'}"
    compared = f"{len(groups)} {'group' if len(groups) == 1 else 'groups'} of equal settings"
    ended = max((str(run.record.ended or run.record.started) for run in collection.finished), default="")
    parts = [runs, compared, f"the last of {ended[:10]}" if ended else ""]
    skipped = len(collection.unfinished) + len(collection.replaced) + len(collection.unreadable)
    return ", ".join([*filter(None, parts), *([f"{skipped} not counted (see the end)"] if skipped else [])]) + "."


# The first screen


def _overview(group: Group, apart: Mapping[str, Any], cells: Sequence[str], linked: bool) -> dict[str, Any]:
    record = group.first
    verdicts = [verdict(group, arm) for arm in group.others] or [Verdict("none", no_verdict(group), "")]
    warnings = [*better_baselines(group), *_time_warnings(group)]
    return {
        "name": group_name(group.arms[0].runs[0]),
        "linked": linked,
        "task": record.task,
        "data": record.data,
        "settings": _apart(apart) or ", ".join(main_settings(record)[:2]),
        "verdicts": verdicts,
        "rank": min(_RANK[found.kind] for found in verdicts),
        "warnings": warnings,
        "metric": group.metric.replace("_", " "),
        "unit": unit(group.metric, record),
        "better": "higher is better" if group.maximise else "lower is better",
        "scores": [_scores(group, cell) for cell in cells],
        "ratios": [_ratios(group, name) for name in RATIOS],
    }


def _scores(group: Group, cell: str) -> dict[str, Any]:
    found = [(arm, arm.estimate("test", group.metric)) for arm in group.arms if arm.cell == cell]
    lines = [(arm.name if arm.name != cell else "", estimate(score)) for arm, score in found]
    return {"lines": lines, "sort": found[0][1].mean if found and found[0][1] else None}


def _ratios(group: Group, name: str) -> dict[str, Any]:
    found = [(arm, group.ratio(arm, name)) for arm in group.others]
    unknown = any(name in OF_PROCESS and arm.cost(name) is None and _shared(arm) for arm in group.arms)
    lines = [(arm.name, times(value) or ("disturbed" if unknown else "")) for arm, value in found]
    return {"lines": [line for line in lines if line[1]], "sort": found[0][1] if found else None}


def _shared(arm: Arm) -> bool:
    return any(disturbed(run) for run in arm.runs)


def _time_warnings(group: Group) -> list[str]:
    found = {
        "other work ran beside": [arm.name for arm in group.arms if any(shared_machine(run) for run in arm.runs)],
        "replicas share those of": [arm.name for arm in group.arms if any(replicas(run) > 1 for run in arm.runs)],
    }
    return [f"Disturbed times left out: {why} {' and '.join(names)}." for why, names in found.items() if names]


def _apart(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={setting(value)}" for name, value in settings.items())


def _differences(groups: Sequence[Group], apart: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a table for each task and data with several groups: what they differ in, a row per group."""
    tables: dict[tuple[str, str], dict[str, Any]] = {}
    for group, settings in zip(groups, apart, strict=True):
        if settings:
            place = (group.first.task, group.first.data)
            table = tables.setdefault(place, {"place": " on ".join(place), "columns": list(settings), "rows": []})
            values = [Cell(setting(value), _key(value)) for value in settings.values()]
            table["rows"].append({"name": group_name(group.arms[0].runs[0]), "arms": _names(group), "cells": values})
    return list(tables.values())


def _names(group: Group) -> str:
    return ", ".join(arm.name for arm in group.arms)


def _key(value: object) -> float | int | str | None:
    return float(value) if isinstance(value, int | float) else None if value is None else str(value)


# One group


def _section(group: Group, apart: Mapping[str, Any], order: Mapping[str, int], budget: Budget | None) -> dict[str, Any]:
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
        remarks += [note for found in files for note in found.notes]
    return {
        "name": group_name(group.arms[0].runs[0]),
        "heading": f"{record.task} on {record.data}",
        "settings": main_settings(record),
        "apart": _apart(apart),
        "verdicts": [verdict(group, arm) for arm in group.others] or [Verdict("none", no_verdict(group), "")],
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
        "samples": [found for found in files if found.samples],
        "pictures": by_kind(files),
        "runs": _runs_table(group),
    }


def _bars(group: Group, order: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return ratios to the reference with their share of the widest bar."""
    found = {name: [(arm, group.ratio(arm, name)) for arm in group.others] for name in BARS}
    known = [value for ratios in found.values() for _, value in ratios if value is not None and math.isfinite(value)]
    widest = 1.05 * max([1.0, *known])
    rows = []
    for name, ratios in found.items():
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
    names = list(dict.fromkeys([*group.metrics, *(name for found in group.baselines.values() for name in found)]))
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
        found = [group.difference(arm, name) for name in names]
        if group.reference is not None and found[0] is not None:
            values = [
                Cell(estimate(one.estimate, signed=True) if one else "", one.estimate.mean if one else None)
                for one in found
            ]
            seeds = found[0].estimate.count
            differences.append(
                (f"{arm.name} - {group.reference.name}", [Cell(str(seeds), seeds), *values, Cell("")], "")
            )
    caption = "Test metrics, mean over seeds and 95 % interval; below, differences paired by seed"
    return {"caption": caption, "columns": [("seeds", ""), *columns], "bodies": [rows, differences]}


def _score(arm: Arm, split: str, metric: str) -> Cell:
    found = arm.estimate(split, metric)
    return Cell(estimate(found), found.mean if found else None)


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
                Cell("disturbed", None, "warn")
                if name in OF_PROCESS and arm.cost(name) is None and _shared(arm)
                else Cell(write(arm.cost(name)), arm.cost(name))
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
