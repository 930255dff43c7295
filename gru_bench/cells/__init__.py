"""Recurrent cells: the equations, a cell per file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gru_bench.classes import load_class, preset_place

if TYPE_CHECKING:
    from gru_bench.cells.base import Cell


def cell_class(name: str) -> type[Cell]:
    """Return the class of a cell by the name of its preset in configs/model.

    Raises:
        ConfigError: there is no such preset.
    """
    from gru_bench.cells.base import Cell  # loads JAX, which checks of settings do without

    return load_class(preset_place("model", name), Cell)
