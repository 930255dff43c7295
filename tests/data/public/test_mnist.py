from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gru_bench.data.public.mnist import examples, load, read, read_idx
from gru_bench.data.sequences.sequences import Examples, Sequences
from gru_bench.errors import ConfigError, DataError
from tests.data.pictures import FORM

PICTURE = np.arange(16, dtype=np.uint8).reshape(1, 4, 4) * 10
LINE = ", ".join(str(value) for value in PICTURE.ravel())


def small(mirror: Path, tmp_path: Path, **options: Any) -> Sequences:
    return load(mirror=mirror, cache=tmp_path, **{"train_size": 300, "valid_size": 200, "test_size": 100, **options})


def fixed(data: Sequences) -> Examples:
    assert isinstance(data.train, Examples)
    return data.train


def test_pixels_come_row_by_row_and_the_label_at_the_end():
    found = examples(PICTURE, np.array([2]), FORM)
    assert found.inputs[0, :, 0].tolist() == [10 * place for place in range(16)]
    assert found.inputs.dtype == np.uint8
    assert (found.targets.tolist(), found.mask.tolist()) == ([[2]], [[True]])
    assert found.padding.shape == (1, 16)
    assert found.padding.all()
    np.testing.assert_allclose(found.batch()["inputs"][0, :, 0], 10 * np.arange(16) / 255, rtol=1e-6)


def test_downsampling_is_the_mean_over_squares():
    found = examples(PICTURE, np.array([0]), {**FORM, "downsample": 2})
    assert found.inputs[0, :, 0].tolist() == [25, 45, 105, 125]
    bright = examples(np.full((1, 4, 4), 255, np.uint8), np.array([0]), {**FORM, "downsample": 4})
    assert bright.inputs.ravel().tolist() == [255]


def test_one_order_for_all_pictures():
    pictures = np.stack([PICTURE[0], PICTURE[0] + np.uint8(1)])
    found = examples(pictures, np.array([0, 1]), {**FORM, "permutation_seed": 3}).inputs[..., 0].astype(int)
    order = found[0] // 10
    assert sorted(order) == list(range(16)) != order.tolist()
    assert found[1].tolist() == (10 * order + 1).tolist()
    other = examples(pictures, np.array([0, 1]), {**FORM, "permutation_seed": 4}).inputs[0, :, 0]
    assert other.tolist() != found[0].tolist()


@pytest.mark.parametrize("separator", [",", " ", "; ", "\t"])
def test_a_line_with_and_without_its_label(separator: str):
    line = LINE.replace(", ", separator)
    for form in (FORM, {**FORM, "downsample": 2, "permutation_seed": 1}):
        bare, labelled = read(line, form), read(f"2{separator}{line}", form)
        expected = examples(PICTURE, np.array([2]), form)
        np.testing.assert_array_equal(bare.inputs, expected.inputs)
        np.testing.assert_array_equal(labelled.inputs, expected.inputs)
        assert (bare.mask.tolist(), labelled.mask.tolist(), labelled.targets.tolist()) == ([[False]], [[True]], [[2]])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", "found 0 numbers"),
        ("1 2 3", "found 3 numbers"),
        (f"{LINE} 1 2", "found 18 numbers"),
        (LINE.replace("50", "256"), "found '256'"),
        (LINE.replace("50", "0.5"), "found '0.5'"),
        (f"3 {LINE}", "found the label '3'"),
        (f"x {LINE}", "found the label 'x'"),
    ],
)
def test_what_is_no_picture_is_refused(line: str, found: str):
    with pytest.raises(DataError, match=f"{found}, expected 16 pixels from 0 to 255.* a label from 0 to 2 and the pix"):
        read(line, FORM)


def test_arrays_of_idx_files():
    assert read_idx(b"\0\0\10\1\0\0\0\2\7\5", 1).tolist() == [7, 5]
    assert read_idx(b"\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\2\1\2\3\4", 3).tolist() == [[[1, 2]], [[3, 4]]]


def test_more_digits_than_there_are(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"data.train_size: found 60000, allowed: at most 60,000 - data.valid_size=1"):
        load(mirror=None, cache=tmp_path, train_size=60_000, valid_size=1)


# Real digits


def test_the_official_digits(mirror: Path, tmp_path: Path):
    data = load(mirror=mirror, cache=tmp_path)
    train, valid, test = fixed(data), data.valid, data.test
    assert [len(split.mask) for split in (train, valid, test)] == [55_000, 5_000, 10_000]
    both = np.concatenate([train.targets, valid.targets])[:, 0]
    assert np.bincount(both).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.targets[:, 0]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert test.targets[:5, 0].tolist() == [7, 2, 1, 0, 4]
    assert test.inputs.shape == (10_000, 196, 1)
    assert abs(test.inputs.mean() / 255 - 0.1325) < 0.0005  # the known mean of the test pixels
    assert np.bincount(valid.targets[:, 0]).min() > 400


def test_less_of_train_is_a_part_of_more_of_it(mirror: Path, tmp_path: Path):
    one, more = small(mirror, tmp_path, train_size=100), small(mirror, tmp_path)
    np.testing.assert_array_equal(fixed(one).inputs, fixed(more).inputs[:100])
    np.testing.assert_array_equal(one.valid.inputs, more.valid.inputs)
    assert one.facts["digest"] != more.facts["digest"] == small(mirror, tmp_path).facts["digest"]
    assert more.facts["digest"] != small(mirror, tmp_path, seed=1).facts["digest"]
    assert more.facts["sequences"] == {"train": 300, "valid": 200, "test": 100}


def test_permuted_digits_are_the_same_digits(mirror: Path, tmp_path: Path):
    plain, other = small(mirror, tmp_path, downsample=1), small(mirror, tmp_path, downsample=1, permuted=True)
    assert plain.time_steps == other.time_steps == 784
    for one, two in ((fixed(plain), fixed(other)), (plain.test, other.test)):
        np.testing.assert_array_equal(one.targets, two.targets)
        np.testing.assert_array_equal(np.sort(one.inputs, axis=1), np.sort(two.inputs, axis=1))
        assert (one.inputs != two.inputs).any(axis=(1, 2)).all()


def test_a_digit_written_in_a_file_reads_as_the_loaded_one(mirror: Path, tmp_path: Path):
    raw = gzip.decompress((mirror / "mnist/t10k-images-idx3-ubyte.gz").read_bytes())
    pixels = read_idx(raw, 3)[0].ravel()
    data = small(mirror, tmp_path, downsample=4, permuted=True, seed=5, test_size=10_000)
    found = read("7," + ",".join(map(str, pixels)), data.describe())
    for one, two in zip(found, data.test.take(slice(1)), strict=True):
        np.testing.assert_array_equal(one, two)
