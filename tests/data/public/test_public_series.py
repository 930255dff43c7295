import numpy as np
import pytest

from gru_bench.data.factory import make_data
from gru_bench.data.public import weather
from gru_bench.data.series.baselines import all_origins, errors, make_baselines
from gru_bench.data.series.sampling import Step
from gru_bench.errors import ConfigError
from gru_bench.sections import DataConfig, PathsConfig


@pytest.fixture
def load(mirror, cache):
    paths = PathsConfig(mirror=str(mirror), cache=str(cache))
    return lambda name, **options: make_data(DataConfig(source=name, options=options), paths, "series")


@pytest.mark.parametrize(("name", "per_hour"), [("etth1", 1), ("etth2", 1), ("ettm1", 4), ("ettm2", 4)])
def test_ett_is_cut_into_12_4_and_4_months(load, name, per_hour):
    series = load(name)
    assert series.splits == {
        "train": (0, 8640 * per_hour),
        "valid": (8640 * per_hour, 11_520 * per_hour),
        "test": (11_520 * per_hour, 14_400 * per_hour),
    }
    assert series.form.targets == ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
    assert series.form.season == 24 * per_hour
    assert series.form.step == Step("time", 3_600_000_000_000 // per_hour)
    assert series.facts["windows"]["test"] == 2880 * per_hour - 23
    assert series.observed.all()
    train = series.form.scaler.scale(series.values[: 8640 * per_hour])
    np.testing.assert_allclose([train.mean(axis=0), train.std(axis=0)], [[0.0] * 7, [1.0] * 7], atol=1e-9)


@pytest.mark.parametrize(
    ("horizon", "expected"),
    [
        (24, {"last value": 1.222, "seasonal-naive": 0.424, "linear": 0.310}),
        (96, {"last value": 1.294, "seasonal-naive": 0.512, "linear": 0.383}),
    ],
)
def test_baselines_of_etth1_are_the_known_ones(load, horizon, expected):
    series = load("etth1", horizon=horizon)
    baselines = make_baselines(series)
    assert baselines.keys() == expected.keys()
    for name, forecast in baselines.items():
        sums = errors(series, all_origins(series, "test"), forecast)
        assert sums["squared"].sum() / sums["count"].sum() == pytest.approx(expected[name], abs=6e-4)


def test_one_target_of_many(load):
    series = load("etth1", targets=["OT"])
    assert series.values.shape == (14_400, 1)
    assert series.values[0, 0] == pytest.approx(30.531, abs=1e-3)
    with pytest.raises(ConfigError, match=r"data.targets: found 'OL', allowed: HUFL, .* Did you mean 'OT'"):
        load("etth1", targets=["OL"])


def test_weather_reads_as_published_but_for_its_missing_wind(load):
    series = load("weather")
    assert series.splits == {"train": (0, 36_887), "valid": (36_887, 42_157), "test": (42_157, 52_696)}
    assert series.form.targets == weather.COLUMNS
    assert series.form.season == 144
    hidden = {
        name: int(count)
        for name, count in zip(series.form.targets, (~series.observed).sum(axis=0), strict=True)
        if count
    }
    assert set(hidden) <= {"wv (m/s)", "max. wv (m/s)", "wd (deg)", "PAR (µmol/m²/s)", "max. PAR (µmol/m²/s)", "OT"}
    assert sum(hidden.values()) == sum(series.facts["missing"].values()) == 81
    assert series.values.min() > -1000
    assert not any("\ufffd" in name for name in series.form.targets)


def test_sp500_is_the_close_of_trading_days(load):
    series = load("sp500")
    assert series.form.targets == ("close",)
    assert series.form.step == Step("weekdays", 1)
    assert [end - start for start, end in series.splits.values()] == [3573, 511, 1021]
    assert series.values[-1, 0] == pytest.approx(2874.56, abs=0.01)
