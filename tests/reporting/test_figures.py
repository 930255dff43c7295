from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest

from gru_bench.reporting.figures import gate_activity, learning_curve


def make_rows(*places: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for update in range(50, 1001, 50):
        loss = 0.41 + math.exp(-update / 200)
        rows.append({"update": update, "split": "train", "loss": loss, "gradient_norm": 0.3})
        if update % 250 == 0:
            gates = {
                f"gates/{place}/{gate}/{measure}": 0.5
                for place in places
                for gate in ("reset", "update")
                for measure in ("mean", "saturated")
            }
            rows.append({"update": update, "split": "valid", "nll": loss, "perplexity": math.exp(loss), **gates})
    return rows


def size(path: Path) -> tuple[int, int]:
    """Return the width and height of a PNG file from its header."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", content[16:24])


@pytest.mark.parametrize(("metric", "floor", "panels"), [("nll", 0.404, 1), ("nll", None, 1), ("perplexity", None, 2)])
def test_learning_curve(tmp_path: Path, metric: str, floor: float | None, panels: int):
    path = tmp_path / "figures" / "learning_curve.png"
    assert learning_curve(make_rows(), metric, floor, path, "nats per symbol")
    width, height = size(path)
    assert width == {1: 840, 2: 1200}[panels]
    assert height == 525


def test_a_diverged_run_has_a_curve_and_an_empty_one_has_none(tmp_path: Path):
    rows = make_rows()
    rows += [{"update": 1050, "split": "train", "loss": math.nan}, {"update": 1050, "split": "valid", "nll": math.inf}]
    assert learning_curve(rows, "nll", None, tmp_path / "diverged.png")
    assert learning_curve(rows[:1], "nll", 0.4, tmp_path / "one_row.png")
    assert not learning_curve([], "nll", 0.4, tmp_path / "empty.png")
    assert not (tmp_path / "empty.png").exists()


def test_gate_activity_has_a_column_per_layer_and_direction(tmp_path: Path):
    assert gate_activity(make_rows("layer0/forward"), tmp_path / "one.png")
    assert gate_activity(make_rows("layer0/forward", "layer0/backward", "layer1/forward"), tmp_path / "three.png")
    assert size(tmp_path / "three.png")[0] > size(tmp_path / "one.png")[0]


def test_a_cell_without_gates_gets_no_picture(tmp_path: Path):
    assert not gate_activity(make_rows(), tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_figures_leave_the_global_state_of_pyplot_alone(tmp_path: Path):
    from matplotlib import pyplot

    before = pyplot.get_fignums()
    assert learning_curve(make_rows(), "nll", None, tmp_path / "curve.png", "nats per symbol")
    assert gate_activity(make_rows("layer0/forward"), tmp_path / "gates.png")
    assert pyplot.get_fignums() == before
