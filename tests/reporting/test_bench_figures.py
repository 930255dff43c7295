from __future__ import annotations

from pathlib import Path

import matplotlib.image
import pytest

from gru_bench.reporting.bench_figures import draw_all
from tests.results.measurements import measured, two_cells


def test_each_question_has_a_picture(tmp_path: Path):
    files = draw_all([*two_cells(), *(measured("fast", 1.0, hidden=size, cell="lstm") for size in (7, 8))], tmp_path)
    assert [file.name for file in files] == ["peers.png", "products.png", "gru_lstm.png"]
    for file in files:
        assert matplotlib.image.imread(file)[..., :3].min() < 0.5


@pytest.mark.parametrize(
    ("names", "expected"),
    [(("fast",), []), (("fast", "torch"), ["peers.png"]), (("scan", "products"), ["products.png"])],
)
def test_a_picture_of_nothing_is_not_drawn(tmp_path: Path, names: tuple[str, ...], expected: list[str]):
    draw_all([measured(name, 1.0) for name in names], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == expected
