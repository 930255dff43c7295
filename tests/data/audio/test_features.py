import numpy as np
import pytest

from gru_bench.data.audio.features import FLOOR, SpectralFeatures, deltas
from gru_bench.data.audio.wav import Recording
from gru_bench.errors import ConfigError

RATE = 8000


def tone(frequency: float, seconds: float = 0.2, rate: int = RATE) -> Recording:
    phase = 2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate
    return Recording((0.5 * np.sin(phase)).astype(np.float32), rate)


def by_hand(samples: np.ndarray, options: SpectralFeatures) -> np.ndarray:
    """The documented formula with loops."""
    signal = [samples[0], *(samples[t] - options.pre_emphasis * samples[t - 1] for t in range(1, len(samples)))]
    length, hop = round(options.window * options.rate), round(options.hop * options.rate)
    size = 2 ** int(np.ceil(np.log2(length)))
    taper = [0.54 - 0.46 * np.cos(2 * np.pi * t / (length - 1)) for t in range(length)]
    edges = [
        700 * (10 ** (mel / 2595) - 1)
        for mel in np.linspace(0, 2595 * np.log10(1 + options.rate / 1400), options.filters + 2)
    ]
    rows = []
    for start in range(0, len(signal) - length + 1, hop):
        frame = np.array(signal[start : start + length]) * taper
        turn = np.exp(-2j * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(length)) / size)
        power = np.abs(turn @ frame) ** 2 / size
        bands = []
        for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False):
            total = 0.0
            for place, value in enumerate(power):
                frequency = place * options.rate / size
                triangle = min((frequency - low) / (centre - low), (high - frequency) / (high - centre))
                total += max(0, triangle) * value
            bands.append(np.log(max(total, FLOOR)))
        cosines = [
            sum(e * np.cos(np.pi * k * (n + 0.5) / len(bands)) for n, e in enumerate(bands))
            * np.sqrt((1 if k == 0 else 2) / len(bands))
            for k in range(options.coefficients)
        ]
        rows.append(cosines)
    return np.array(rows)


def test_mfcc_follow_the_documented_formula():
    options = SpectralFeatures(rate=RATE)
    draw = np.random.default_rng(0)
    recording = Recording((0.1 * draw.standard_normal(450)).astype(np.float32), RATE)
    np.testing.assert_allclose(options(recording), by_hand(recording.samples, options), atol=2e-5)


@pytest.mark.parametrize("frequency", [300, 1000, 2500])
def test_a_tone_is_loudest_in_its_band(frequency):
    options = SpectralFeatures(rate=RATE, kind="log_mel", filters=20)
    loudest = options(tone(frequency)).argmax(axis=1)
    mels = np.linspace(0, 2595 * np.log10(1 + RATE / 1400), 22)[1:-1]
    assert set(loudest) == {int(np.abs(mels - 2595 * np.log10(1 + frequency / 700)).argmin())}


def test_shape_names_and_rate():
    options = SpectralFeatures(rate=RATE, deltas=True, coefficients=5)
    features = options(tone(440, seconds=0.2))
    assert features.dtype == np.float32
    assert features.shape == (18, len(options.names)) == (18, 10)  # (1600 - 200) / 80 + 1 frames
    assert options.names[:1] + options.names[5:6] == ("mfcc 0", "delta mfcc 0")
    resampled = options(tone(440, seconds=0.2, rate=16000))
    np.testing.assert_allclose(resampled[2:-2, :2], features[2:-2, :2], atol=0.3)


def test_a_short_or_silent_recording_has_a_frame():
    options = SpectralFeatures(rate=RATE, kind="log_mel", filters=10)
    np.testing.assert_allclose(options(Recording(np.zeros(3, np.float32), RATE)), np.log(FLOOR), rtol=1e-6)
    assert options(tone(440, seconds=0.001)).shape == (1, 10)


def test_the_delta_of_a_ramp_is_its_slope():
    ramp = np.arange(8.0)[:, None] * [[1.0, -3.0]]
    np.testing.assert_allclose(deltas(ramp)[2:-2], [[1.0, -3.0]] * 4)
    np.testing.assert_allclose(deltas(ramp)[0], [0.5, -1.5])  # (1 * (1 - 0) + 2 * (2 - 0)) / 10


def test_settings_that_cannot_be():
    with pytest.raises(ConfigError, match=r"data\.coefficients"):
        SpectralFeatures(rate=RATE, filters=10)
    with pytest.raises(ConfigError, match=r"data\.filters"):
        SpectralFeatures(rate=RATE, filters=200)
