from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gru_bench.classes import load_object, preset_places
from gru_bench.data.data_set import UNCHANGED, allows
from gru_bench.data.factory import check_data, container_of, make_data
from gru_bench.data.source import gives
from gru_bench.errors import ConfigError
from gru_bench.sections import DataConfig, PathsConfig
from tests.data.kinds import digits
from tests.plugins import next_item

SESSIONS, TAGGED = "tests.plugins.next_item:load", "tests.plugins.recurrences:load"
CHANGES = {"train_fraction": 0.5, "label_noise": 0.1, "input_noise": 0.1, "missing_rate": 0.1}


def settings(place: str, **changes: Any) -> DataConfig:
    return DataConfig(source="mine", class_=place, **changes)


@pytest.mark.parametrize("place", preset_places("data").values())
def test_the_annotation_of_each_source_names_the_container_of_each_of_its_kinds(place: str):
    load = load_object(place)
    assert tuple(container_of(load, kind).kind for kind in load.kinds) == load.kinds


def test_a_container_of_ones_own_changes_as_it_declares(tmp_path: Path):
    config = settings(SESSIONS, train_fraction=0.25)
    check_data(config, "mine", "sessions")
    part = make_data(config, PathsConfig(cache=str(tmp_path)), "sessions")
    whole = make_data(settings(SESSIONS), PathsConfig(cache=str(tmp_path)), "sessions")
    assert part.facts["train_fraction"] == {"share": 0.25, "used": 100, "of": 401}
    assert part.facts["digest"] != whole.facts["digest"]
    assert "train_fraction" not in whole.facts


@pytest.mark.parametrize(
    ("place", "kind", "setting"),
    [
        (SESSIONS, "sessions", "label_noise"),
        (SESSIONS, "sessions", "input_noise"),
        *((TAGGED, "tagged", setting) for setting in UNCHANGED),
    ],
)
def test_a_change_that_a_container_lacks_is_refused_before_anything_is_read(place: str, kind: str, setting: str):
    allowing = "labelled_sequences" if setting == "missing_rate" else ".*texts"
    message = rf"data.{setting}: found .*, allowed: {UNCHANGED[setting]} for {kind}\. It is for {allowing}"
    with pytest.raises(ConfigError, match=message):
        check_data(settings(place, **{setting: CHANGES[setting]}), "mine", kind)


@pytest.mark.parametrize("kind", ["sequences", "plain"])
def test_without_a_return_annotation_the_data_itself_decides(kind: str, monkeypatch: pytest.MonkeyPatch):
    @gives(kind)
    def load(*, mirror: Path | None, cache: Path):
        return digits() if kind == "sequences" else object()

    monkeypatch.setattr(next_item, "unannotated", load, raising=False)
    config = settings("tests.plugins.next_item:unannotated", train_fraction=0.5)
    check_data(config, "mine", kind)
    if kind == "sequences":
        assert make_data(config, PathsConfig(), kind).train_size == 20
    else:
        with pytest.raises(ConfigError, match=r"data.train_fraction: found 0.5, allowed: 1.0 for plain"):
            make_data(config, PathsConfig(), kind)


def test_a_container_itself_refuses_what_it_does_not_override():
    assert [setting for setting in UNCHANGED if allows(next_item.Sessions, setting)] == ["train_fraction"]
    with pytest.raises(ConfigError, match=r"data.label_noise: found 0.1, allowed: 0.0 for sessions"):
        next_item.Sessions({}, {}).with_label_noise(0.1, 0)
