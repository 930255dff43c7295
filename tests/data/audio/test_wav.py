import io
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from gru_bench.data.audio.wav import Recording, parse_wav, read_wav
from gru_bench.errors import DataError

RATE = 8000


def tone(frequency: float, rate: int = RATE, seconds: float = 0.1) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)


def wav(samples: np.ndarray, rate: int = RATE) -> bytes:
    stream = io.BytesIO()
    wavfile.write(stream, rate, samples)
    return stream.getvalue()


def packed_24_bits(samples: np.ndarray, rate: int = RATE) -> bytes:
    """A WAV file of 24 bits, which SciPy reads and does not write."""
    data = b"".join(int(value).to_bytes(3, "little", signed=True) for value in np.rint(samples * (2**23 - 1)))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 3 * rate, 3, 24)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


FORMATS = {
    "8 bits": (lambda samples: wav(np.rint(samples * 127 + 128).astype(np.uint8)), 1 / 100),
    "16 bits": (lambda samples: wav(np.rint(samples * 32767).astype(np.int16)), 1e-4),
    "24 bits": (packed_24_bits, 1e-6),
    "32 bits": (lambda samples: wav(np.rint(samples * (2**31 - 1)).astype(np.int32)), 1e-6),
    "floats": (lambda samples: wav(samples.astype(np.float32)), 1e-7),
}


@pytest.mark.parametrize("form", FORMATS)
def test_sample_formats_have_full_scale_one(form):
    write, tolerance = FORMATS[form]
    recording = parse_wav(write(tone(440)), "x.wav")
    assert recording.rate == RATE
    np.testing.assert_allclose(recording.samples, tone(440), atol=tolerance)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF024])
def test_sizes_that_a_pipe_left_open_mean_to_the_end(size):
    whole = wav(np.rint(tone(440) * 32767).astype(np.int16))
    for content in (whole, whole[:12] + b"LIST\x04\0\0\0INFO" + whole[12:]):
        piped, place = bytearray(content), content.index(b"data") + 4
        piped[4:8] = piped[place : place + 4] = size.to_bytes(4, "little")
        np.testing.assert_array_equal(parse_wav(bytes(piped), "x").samples, parse_wav(whole, "x").samples)
        for length in range(1, place + 4):
            with pytest.raises(DataError, match="x"):
                parse_wav(bytes(piped[:length]), "x")


def test_stereo_becomes_the_mean_of_both_channels():
    left, right = tone(440), tone(880)
    stereo = wav(np.stack([left, right], axis=1).astype(np.float32))
    np.testing.assert_allclose(parse_wav(stereo, "x.wav").samples, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("rate", [4000, 11025, 16000])
def test_resampling_keeps_a_tone(rate):
    resampled = Recording(tone(440, seconds=0.5).astype(np.float32), RATE).at_rate(rate)
    middle = slice(rate // 10, rate * 4 // 10)  # the filter has no signal beyond the ends
    np.testing.assert_allclose(resampled.samples[middle], tone(440, rate, 0.5)[middle], atol=2e-3)


def test_resampling_removes_what_would_alias():
    high = Recording(tone(3500, seconds=0.5).astype(np.float32), RATE).at_rate(4000)
    assert np.abs(high.samples[400:-400]).max() < 0.01


BROKEN = {
    "text": (b"id,label\na,1\n" * 9, "cannot be read as WAV"),
    "header alone": (wav(np.zeros(0, np.int16)), "0 samples"),
    "header cut off": (wav(np.zeros(100, np.int16))[:30], "WAV|cut off"),
    "cut off": (wav(np.zeros(1000, np.int16))[:-500], "cut off"),
    "cut off within a sample": (packed_24_bits(np.zeros(1000))[:-500], "cut off|WAV"),
    "compressed": (wav(np.zeros(100, np.int16)).replace(b"\x01\x00\x01\x00", b"\x07\x00\x01\x00", 1), "MULAW"),
    "not finite": (wav(np.array([0, np.nan], np.float32)), "sample 2"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_have_one_message(case):
    content, message = BROKEN[case]
    with pytest.raises(DataError, match=message) as caught:
        parse_wav(content, "data.path: x.wav")
    assert "x.wav" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_any_cut_is_refused_or_read():
    whole = wav(np.rint(tone(440) * 32767).astype(np.int16))
    for length in (*range(1, 60), len(whole) - 1, len(whole) - 2):
        with pytest.raises(DataError, match="x"):
            parse_wav(whole[:length], "x")


def test_missing_and_empty_files(tmp_path: Path):
    with pytest.raises(DataError, match="no file"):
        read_wav(tmp_path / "none.wav", "file")
    (tmp_path / "empty.wav").touch()
    with pytest.raises(DataError, match="empty"):
        read_wav(tmp_path / "empty.wav", "file")
