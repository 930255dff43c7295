from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from gru_bench.data.audio.features import SpectralFeatures
from gru_bench.data.audio.wav import read_wav
from gru_bench.data.signals.own import load, read_labelled, read_unlabelled
from gru_bench.data.signals.signals import LabelledSequences, SignalForm
from gru_bench.errors import ConfigError, DataError

RATES = (8000, 8000, 16000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """30 tones of two pitches by ten people, at two sample rates, in a folder with a table of labels."""
    place = tmp_path / "tones"
    (place / "wav").mkdir(parents=True)
    rows = ["file,pitch,speaker"]
    for number in range(30):
        high, rate = number % 2, RATES[number % 3]
        phase = 2 * np.pi * (1200 if high else 400) * np.arange(rate * (number % 4 + 2) // 20) / rate
        wavfile.write(place / f"wav/{number}.wav", rate, (3000 * np.sin(phase)).astype(np.int16))
        rows.append(f"wav/{number}.wav,{'high' if high else 'low'},p{number % 10}")
    (place / "labels.csv").write_text("\n".join(rows))
    return place


def load_sounds(path: Path, **options: object) -> LabelledSequences:
    settings = {"label_column": "pitch", **options}
    return load(mirror=None, cache=path.parent, path=str(path), **settings)  # pyright: ignore[reportArgumentType]


def test_a_folder_and_its_table_are_the_same(folder: Path):
    data, same = load_sounds(folder), load_sounds(folder / "labels.csv")
    assert data.facts["digest"] == same.facts["digest"]
    assert sum(data.facts["sequences"].values()) == 30
    assert data.form.classes == ("high", "low")
    assert len(data.form.channels) == 13
    expected = SpectralFeatures(rate=8000, scale_to_peak=True)  # the lowest rate of the files
    for name, place in zip(data.train.names, range(len(data.train)), strict=True):
        np.testing.assert_array_equal(data.train[place], expected(read_wav(folder / name, "")))


def test_any_table_of_recordings_is_recognised(folder: Path):
    digest = load_sounds(folder).facts["digest"]
    table = folder / "labels.csv"
    text = table.read_text()
    table.write_text(f"# {'made of tones ' * 400}\n{text}")
    assert load_sounds(table).facts["digest"] == digest
    table.write_text(f"{text}\n,,\n,,\n")
    assert load_sounds(table).facts["digest"] == digest
    table.write_text(text, "utf-16")
    assert load_sounds(table).facts["digest"] == digest
    table.unlink()
    (folder / "labels.csv.gz").write_bytes(gzip.compress(text.encode()))
    for place in (folder, folder / "labels.csv.gz"):
        assert load_sounds(place).facts["digest"] == digest


def test_other_files_may_mention_recordings(tmp_path: Path):
    (tmp_path / "a.ts").write_text("# of rec.wav\n@classLabel true a b\n@data\n" + "1,2:a\n3,4:b\n" * 5)
    np.savez(tmp_path / "a.npz", x=np.ones((10, 2)), y=[0, 1] * 5, ids=[f"rec{number}.wav" for number in range(10)])
    frames = [f"rec{number}.wav,{step},{step * number % 3},{number % 2}" for number in range(10) for step in range(3)]
    (tmp_path / "a.csv").write_text("\n".join(["id,time,loudness,label", *frames]))
    for name in ("a.ts", "a.npz", "a.csv"):
        path = tmp_path / name
        assert len(load_sounds(path, label_column=None, valid_path=str(path), test_path=str(path)).train) == 10


def test_separate_tables_may_begin_at_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(folder))
    data = load_sounds(folder, valid_path="~/labels.csv", test_path="~/labels.csv")
    assert len(data.valid) == len(data.test) == 30


def test_no_speaker_is_in_two_splits(folder: Path, caplog: pytest.LogCaptureFixture):
    data = load_sounds(folder, group_column="speaker")
    speakers = [{int(Path(name).stem) % 10 for name in part.names} for part in (data.train, data.valid, data.test)]
    assert all(speakers)
    assert sum(map(len, speakers)) == 10
    with caplog.at_level(logging.WARNING):
        load_sounds(folder)
    assert "data.group_column=speaker keeps them apart" in caplog.text


def test_other_recordings_are_read_like_those_of_training(folder: Path):
    data = load_sounds(folder, features="log_mel", filters=20, deltas=True)
    form = SignalForm.from_dict(json.loads(json.dumps(data.form.to_dict())))
    again = read_labelled(folder / "labels.csv", form, "path")
    assert len(again) == 30
    assert again.values.shape[1] == 40
    assert again.labels.tolist() == [1, 0] * 15
    for path, count in {folder / "wav/3.wav": 1, folder / "wav": 30, folder: 30}.items():
        signals = read_unlabelled(path, form, "file")
        assert len(signals) == count
    np.testing.assert_array_equal(read_unlabelled(folder / "wav/3.wav", form, "file")[0], again[3])
    with pytest.raises(DataError, match="no label"):
        read_labelled(folder / "wav/3.wav", form, "path")


def test_what_cannot_be_read_has_one_message(folder: Path, tmp_path: Path):
    def broken(name: str, text: str, error: type[Exception], message: str, **options: object) -> None:
        (folder / "labels.csv").write_text(text)
        with pytest.raises(error, match=message):
            load_sounds(folder, **options)

    whole = (folder / "labels.csv").read_text()
    broken("missing", whole.replace("wav/7.wav", "wav/77.wav"), DataError, r"line 9: there is no file .*77\.wav")
    broken("no column", whole.replace("wav/7.wav", "wav/7.mp3"), DataError, "each cell must name a WAV file")
    broken("name too long", whole.replace("wav/7.wav", f"{'7' * 300}.wav"), DataError, "line 9: cannot read .*too long")
    broken("twice", whole.replace("wav/7.wav", "wav/6.wav"), DataError, r"line 9: 'wav/6\.wav' stands above, too")
    broken("no label", whole.replace("7.wav,high", "7.wav,"), DataError, "no label in column 'pitch'.*line 9")
    broken("which label", whole, ConfigError, r"data\.label_column: found nothing", label_column=None)
    (folder / "wav/4.wav").write_bytes(b"RIFF none")
    broken("no WAV", whole, DataError, r"4\.wav cannot be read as WAV")
    (folder / "more.csv").write_text(whole)
    broken("two tables", whole, DataError, r"expected one table.*found: labels\.csv, more\.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="found: none"):
        load_sounds(tmp_path / "empty")
    with pytest.raises(DataError, match=r"cannot read .*too long"):
        load_sounds(tmp_path / f"{'a' * 300}.csv")
