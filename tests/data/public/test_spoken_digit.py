from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from gru_bench.data.public import spoken_digit
from gru_bench.errors import ConfigError, DataError


def wav(frequency: float) -> bytes:
    stream = io.BytesIO()
    tone = 8000 * np.sin(2 * np.pi * frequency * np.arange(1600) / spoken_digit.RATE)
    wavfile.write(stream, spoken_digit.RATE, tone.astype(np.int16))
    return stream.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(None, "w:gz", stream) as file:
        for name, content in members.items():
            info = tarfile.TarInfo(f"D/recordings/{name}")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def test_takes_are_read_from_their_names():
    (take,) = spoken_digit.read_archive(archive({"7_theo_12.wav": wav(440), "README.md": b"no recording"}))
    assert take[:3] == (7, "theo", 12)
    assert take.recording.samples.shape == (1600,)


@pytest.mark.parametrize("content", [b"none", archive({"7_theo.wav": wav(440)}), archive({"7_theo_1.wav": b"RIFF"})])
def test_a_damaged_archive_has_one_message(content: bytes):
    with pytest.raises(DataError, match=r"data=spoken_digit: .*cannot be read"):
        list(spoken_digit.read_archive(content))


@pytest.fixture
def few_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten takes of each digit and speaker, whose frequency tells the digit."""
    takes = {
        f"{digit}_{speaker}_{number}.wav": wav(300 + 100 * digit)
        for digit in range(10)
        for speaker in spoken_digit.SPEAKERS
        for number in (0, 5, 10)
    }
    content = archive(takes)
    monkeypatch.setattr(spoken_digit, "fetch", lambda *_: {"all": content})
    monkeypatch.setattr(spoken_digit, "TAKES", 3)


CASES = {
    "speakers": ({}, {"jackson": "valid", "theo": "test"}, {}),
    "another fold": ({"fold": 2}, {"theo": "valid", "george": "test"}, {}),
    "takes of training speakers": ({"valid_speakers": []}, {"theo": "test"}, {0: "valid"}),
    "official takes": ({"split": "takes"}, {}, {0: "test", 5: "valid"}),
}


@pytest.mark.usefixtures("few_takes")
@pytest.mark.parametrize("case", CASES)
def test_splits_hold_out_speakers_or_takes(tmp_path: Path, case: str):
    options, of_speaker, of_take = CASES[case]
    data = spoken_digit.load(mirror=None, cache=tmp_path, filters=20, train_speeds=[1.0], **options)
    for split in ("train", "valid", "test"):
        part = getattr(data, split)
        assert part.values.shape == (18 * len(part), 26)
        for name, label in zip(part.names, part.labels, strict=True):
            digit, speaker, number = name.split("_")
            assert label == int(digit)
            assert split == of_speaker.get(speaker, of_take.get(int(number), "train"))
    assert sum(data.facts["sequences"].values()) == 150


@pytest.mark.usefixtures("few_takes")
def test_training_hears_recordings_at_other_speeds(tmp_path: Path):
    data = spoken_digit.load(mirror=None, cache=tmp_path, train_speeds=[1.0, 2.0], features="log_mel", filters=20)
    assert [len(part) for part in (data.train, data.valid, data.test)] == [180, 30, 30]
    assert (data.train.lengths[:90] == 18).all()
    assert (data.train.lengths[90:] == 8).all()
    slow, fast = (data.train[place][4, :20].argmax() for place in (0, 90))
    assert fast > slow  # at twice the frequency


WRONG = {
    "unknown": {"test_speakers": ["lucas"]},
    "in two splits": {"test_speakers": ["jackson"]},
    "twice": {"test_speakers": ["theo", "theo"]},
    "no test": {"test_speakers": []},
    "no train": {"test_speakers": ["george", "nicolas", "theo", "yweweler"]},
}


@pytest.mark.parametrize("case", WRONG)
def test_speakers_must_be_known_and_of_one_split(tmp_path: Path, case: str):
    with pytest.raises(ConfigError, match=r"data\.test_speakers"):
        spoken_digit.load(mirror=None, cache=tmp_path, **WRONG[case])


def test_the_archive_is_read_whole(mirror: Path, tmp_path: Path):
    data = spoken_digit.load(mirror=mirror, cache=tmp_path)
    assert data.facts["sequences"] == {"train": 4500, "valid": 500, "test": 500}
    assert {count for classes in data.facts["classes"].values() for count in classes.values()} == {450, 50}
    assert len(data.form.channels) == 26
    assert data.facts["longest"]["test"] == 226
