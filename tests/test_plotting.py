from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from gru_bench.errors import UserError
from gru_bench.plotting import legend_above, new_figure, save_figure, save_small_figure

NAMES = ("Price ($) # of units ($)", "_x^2", r"$\frac$", "{%}", r"\$5", "中文", "हिन्दी", "😀", "a\tb\x00")


@pytest.mark.parametrize("save", [save_figure, save_small_figure])
def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path, save: Callable[[Figure, Path], None]):
    figure, _ = new_figure()
    save(figure, tmp_path / "folder" / "a.png")
    with Image.open(tmp_path / "folder" / "a.png") as picture:
        picture.load()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a.png"]
    with pytest.raises(UserError, match=r"cannot write .*a.png/b.png: File exists"):
        save(figure, tmp_path / "folder" / "a.png" / "b.png")


def test_names_are_drawn_as_they_are_whatever_signs_they_hold():
    figure, [[panel, categories, powers]] = new_figure(3)
    figure.suptitle(NAMES[0])
    panel.set_title(NAMES[0])
    panel.set_xlabel(NAMES[1])
    panel.annotate(NAMES[2], (0, 0))
    panel.set_xticks(range(len(NAMES)), NAMES)
    for name in NAMES:
        panel.plot([0, 1], label=name)
    legend_above(figure, [panel])
    categories.barh(list(NAMES), range(len(NAMES)))
    powers.plot([1, 1e5], [1, 1e5])
    powers.set_yscale("log")
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text() in NAMES]
    assert {text.get_text() for text in texts} == set(NAMES)
    assert not any(text.get_parse_math() for text in texts)
    ticks = [label for label in powers.get_yticklabels() if label.get_text()]
    assert ticks
    assert all(label.get_parse_math() for label in ticks)


@pytest.mark.parametrize("letters", [6.0, None])
def test_a_legend_has_rows_enough_for_its_names(letters: float | None):
    figure, [[panel]] = new_figure(1, width=4.6)
    for count in range(5):
        panel.plot([0, 1], label=f"LSTM with a forget bias of {count}")
    legend_above(figure, [panel], letters)
    figure.canvas.draw()
    [legend] = figure.legends
    extent = legend.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.width
