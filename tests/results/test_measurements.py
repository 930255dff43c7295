from __future__ import annotations

import dataclasses

import pytest

from gru_bench.measurement import Point, Shape
from gru_bench.results.measurements import (
    best_peer,
    by_point,
    cell_ratios,
    implementations,
    peer_ratios,
    product_ratios,
)
from tests.results.measurements import measured, two_cells

GRU = Point("gru", Shape(16, 500, 64, 64), "training")


def test_ratios_to_each_peer_are_ours_over_theirs():
    found = {(ratio.over.cell, ratio.under.implementation): ratio.value for ratio in peer_ratios(two_cells())}
    assert found == pytest.approx(
        {("gru", "flax"): 10 / 12, ("gru", "torch"): 0.5, ("lstm", "flax"): 15 / 18, ("lstm", "torch"): 1.25}
    )


def test_the_best_peer_is_the_fastest_and_never_one_of_ours():
    points = by_point([*two_cells(), measured("scan", 1.0)])
    best = best_peer(points[GRU])
    assert best is not None
    assert (best.under.implementation, best.value) == ("flax", pytest.approx(10 / 12))
    assert best_peer({"fast": measured("fast", 1.0), "products": measured("products", 1.0)}) is None
    assert best_peer({"torch": measured("torch", 1.0)}) is None


def test_ratios_to_the_products_leave_them_out():
    found = {(ratio.over.cell, ratio.over.implementation): ratio.value for ratio in product_ratios(two_cells())}
    assert found[("gru", "fast")] == pytest.approx(2.0)
    assert found[("lstm", "torch")] == pytest.approx(1.2)
    assert len(found) == 6


def test_gru_to_lstm_stays_within_one_implementation():
    found = {ratio.over.implementation: ratio for ratio in cell_ratios(two_cells())}
    assert {name: ratio.value for name, ratio in found.items()} == pytest.approx(
        {"fast": 10 / 15, "flax": 12 / 18, "torch": 20 / 12, "products": 0.5}
    )
    assert all(ratio.over.implementation == ratio.under.implementation for ratio in found.values())
    only_gru = [row for row in two_cells() if (row.cell, row.implementation) != ("lstm", "flax")]
    assert "flax" not in {ratio.over.implementation for ratio in cell_ratios(only_gru)}


@pytest.mark.parametrize("change", [{"rounds": "another"}, {"hidden": 65}, {"what": "forward"}, {"library": "x 2"}])
def test_gru_to_lstm_needs_equal_work_in_the_same_rounds(change: dict):
    gru, lstm = measured("fast", 1.0), measured("fast", 2.0, cell="lstm")
    assert [ratio.value for ratio in cell_ratios([gru, lstm])] == [0.5]
    assert cell_ratios([gru, dataclasses.replace(lstm, **change)]) == []


def test_ours_come_first_and_the_products_last():
    rows = [measured(name, 1.0) for name in ("torch", "products", "scan", "flax", "fast")]
    assert implementations(rows) == ["fast", "scan", "torch", "flax", "products"]
