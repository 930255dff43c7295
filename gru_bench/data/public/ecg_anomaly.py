"""Heart beats of one patient (UCR ECG5000), of which the normal ones are learned and the others are anomalies."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np

from gru_bench.data.data_set import SPLITS
from gru_bench.data.files.download import RemoteFile, fetch
from gru_bench.data.labelled_series.labelled_series import LabelledSeries, make_labelled_series
from gru_bench.data.public.recordings import read_tsv
from gru_bench.data.random import permutation
from gru_bench.data.series.readings import Readings
from gru_bench.data.series.series import Rows, make_series
from gru_bench.data.source import gives
from gru_bench.validation import HeldOutFraction, Natural, Positive

CITATION = "Dau et al. 2018, The UCR time series archive, arXiv:1810.07758"
FILE = RemoteFile(
    path="ucr_ecg/ECG5000_TRAIN.tsv",
    url="",
    size=786_687,
    sha256=("df86ac15d7e283e731db6be7865f5004b65bc639014cb8b9753c26e24a9092a1",),
)
NORMAL, ANOMALOUS = 292, 208  # beats of class 1, and of classes 2 to 5
BEAT = 140  # values, scaled beat by beat
UNSCORED = 20  # values at the start of a beat: what was read before them is another beat


@gives("labelled_series")
def load(
    *,
    mirror: Path | None,
    cache: Path,
    valid_fraction: HeldOutFraction = 0.15,
    test_fraction: HeldOutFraction = 0.25,
    context: Positive = BEAT,
    horizon: Positive = 1,
    split_seed: Natural = 0,
) -> LabelledSeries:
    """Load the beats one after the other, as one series: train and validation are normal, test has all anomalies.

    A score is that of a beat: the mean over its rows, without the first `UNSCORED` ones. The file is the training part
    of the published set; the classes are 1 normal, 2 R-on-T, 3 and 4 other premature beats, 5 unclassified.

    Args:
        mirror: the folder of local copies, or None.
        cache: the folder of downloads.
        valid_fraction: share of the normal beats for validation.
        test_fraction: share of the normal beats for test.
        context: rows that are read before a forecast, at least.
        horizon: rows that are forecast.
        split_seed: seed of the order of the beats, and so of the splits.

    Raises:
        DataError: the file is missing or damaged.
    """
    records = read_tsv(fetch({"all": FILE}, mirror, cache)["all"].decode(), FILE.path)
    classes = np.array(records.labels)
    normal, others = (np.flatnonzero(chosen) for chosen in (classes == "1", classes != "1"))
    assert (len(normal), len(others)) == (NORMAL, ANOMALOUS)
    normal = normal[permutation(split_seed, 0, NORMAL)]
    valid, test = (round(share * NORMAL) for share in (valid_fraction, test_fraction))
    learned, held_out = normal[: NORMAL - test], np.concatenate([normal[NORMAL - test :], others])
    order = np.concatenate([learned, held_out[permutation(split_seed, 1, len(held_out))]])
    ends = np.array([0, NORMAL - test - valid, NORMAL - test, len(order)]) * BEAT
    splits: dict[str, Rows] = dict(zip(SPLITS, itertools.pairwise(ends.tolist()), strict=True))
    values = np.concatenate([records.values[beat] for beat in order]).astype(np.float64)
    series = make_series(
        "ecg_anomaly",
        Readings(None, values, np.zeros((len(values), 0))),
        splits,
        targets=("voltage",),
        step=None,
        context=context,
        horizon=horizon,
        season=BEAT,
        facts={"source_sha256": {FILE.path: FILE.sha256[0]}},
    )
    settled = np.arange(len(values)) % BEAT >= UNSCORED
    series = replace(series, observed=series.observed & settled[:, None])
    anomalous = np.repeat(classes[order] != "1", BEAT)
    return make_labelled_series({"ecg_anomaly": series}, {"ecg_anomaly": anomalous}, span=BEAT)
