from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.signal import decimate

from gru_bench.data.public import mitbih
from gru_bench.data.public.mitbih_records import read_beats, read_records, read_signal, unpack_212
from gru_bench.errors import DataError

LENGTH = 1200


def pack_212(samples: np.ndarray) -> bytes:
    """Two samples of 12 bits in three bytes, by their bits."""
    content = bytearray()
    for first, second in samples.reshape(-1, 2).tolist():
        first, second = first % 4096, second % 4096
        content += bytes([first % 256, first // 256 + second // 256 * 16, second % 256])
    return bytes(content)


def beat_annotations() -> bytes:
    """A note, beats N and V, a change of rhythm with a note, a long interval before a beat A, and the end."""
    long = 1 << 10 | 0  # the beat after the long interval has none of its own
    words = [28 << 10 | 5, 63 << 10 | 3, 0x4E28, 0x0000, 1 << 10 | 45, 5 << 10 | 250, 59 << 10, 0, 700]
    return np.array([*words, 8 << 10, 22 << 10 | 3, long + 4, 0], "<u2").tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for record, lead in ((100, "MLII"), (101, "V5")):
        samples = draw.integers(-2048, 2048, (LENGTH, 2))
        lines = [f"{record} 2 360 {LENGTH} 0:0:0 0/0/0"]
        for number, name in enumerate(("V1", lead)):
            checksum = int(samples[:, number].sum()) % 2**16
            lines.append(f"{record}.dat 212 200 11 {7 * number} 995 {checksum - 2**16 * (checksum > 32767)} 0 {name}")
        (tmp_path / f"{record}.hea").write_text("\n".join([*lines, "# 69 M"]))
        (tmp_path / f"{record}.dat").write_bytes(pack_212(samples))
        (tmp_path / f"{record}.atr").write_bytes(beat_annotations())
        np.save(tmp_path / f"{record}.npy", samples[:, 1] - 7)
    return tmp_path


def test_samples_of_twelve_bits_come_back():
    samples = np.array([0, 1, -1, 2047, -2048, 300, -300, 77], np.int16)
    np.testing.assert_array_equal(unpack_212(pack_212(samples)), samples)


def test_beats_have_their_times():
    places, symbols = read_beats(beat_annotations())
    assert (places.tolist(), symbols) == ([50, 300, 1000, 1007], ["N", "V", "A", "N"])


def test_records_are_decimated_and_their_beats_cut_out(folder: Path):
    arrays = read_records(folder, [100, 101])
    for place, record in enumerate((100, 101)):
        signal = np.load(folder / f"{record}.npy")
        np.testing.assert_array_equal(read_signal(folder, record), signal)
        expected = np.rint(decimate(signal.astype(float), 3, ftype="fir", zero_phase=True))
        np.testing.assert_array_equal(np.cumsum(arrays["signal_delta"][place], dtype=np.int16), expected)
    assert arrays["beat_sample"].tolist() == [16, 100, 333, 335] * 2
    signals = mitbih.beats(arrays, [101])
    assert signals.labels.tolist() == [2, 1]
    np.testing.assert_array_equal(signals[0][:, 0], np.cumsum(arrays["signal_delta"][1], dtype=np.int16)[64:160])


@pytest.mark.parametrize(("name", "content", "message"), [
    ("100.dat", pack_212(np.ones(2 * LENGTH, int)), "does not agree with its header"),
    ("100.dat", b"123", "found 1 in format 212|found 0 in format 212"),
    ("100.hea", b"nothing here", "is no header"),
    ("100.atr", b"", "is empty"),
])  # fmt: skip
def test_damaged_records_have_one_message(folder: Path, name: str, content: bytes, message: str):
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_records(folder, [100])
