from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gru_bench.reporting.verdict import better_baselines, no_verdict, verdict
from gru_bench.results.collect import Run, collect
from gru_bench.results.comparison import Group, compare
from tests.results.records import make_record, write_run


def group_of(folder: Path, *records: dict[str, Any]) -> Group:
    for index, record in enumerate(records):
        write_run(folder, record, f"run{index}")
    found: list[Run] = list(collect([folder]).finished)
    (group,) = compare(found)
    return group


def records(direction: str, gru: tuple[float, ...], lstm: tuple[float, ...]) -> list[dict[str, Any]]:
    return [
        make_record(cell, seed, value, direction=direction)
        for cell, values in (("gru", gru), ("lstm", lstm))
        for seed, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("direction", "gru", "lstm", "kind", "answer"),
    [
        ("min", (0.40, 0.41, 0.42), (0.50, 0.51, 0.53), "better", "gru is better than lstm"),
        ("max", (0.40, 0.41, 0.42), (0.50, 0.51, 0.53), "worse", "lstm is better than gru"),
        ("min", (0.50, 0.51, 0.53), (0.40, 0.41, 0.42), "worse", "lstm is better than gru"),
        ("max", (0.50, 0.51, 0.53), (0.40, 0.41, 0.42), "better", "gru is better than lstm"),
        ("min", (0.40, 0.60, 0.50), (0.50, 0.50, 0.50), "open", "no difference shown between gru and lstm"),
        ("max", (0.50, 0.50), (0.50, 0.50), "open", "no difference shown between gru and lstm"),
        ("max", (0.90,), (0.10,), "none", "no verdict: only one seed"),
    ],
)
def test_the_interval_decides_for_both_directions(
    tmp_path: Path, direction: str, gru: tuple[float, ...], lstm: tuple[float, ...], kind: str, answer: str
):
    group = group_of(tmp_path, *records(direction, gru, lstm))
    found = verdict(group, group.others[0])
    assert (found.kind, found.answer) == (kind, answer)
    assert found.detail.startswith("gru - lstm: ")
    assert found.detail.endswith("1 seed" if len(gru) == 1 else f"{len(gru)} seeds")
    assert no_verdict(group) == ""


@pytest.mark.parametrize(
    ("direction", "value", "said"),
    [
        ("min", 0.39, "every cell"),
        ("min", 0.45, "lstm"),
        ("min", 0.60, None),
        ("max", 0.60, "every cell"),
        ("max", 0.45, "gru"),
        ("max", 0.30, None),
    ],
)
def test_a_baseline_that_is_no_worse_is_named(tmp_path: Path, direction: str, value: float, said: str | None):
    found = records(direction, (0.40,), (0.50,))
    for record in found:
        record["baselines"] = {"linear": {"nll": value}, "floor": {"nll": value}}
    wanted = [] if said is None else [f"The baseline linear is as good as or better than {said}."]
    assert better_baselines(group_of(tmp_path, *found)) == wanted
