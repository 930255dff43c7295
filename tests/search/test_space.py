"""Search spaces: what a file may say, what is drawn from it, and that each one fits the command it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from gru_bench.classes import configs_folder
from gru_bench.compose import composed
from gru_bench.errors import ConfigError, UserError
from gru_bench.search.space import Choice, Interval, Space, overrides, read_space, space_file
from tests.search.spaces import write_space

SPACES = sorted(path.stem for path in (configs_folder() / "sweeps").glob("*.yaml"))


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        read_space(path)
    return str(refused.value)


# Reading


def test_every_distribution_is_read_as_wandb_means_it(tmp_path: Path):
    space = read_space(
        write_space(
            tmp_path,
            model={"value": "gru"},
            network={"values": ["char_256", "char_512"]},
            optimizer__learning_rate={"distribution": "log_uniform_values", "min": 1e-4, "max": 1e-1},
            optimizer__b1={"min": 0.5, "max": 0.95},
            model__layers={"min": 1, "max": 3},
            training__batch_size={"distribution": "q_uniform", "min": 16, "max": 64, "q": 16},
            model__output_dropout={"distribution": "q_uniform", "min": 0, "max": 0.5, "q": 0.1},
            model__hidden_size={"distribution": "q_log_uniform_values", "min": 32, "max": 512},
            model__layer_norm={"distribution": "categorical", "values": [True, False]},
        )
    )
    assert space.name == "own"
    assert dict(space.parameters) == {
        "model": Choice(("gru",)),
        "network": Choice(("char_256", "char_512")),
        "optimizer.learning_rate": Interval(1e-4, 1e-1, log=True),
        "optimizer.b1": Interval(0.5, 0.95),
        "model.layers": Interval(1, 3, step=1),
        "training.batch_size": Interval(16, 64, step=16),
        "model.output_dropout": Interval(0.0, 0.5, step=0.1),
        "model.hidden_size": Interval(32, 512, step=1, log=True),
        "model.layer_norm": Choice((True, False)),
    }
    assert list(space.searched) == list(space.parameters)[1:]
    assert list(space.without(["model", "network"]).parameters) == list(space.parameters)[2:]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"distribution": "normal", "mu": 0, "sigma": 1}, "learning_rate.distribution: found 'normal', allowed: cons"),
        ({"min": 0.1}, "learning_rate.max: found nothing, allowed: a number"),
        ({"min": "3e-4", "max": 0.1}, "found '3e-4', allowed: a number. Write a number with a dot"),
        ({"values": ["3e-4", 0.1]}, "allowed: numbers that YAML does not read as text"),
        ({"min": 0.1, "max": 0.1}, "allowed: min below max"),
        (
            {"distribution": "log_uniform_values", "min": 0, "max": 1},
            "learning_rate.min: found 0, allowed: a number > 0",
        ),
        ({"distribution": "q_uniform", "min": 1, "max": 8, "q": 3}, "min and max that are multiples of q"),
        ({"distribution": "q_log_uniform_values", "min": 1, "max": 8, "q": 2}, "learning_rate.q: found 2, allowed: 1"),
        ({"values": []}, "at least one value, without duplicates"),
        ({"values": [0.1, 0.1]}, "at least one value, without duplicates"),
        ({"values": ["a,b"]}, "text of letters, digits"),
        ({"values": [None]}, "values[0]: found nothing"),
        ({"vales": [1]}, "learning_rate.vales: found [1], allowed: "),
        (0.1, "found 0.1, allowed: value, values, or distribution with min and max"),
    ],
)
def test_a_wrong_parameter_is_named(tmp_path: Path, entry: Any, message: str):
    path = write_space(tmp_path, optimizer__learning_rate=entry)
    text = refusal(path)
    assert text.startswith(f"{path}: sweep.parameters.optimizer.learning_rate")
    assert message in text


def test_a_file_that_is_no_sweep_file_is_refused(tmp_path: Path):
    path = write_space(tmp_path, model={"value": "gru"})
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(content | {"parameter": {}}))
    assert "sweep.parameter: found {}" in refusal(path)
    path.write_text(yaml.safe_dump(content | {"program": "train.py"}))
    assert "sweep.program: found 'train.py', allowed: gru_bench.train" in refusal(path)
    path.write_text(yaml.safe_dump(content | {"parameters": {}}))
    assert "at least one setting" in refusal(path)
    path.write_text(yaml.safe_dump(content | {"parameters": {"model size": {"value": 1}}}))
    assert "found 'model size', allowed: settings of the train command" in refusal(path)
    path.write_text("- 1\n")
    assert "allowed: a W&B sweep file" in refusal(path)
    path.write_text("a: [")
    with pytest.raises(UserError, match="cannot be read as a W&B sweep file"):
        read_space(path)


def test_a_space_is_found_by_name_or_by_path(tmp_path: Path):
    assert space_file("gru") == configs_folder() / "sweeps/gru.yaml"
    own = write_space(tmp_path, model={"value": "gru"})
    assert space_file(str(own)) == own
    with pytest.raises(ConfigError, match=r"found 'gruu', allowed: gru, lstm, .* Did you mean 'gru'"):
        space_file("gruu")


# Drawing


def test_draws_fill_the_space_and_nothing_else():
    space = Space(
        "all",
        {
            "constant": Choice(("gru",)),
            "choice": Choice((1, "b", True)),
            "real": Interval(-1.0, 3.0),
            "log": Interval(1e-4, 1e-1, log=True),
            "integer": Interval(1, 3, step=1),
            "even": Interval(0, 8, step=2),
            "grid": Interval(0.0, 0.3, step=0.1),
            "size": Interval(1, 512, step=1, log=True),
        },
    )
    generator = np.random.default_rng(0)
    trials = [space.draw(generator) for _ in range(4000)]
    columns: dict[str, list[Any]] = {key: [trial[key] for trial in trials] for key in space.parameters}
    assert list(trials[0]) == list(space.parameters)
    assert set(columns["constant"]) == {"gru"}
    assert set(columns["integer"]) == {1, 2, 3}
    assert set(columns["even"]) == {0, 2, 4, 6, 8}
    assert set(columns["grid"]) == {0.0, 0.1, 0.2, 0.3}
    for key, values in (("choice", 3), ("integer", 3), ("even", 5), ("grid", 4)):
        shares = np.unique([str(value) for value in columns[key]], return_counts=True)[1] / len(trials)
        assert shares == pytest.approx(np.full(values, 1 / values), abs=0.04)
    assert all(type(value) is int for key in ("integer", "even", "size") for value in columns[key])
    assert all(-1 <= value <= 3 for value in columns["real"])
    assert all(1e-4 <= value <= 1e-1 for value in columns["log"])
    assert {min(columns["size"]), max(columns["size"])} <= set(range(1, 513))
    assert np.mean(columns["real"]) == pytest.approx(1, abs=0.1)
    assert np.mean(np.log10(columns["log"])) == pytest.approx(-2.5, abs=0.05)
    assert np.mean(np.array(columns["size"]) <= 16) == pytest.approx(0.5, abs=0.04)


def test_equal_generators_draw_equal_trials():
    space = read_space(space_file("lstm"))
    first, again, other = (space.draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_drawn_numbers_are_short():
    values = [Interval(1e-4, 1.0, log=True).draw(np.random.default_rng(seed)) for seed in range(50)]
    assert all(float(f"{value:.4g}") == value for value in values)


# Use


def test_overrides_are_arguments_of_the_train_command():
    trial = {"model": "lstm", "model.layer_norm": True, "optimizer.learning_rate": 1e-5, "training.batch_size": 16}
    arguments = overrides(trial)
    assert arguments == (
        "model=lstm",
        "model.layer_norm=true",
        "optimizer.learning_rate=1e-05",
        "training.batch_size=16",
    )
    config = composed(*arguments)
    assert (config.model.cell, config.model.layer_norm) == ("lstm", True)
    assert (config.optimizer.learning_rate, config.training.batch_size) == (1e-5, 16)


@pytest.mark.parametrize("name", SPACES)
def test_every_space_fits_the_train_command(name: str):
    space = read_space(space_file(name))
    config = composed("task=language_modeling", *overrides(space.draw(np.random.default_rng(0))))
    assert config.model.cell == name


def test_gru_and_lstm_are_searched_alike():
    gru, lstm = (read_space(space_file(name)).searched for name in ("gru", "lstm"))
    assert {key for key in gru if key in lstm} == {"optimizer.learning_rate", "model.output_dropout"}
    assert gru["optimizer.learning_rate"] == lstm["optimizer.learning_rate"]
    assert gru["model.update_bias"] == lstm["model.forget_bias"]
    assert list(gru) == ["optimizer.learning_rate", "model.output_dropout", "model.update_bias"]
    assert len(gru) == len(lstm)


def test_the_gate_keeps_from_three_tenths_to_99_hundredths_of_the_carry():
    gate = read_space(space_file("lstm")).parameters["model.forget_bias"]
    assert isinstance(gate, Interval)
    assert [1 / (1 + np.exp(-bound)) for bound in (gate.low, gate.high)] == pytest.approx([0.3, 0.99], abs=1e-3)


@pytest.mark.parametrize(
    ("interval", "middle", "above", "below"),
    [
        (Interval(1e-3, 1e-1, log=True), 1e-2, Interval(1e-3, 10.0, log=True), Interval(1e-5, 1e-1, log=True)),
        (Interval(-1.0, 3.0), 1.0, Interval(-1.0, 7.0), Interval(-5.0, 3.0)),
        (Interval(0.0, 0.4, step=0.1), 0.2, Interval(0.0, 0.8, step=0.1), Interval(-0.4, 0.4, step=0.1)),
        (Interval(2, 6, step=2), 4, Interval(2, 10, step=2), Interval(-2, 6, step=2)),
    ],
)
def test_a_range_grows_by_its_width_on_its_scale(interval: Interval, middle: float, above: Interval, below: Interval):
    assert [interval.place(value) for value in (interval.low, middle, interval.high)] == pytest.approx([0, 0.5, 1])
    assert interval.extended(interval, up=True) == above
    assert interval.extended(interval, up=False) == below
