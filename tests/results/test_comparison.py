from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gru_bench.results.collect import collect
from gru_bench.results.comparison import Group, compare, differing
from tests.results.records import make_record, write_run, write_three_seeds


def groups_of(folder: Path, *records: dict[str, Any]) -> list[Group]:
    for index, record in enumerate(records):
        write_run(folder, record, f"run{index}")
    return compare(collect([folder]).finished)


def test_cells_over_seeds_make_one_group(tmp_path: Path):
    write_three_seeds(tmp_path)
    [group] = compare(collect([tmp_path]).finished)
    assert [arm.name for arm in group.arms] == ["gru", "lstm", "rnn"]
    gru, lstm, rnn = group.arms
    assert gru.seeds == [0, 1, 2]
    assert group.reference is lstm
    assert group.others == [gru, rnn]
    # gru 0.41 0.42 0.43: mean 0.42, s = 0.01, half width 4.302653 * 0.01 / sqrt(3) = 0.02484138
    found = gru.estimate("test", "nll")
    assert found is not None
    assert found.mean == pytest.approx(0.42)
    assert found.half_width == pytest.approx(0.02484138, abs=1e-8)
    # gru - lstm 0.01 0 0: mean 1/300, s = 0.01 / sqrt(3), half width 4.302653 * 0.01 / 3 = 0.01434218
    difference = group.difference(gru)
    assert difference is not None
    assert difference.by_seed == {0: pytest.approx(0.01), 1: pytest.approx(0), 2: pytest.approx(0)}
    assert difference.estimate.mean == pytest.approx(1 / 300)
    assert difference.estimate.half_width == pytest.approx(0.01434218, abs=1e-8)
    assert group.ratio(gru, "seconds_per_update") == pytest.approx(0.75)
    assert group.ratio(gru, "items_per_second") == pytest.approx(4 / 3)
    assert group.ratio(gru, "step_bytes") == pytest.approx(0.75)
    # 3 x 64 x 97 + 64 = 18688 (gru), 4 x 64 x 97 = 24832 (lstm)
    assert group.ratio(gru, "parameters_recurrent") == pytest.approx(18688 / 24832)
    assert group.baselines == {"unigram": {"nll": pytest.approx(1.89)}, "grammar floor": {"nll": pytest.approx(0.4)}}


def test_costs_are_medians(tmp_path: Path):
    records = [
        make_record("gru", seed, speed__seconds_per_update=seconds) for seed, seconds in enumerate((0.1, 0.2, 0.9))
    ]
    [group] = groups_of(tmp_path, *records)
    assert group.arms[0].cost("seconds_per_update") == 0.2


@pytest.mark.parametrize(
    "change",
    [
        {"config__training__updates": 1000},
        {"config__optimizer__learning_rate": 0.01},
        {"config__model__layers": 2},
        {"config__model__hidden_size": 65},
        {"config__data__train_symbols": 1000},
        {"config__task__sample_length": 1},
        {"config__task__class": "mine.tasks:LanguageModeling"},
        {"data_facts__digest": "b" * 64},
        {"device": "gpu: Some Accelerator"},
        {"data": "ptb"},
        {"task": "sentiment"},
        {"metric": "perplexity"},
    ],
)
def test_another_setting_is_another_group(tmp_path: Path, change: dict[str, Any]):
    groups = groups_of(tmp_path, make_record("gru", 0), make_record("gru", 1, **change))
    assert len(groups) == 2
    assert all(len(group.runs) == 1 for group in groups)


@pytest.mark.parametrize(
    "change",
    [
        {"config__run_dir": "elsewhere"},
        {"config__fresh": True},
        {"config__debug": True},
        {"config__paths__cache": "cache"},
        {"config__tracker__name": "wandb"},
        {"device": "cpu: Another Processor"},
        {"threads": 1},
        {"versions__jax": "0.11.0"},
    ],
)
def test_what_decides_no_score_is_the_same_group(tmp_path: Path, change: dict[str, Any]):
    [group] = groups_of(tmp_path, make_record("gru", 0), make_record("gru", 1, **change))
    assert len(group.arms) == 1
    assert group.arms[0].seeds == [0, 1]


def test_records_that_name_no_class_are_of_the_same_group(tmp_path: Path):
    earlier = make_record("lstm")
    for section in ("task", "data", "model"):
        del earlier["config"][section]["class"]
    [group] = groups_of(tmp_path, make_record("gru"), earlier)
    assert [arm.name for arm in group.arms] == ["gru", "lstm"]


