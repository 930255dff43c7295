"""The shapes to time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from gru_bench.errors import ConfigError
from gru_bench.measurement import Pass, Shape

GRIDS: dict[str, tuple[Shape, ...]] = {
    "quick": (
        Shape(16, 500, 64, 64),
        Shape(32, 96, 7, 64),
        Shape(20, 35, 200, 200),
        Shape(20, 35, 650, 650),
        Shape(64, 128, 256, 256),
    ),
    "full": tuple(
        Shape(batch, time, hidden, hidden)
        for hidden, batch, time in itertools.product((64, 128, 256, 650, 1024), (1, 16, 32, 64, 128), (35, 100, 500))
    ),
}


def parse_shapes(text: str) -> tuple[Shape, ...]:
    """Read shapes such as `16x500x64x64,32x96x7x64`.

    Raises:
        ConfigError: one of them is not four positive integers.
    """
    shapes = []
    for part in text.split(","):
        numbers = part.strip().split("x")
        if len(numbers) != 4 or not all(number.isascii() and number.isdigit() and int(number) for number in numbers):
            raise ConfigError("shapes", part, "batch x time x input x hidden, such as 16x500x64x64")
        shapes.append(Shape(*map(int, numbers)))
    return tuple(dict.fromkeys(shapes))


def work_of(shapes: Sequence[Shape], passes: Sequence[Pass]) -> list[tuple[Shape, Pass]]:
    """Return the work to time: each pass at each shape, and a single time step once for each layer size."""
    steps = dict.fromkeys(Shape(1, 1, shape.input, shape.hidden) for shape in shapes)
    whole: list[tuple[Shape, Pass]] = [(shape, what) for shape in shapes for what in passes if what != "step"]
    return whole + [(shape, what) for what in passes if what == "step" for shape in steps]
