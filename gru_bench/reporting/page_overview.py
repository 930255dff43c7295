"""The top of the page: a row per group with verdict, scores and costs, and the settings that differ between groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gru_bench.reporting.csv_file import group_name
from gru_bench.reporting.format import assignments, estimate, setting, times, unit
from gru_bench.reporting.html import Cell
from gru_bench.reporting.table import main_settings
from gru_bench.reporting.verdict import better_baselines, verdicts
from gru_bench.results.comparison import Group, replicas, shared_machine

RATIOS = {  # shown relative to the reference
    "parameters_recurrent": "recurrent parameters",
    "seconds_per_update": "time per update",
    "step_bytes": "step memory",
}
_RANK = {"better": 0, "worse": 1, "open": 2, "none": 3}


def overview_row(group: Group, apart: Mapping[str, Any], cells: Sequence[str], linked: bool) -> dict[str, Any]:
    """Return what the table at the top of the page says of a group; `linked` to its section, if it has one."""
    record = group.first
    judged = verdicts(group)
    warnings = [*better_baselines(group), *_time_warnings(group)]
    return {
        "name": group_name(group.arms[0].runs[0]),
        "linked": linked,
        "task": record.task,
        "data": record.data,
        "settings": assignments(apart) or ", ".join(main_settings(record)[:2]),
        "verdicts": judged,
        "rank": min(_RANK[verdict.kind] for verdict in judged),
        "warnings": warnings,
        "metric": group.metric.replace("_", " "),
        "unit": unit(group.metric, record),
        "better": "higher is better" if group.maximise else "lower is better",
        "scores": [_scores(group, cell) for cell in cells],
        "ratios": [_ratios(group, name) for name in RATIOS],
    }


def _scores(group: Group, cell: str) -> dict[str, Any]:
    scores = [(arm, arm.estimate("test", group.metric)) for arm in group.arms if arm.cell == cell]
    lines = [(arm.name if arm.name != cell else "", estimate(score)) for arm, score in scores]
    return {"lines": lines, "sort": scores[0][1].mean if scores and scores[0][1] else None}


def _ratios(group: Group, name: str) -> dict[str, Any]:
    ratios = [(arm, group.ratio(arm, name)) for arm in group.others]
    unknown = "disturbed" if any(arm.disturbed(name) for arm in group.arms) else ""
    lines = [(arm.name, times(ratio) or unknown) for arm, ratio in ratios]
    return {"lines": [line for line in lines if line[1]], "sort": ratios[0][1] if ratios else None}


def _time_warnings(group: Group) -> list[str]:
    reasons = {
        "other work ran beside": [arm.name for arm in group.arms if any(shared_machine(run) for run in arm.runs)],
        "replicas share those of": [arm.name for arm in group.arms if any(replicas(run) > 1 for run in arm.runs)],
    }
    return [f"Disturbed times left out: {why} {' and '.join(names)}." for why, names in reasons.items() if names]


def differences(groups: Sequence[Group], apart: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a table for each task and data with several groups: the settings that differ, a row per group."""
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
