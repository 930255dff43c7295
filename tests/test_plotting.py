from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from gru_bench.errors import UserError
from gru_bench.plotting import new_figure, save_figure, save_small_figure


@pytest.mark.parametrize("save", [save_figure, save_small_figure])
def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path, save: Callable[[Figure, Path], None]):
    figure, _ = new_figure()
    save(figure, tmp_path / "folder" / "a.png")
    with Image.open(tmp_path / "folder" / "a.png") as picture:
        picture.load()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a.png"]
    with pytest.raises(UserError, match=r"cannot write .*a.png/b.png: File exists"):
        save(figure, tmp_path / "folder" / "a.png" / "b.png")
