from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench.data.public import hmp, mitbih, mnist, mnist_rows, physionet2012
from gru_bench.data.public.recordings import load_basic_motions, load_ecg200, load_epilepsy, read_tsv
from gru_bench.errors import ConfigError, DataError, DataUnavailable


@pytest.mark.parametrize(
    ("load", "sizes", "length"),
    [(load_basic_motions, (32, 8, 40), 100), (load_epilepsy, (110, 27, 138), 206), (load_ecg200, (80, 20, 100), 96)],
)
def test_official_splits_are_read_whole(mirror: Path, tmp_path: Path, load, sizes: tuple[int, ...], length: int):
    data = load(mirror=mirror, cache=tmp_path)
    assert tuple(data.facts["sequences"].values()) == sizes
    assert data.train.values.shape == (sizes[0] * length, len(data.form.channels))
    assert min(min(counts.values()) for counts in data.facts["classes"].values()) > 0
    assert not data.form.irregular


def test_a_tsv_file_has_the_label_first():
    records = read_tsv("-1\t0.5\t2\n1\t3\t4\n", "")
    assert records.labels == ["-1", "1"]
    np.testing.assert_array_equal(records.values[0], [[0.5], [2]])


def archive(kind: str, **members: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(None, f"w:{kind}", stream) as file:  # pyright: ignore
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            file.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def test_recordings_of_hmp_are_found_in_their_folders():
    content = archive("gz", **{"D/Walk/a-walk-f1.txt": "1 2 3\n4 5 6\n", "D/README.txt": "no data"})
    ((activity, name, values),) = hmp.read_archive(content)
    assert (activity, name, values.tolist()) == ("Walk", "a-walk-f1.txt", [[1, 2, 3], [4, 5, 6]])
    for wrong in (b"no archive", content[:60], archive("gz", **{"D/Walk/a.txt": "1 2"})):
        with pytest.raises(DataError, match="cannot be read"):
            list(hmp.read_archive(wrong))


def test_no_volunteer_of_hmp_is_in_two_splits(mirror: Path, tmp_path: Path):
    data = hmp.load(mirror=mirror, cache=tmp_path)
    recordings = list(hmp.read_archive((mirror / hmp.ARCHIVE.path).read_bytes()))
    for split, volunteers in {"valid": hmp.VALID, "test": hmp.TEST}.items():
        lengths = [len(values) for _, name, values in recordings if name[:-4].rpartition("-")[2] in volunteers]
        assert data.facts["sequences"][split] == sum(max(1, (length - 128) // 64 + 1) for length in lengths)
    assert data.facts["classes"]["train"]["eat soup"] > 0 == data.facts["classes"]["test"]["eat soup"]


@pytest.mark.parametrize("volunteers", [["f6"], ["f3"]])
def test_volunteers_must_be_known_and_of_one_split(tmp_path: Path, volunteers: list[str]):
    with pytest.raises(ConfigError, match=r"data\.test_volunteers: found 'f"):
        hmp.load(mirror=None, cache=tmp_path, test_volunteers=volunteers)


def test_an_archive_that_is_not_on_the_web_must_be_in_the_mirror(tmp_path: Path):
    with pytest.raises(DataUnavailable, match=r"HMP_Dataset.tar.gz is not on the web.*(?s:.)*in mirrors"):
        hmp.load(mirror=tmp_path, cache=tmp_path)


def test_rows_of_digits_are_the_pictures_of_mnist(mirror: Path, tmp_path: Path):
    sizes: Any = {"train_size": 100, "valid_size": 50, "test_size": 60}
    data = mnist_rows.load(mirror=mirror, cache=tmp_path, **sizes)
    pixels = mnist.load(mirror=mirror, cache=tmp_path, downsample=1, **sizes)
    np.testing.assert_array_equal(data.test.values.reshape(60, -1), pixels.test.inputs[..., 0])
    np.testing.assert_array_equal(data.test.labels, pixels.test.targets[:, 0])
    assert data.train.values.shape == (100 * 28, 28)


def test_a_stay_is_read_by_its_times():
    rows = ("00:00,Age,44", "00:00,Height,-1", "00:00,RecordID,9", "01:30,HR,80", "01:30,HR,90", "26:06,pH,7.4")
    text = "\n".join(("Time,Parameter,Value", *rows))
    times, values = physionet2012.read_stay(text)
    assert times.tolist() == [0, 1.5, 26.1]
    seen = {
        (int(step), physionet2012.CHANNELS[channel]): round(float(values[step, channel]), 3)
        for step, channel in np.argwhere(~np.isnan(values))
    }
    assert seen == {(0, "Age"): 44, (1, "HR"): 90, (2, "pH"): 7.4}
    times, values = physionet2012.read_stay("Time,Parameter,Value\n00:00,Height,-1\n")
    assert (times.tolist(), values.shape, np.isnan(values).all()) == ([0], (1, 41), True)
    with pytest.raises(DataError, match="an archive cannot be read"):
        physionet2012.read_archive(b"none")
    assert physionet2012.read_archive(archive("xz", **{"set-a/12.txt": text})) == {"12": text}


def test_a_beat_has_its_samples_and_intervals():
    signal = np.arange(600, dtype=np.int16) ** 2 % 97
    samples, symbols = [20, 100, 180, 300, 400, 580], list("NNV/AN")
    arrays = {
        "signal_delta": np.diff(np.stack([signal, signal]), prepend=np.int16(0), axis=1),
        "record": np.array([7, 9]),
        "beat_record": np.repeat([0, 1], 6),
        "beat_sample": np.array([*np.array(samples) + 3, *samples]),
        "beat_symbol": np.array([*"NNNNNN", *symbols]),
    }
    signals = mitbih.beats(arrays, [9])
    assert signals.labels.tolist() == [0, 2, 1]
    for place, (sample, before, after) in enumerate([(100, 80, 80), (180, 80, 120), (400, 100, 180)]):
        np.testing.assert_array_equal(signals[place][:, 0], signal[sample - 36 : sample + 60])
        np.testing.assert_allclose(signals[place][:, 1:], [[before / 112, after / 112]] * 96, rtol=1e-6)


def test_no_patient_of_mitbih_is_in_two_splits():
    records = [*mitbih.TRAIN, *mitbih.VALID, *mitbih.TEST]
    assert len(records) == len(set(records)) == 44
    assert not {102, 104, 107, 217} & set(records)  # paced


@pytest.mark.slow
def test_the_sets_of_stays_have_their_published_counts(mirror: Path, tmp_path: Path):
    data = physionet2012.load(mirror=mirror, cache=tmp_path)
    deaths = {split: counts["died"] for split, counts in data.facts["classes"].items()}
    assert (deaths["train"] + deaths["valid"], deaths["test"]) == (554, 568)
    assert data.facts["sequences"] == {"train": 3200, "valid": 800, "test": 4000}
    assert data.form.irregular
