from __future__ import annotations

import itertools

import pytest

from gru_bench.errors import ConfigError
from gru_bench.measure.grid import GRIDS, parse_shapes, work_of
from gru_bench.measurement import Shape


def test_shapes_are_read_as_they_are_written():
    for grid in GRIDS.values():
        assert parse_shapes(",".join(map(str, grid))) == grid
    assert parse_shapes("1x2x3x4, 1x2x3x4") == (Shape(1, 2, 3, 4),)


@pytest.mark.parametrize("text", ["", "1x2x3", "1x2x3x4x5", "1x2x3x0", "axbxcxd", "-1x2x3x4", "1x2x3x4,"])
def test_other_texts_are_no_shapes(text: str):
    with pytest.raises(ConfigError, match="such as 16x500x64x64"):
        parse_shapes(text)


def test_the_full_grid_is_whole():
    assert all(shape.input == shape.hidden for shape in GRIDS["full"])
    expected = itertools.product((64, 128, 256, 650, 1024), (1, 16, 32, 64, 128), (35, 100, 500))
    assert sorted((shape.hidden, shape.batch, shape.time) for shape in GRIDS["full"]) == sorted(expected)


def test_one_time_step_is_timed_once_per_size_of_layer():
    shapes = (Shape(8, 9, 3, 4), Shape(7, 6, 3, 4), Shape(8, 9, 4, 4))
    assert work_of(shapes, ["forward", "step"]) == [
        *((shape, "forward") for shape in shapes),
        (Shape(1, 1, 3, 4), "step"),
        (Shape(1, 1, 4, 4), "step"),
    ]
    assert work_of(shapes[:1], ["training"]) == [(shapes[0], "training")]
