from pathlib import Path

import numpy as np

from gru_bench.data.generated.mackey_glass import load, solve
from gru_bench.data.series.baselines import all_origins, errors, make_baselines

SMALL = {"mirror": None, "cache": Path(), "train_size": 300, "valid_size": 100, "test_size": 100}


def test_the_same_bits_again_and_other_seeds_elsewhere():
    first, again, other = load(**SMALL), load(**SMALL), load(**SMALL, seed=1)
    assert first.facts["digest"] == again.facts["digest"] != other.facts["digest"]
    assert first.facts["rows"] == {"train": 300, "valid": 100, "test": 100}
    np.testing.assert_array_equal(first.values[:4, 0], FROZEN)


FROZEN = [0.9441076593901881, 0.9233513274308346, 0.9027541422823886, 0.8796798535517125]


def test_it_solves_the_equation_as_small_euler_steps_do(monkeypatch):
    monkeypatch.setattr("gru_bench.data.generated.mackey_glass.TRANSIENT", 0)
    found = solve(60, start=1.2, tau=17, beta=0.2, gamma=0.1)
    steps = 1000
    past = [1.2] * (17 * steps + 1)
    for _ in range(60 * steps):
        delayed = past[-17 * steps - 1]
        past.append(past[-1] + (0.2 * delayed / (1 + delayed**10) - 0.1 * past[-1]) / steps)
    np.testing.assert_allclose(found, past[17 * steps :: steps][:60], atol=2e-3)


def test_a_season_is_about_a_period():
    series = load(mirror=None, cache=Path(), train_size=3000, valid_size=200, test_size=1000)
    scores = {}
    for name, forecast in make_baselines(series).items():
        sums = errors(series, all_origins(series, "test"), forecast)
        scores[name] = sums["squared"].sum() / sums["count"].sum()
    assert scores["linear"] < 0.35 < 0.5 < scores["seasonal-naive"] < scores["last value"]
    assert scores["linear"] > 0.1
