"""Public series with anomalies, from the real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from gru_bench.data.labelled_series.baselines import detect
from gru_bench.data.labelled_series.labelled_series import scored_rows, windows
from gru_bench.data.public import ecg_anomaly, ett, etth1_replay, nab, smap_msl
from gru_bench.errors import ConfigError


@pytest.mark.parametrize(("spacecraft", "windows"), [("smap", 68), ("msl", 36)])
def test_smap_and_msl_have_their_channels_and_windows(mirror: Path, tmp_path: Path, spacecraft: str, windows: int):
    data = smap_msl.load(mirror=mirror, cache=tmp_path, spacecraft=spacecraft)  # pyright: ignore[reportArgumentType]
    assert data.facts["series"] == smap_msl.CHANNELS[spacecraft]
    assert sum(data.facts["anomalous_windows"].values()) == windows
    for name, series in data.members.items():
        train, test = series.splits["valid"][1], series.splits["test"]
        assert not data.anomalous[name][: test[0]].any()
        assert test[0] == train + 64  # the network reads test rows alone before the first score
        assert series.form.targets == ("telemetry",)


def test_the_windows_of_nab_follow_its_files(mirror: Path, tmp_path: Path):
    data = nab.load(mirror=mirror, cache=tmp_path)
    assert data.facts["series"] == 58
    assert sum(data.facts["anomalous_windows"].values()) == 116
    taxi = data.members["realKnownCause/nyc_taxi.csv"]
    assert len(taxi.values) == 10_320
    assert taxi.splits == {"train": (0, 600), "valid": (600, 750), "test": (750, 10_320)}
    assert scored_rows(taxi, "test")[0] == 750
    assert data.nab_score


def test_a_folder_of_nab_alone(mirror: Path, tmp_path: Path):
    data = nab.load(mirror=mirror, cache=tmp_path, folders=["artificialNoAnomaly"])
    assert data.facts["series"] == 5
    assert not any(np.any(labels) for labels in data.anomalous.values())
    with pytest.raises(ConfigError, match=r"data\.folders: found 'real', allowed: artificialNoAnomaly"):
        nab.load(mirror=mirror, cache=tmp_path, folders=["real"])


def test_beats_are_scored_one_by_one_and_learned_from_normal_ones(mirror: Path, tmp_path: Path):
    data = ecg_anomaly.load(mirror=mirror, cache=tmp_path)
    (series,), (anomalous,) = data.members.values(), data.anomalous.values()
    beats = anomalous.reshape(-1, ecg_anomaly.BEAT)
    assert (beats == beats[:, :1]).all()
    labels = beats[:, 0]
    assert [end // 140 for _, end in series.splits.values()] == [175, 219, 500]
    assert labels.sum() == labels[219:].sum() == ecg_anomaly.ANOMALOUS
    assert len({series.values[140 * place :][:140].tobytes() for place in range(500)}) == 500
    assert (series.observed[:, 0].reshape(-1, 140).sum(axis=1) == 120).all()
    metrics = detect(data, ecg_anomaly.BEAT, 0.01)["deviation from mean"]
    of_train = series.scaled[140 : 175 * 140][series.observed[140 : 175 * 140]]
    scores = ((series.scaled - of_train.mean()) ** 2 * series.observed).reshape(-1, 140).sum(axis=1)
    assert metrics["auroc"] == pytest.approx(roc_auc_score(labels[219:], scores[219:]))


def test_a_meter_is_replayed_in_each_window_and_nothing_else_is_changed(mirror: Path, tmp_path: Path):
    data = etth1_replay.load(mirror=mirror, cache=tmp_path)
    (series,), (anomalous,) = data.members.values(), data.anomalous.values()
    real = ett.load_etth1(mirror=mirror, cache=tmp_path, context=96, horizon=1)
    assert series.splits == real.splits
    assert not anomalous[: series.splits["test"][0]].any()
    assert (series.values[~anomalous] == real.values[~anomalous]).all()
    faults = windows(anomalous)
    assert data.facts["anomalous_windows"] == {"etth1_replay": len(faults)}
    assert len(faults) >= 10
    for first, last in faults:
        assert 24 <= last - first <= 72
        (meter,) = np.flatnonzero((series.values[first:last] != real.values[first:last]).any(axis=0))
        assert series.form.targets[meter] != "OT"
        assert (series.values[first:last, meter] == real.values[first - 168 : last - 168, meter]).all()
    others = etth1_replay.load(mirror=mirror, cache=tmp_path, seed=1)
    assert others.facts["digest"] != data.facts["digest"]
    assert (others.anomalous["etth1_replay"] != anomalous).any()