def test_cells_of_one_name_are_arms_of_their_own(tmp_path: Path):
    cells = {
        "lstm": ("lstm", "gru_bench.cells.lstm:LSTM"),
        "mine.lstm": ("lstm", "mine.cells:LSTM"),
        "theirs:Long": ("lstm", "theirs:Long"),
        "theirs:Short": ("lstm", "theirs:Short"),
        "leaky": ("leaky", "theirs.deep:Leaky"),
    }
    records = [make_record("lstm", model=name, config__model__class=place) for name, place in cells.values()]
    [group] = groups_of(tmp_path, *records)
    classes = {arm.name: arm.runs[0].record.config["model"]["class"] for arm in group.arms}
    assert classes == {label: place for label, (_, place) in cells.items()}
    assert group.reference is not None
    assert group.reference.name == "lstm"


def test_an_lstm_of_another_package_is_no_reference(tmp_path: Path):
    [group] = groups_of(tmp_path, make_record("lstm", config__model__class="mine:LSTM"), make_record("gru"))
    assert [arm.name for arm in group.arms] == ["gru", "mine.lstm"]
    assert group.reference is None


def test_cell_options_make_arms_of_one_group(tmp_path: Path):
    [group] = groups_of(
        tmp_path,
        make_record("lstm", 0),
        make_record("lstm", 0, option__forget_bias=0.0),
        make_record("lstm", 0, option__forget_bias=0.5, option__peepholes=True),
        make_record("gru", 0, option__reset_after=False),
    )
    assert [arm.name for arm in group.arms] == [
        "gru (reset_after=false)",
        "lstm",
        "lstm (forget_bias=0)",
        "lstm (forget_bias=0.5, peepholes=true)",
    ]
    assert group.reference is group.arms[1]


def test_the_only_lstm_is_the_reference_and_two_variants_are_none(tmp_path: Path):
    variant = make_record("lstm", 0, option__forget_bias=0.0)
    [group] = groups_of(tmp_path / "one", variant, make_record("gru", 0))
    assert group.reference is group.arms[1]
    [group] = groups_of(tmp_path / "two", variant, make_record("lstm", 0, option__peepholes=True))
    assert group.reference is None
    assert group.others == []
    assert group.difference(group.arms[0]) is None
    assert group.ratio(group.arms[0], "state_size") is None


def test_times_from_a_shared_machine_are_unknown(tmp_path: Path):
    [group] = groups_of(
        tmp_path,
        make_record("gru", 0, speed__seconds_per_update=9.0, speed__shared_machine=True),
        make_record("gru", 1, speed__seconds_per_update=0.5),
        make_record("lstm", 0, speed__shared_machine=True),
    )
    gru, lstm = group.arms
    assert gru.cost("seconds_per_update") == 0.5
    assert [lstm.cost(name) for name in ("seconds_per_update", "items_per_second", "wall_seconds")] == [None] * 3
    assert lstm.cost("step_bytes") == 4 * 2**20
    assert group.ratio(gru, "seconds_per_update") is None


def test_times_are_compared_on_the_device_that_most_arms_share(tmp_path: Path):
    fast = {"device": "cpu: Fast", "speed__seconds_per_update": 0.001}
    [group] = groups_of(
        tmp_path,
        make_record("gru", 0, **fast),
        make_record("gru", 1, **fast),
        make_record("gru", 2, speed__seconds_per_update=0.03),
        make_record("lstm", 0, speed__seconds_per_update=0.04),
    )
    assert group.device == "cpu: Some Processor, 2 threads"
    assert group.ratio(group.arms[0], "seconds_per_update") == pytest.approx(0.75)
    assert group.arms[0].seeds == [0, 1, 2]


def test_runs_too_short_to_time(tmp_path: Path):
    [group] = groups_of(tmp_path, make_record("gru", 0, speed__seconds_per_update=None, speed__items_per_second=None))
    assert group.device is None
    assert group.arms[0].cost("seconds_per_update") is None


@pytest.mark.parametrize(("direction", "beaten"), [("min", ["rnn"]), ("max", ["gru"])])
def test_a_baseline_that_is_no_worse_beats_a_cell_and_a_floor_beats_none(
    tmp_path: Path, direction: str, beaten: list[str]
):
    [group] = groups_of(
        tmp_path, make_record("gru", 0, 0.41, direction=direction), make_record("rnn", 0, 1.9, direction=direction)
    )
    assert [arm.name for arm in group.beaten_by("unigram")] == beaten
    assert group.beaten_by("grammar floor") == []


def test_what_differs_between_groups_is_named(tmp_path: Path):
    groups = groups_of(
        tmp_path,
        make_record("gru", 0),
        make_record("gru", 0, config__training__updates=5),
        make_record("gru", 0, data_facts__digest="b" * 64),
    )
    found = differing(groups)
    assert {frozenset(item) for item in found} == {frozenset({"training.updates", "data digest"})}
    assert {(item["training.updates"], item["data digest"]) for item in found} == {
        (2000, "a" * 12),
        (5, "a" * 12),
        (2000, "b" * 12),
    }
