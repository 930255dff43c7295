"""Public series with anomalies, from the real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gru_bench.data.labelled_series.labelled_series import scored_rows
from gru_bench.data.public import nab, smap_msl
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
