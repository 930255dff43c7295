from __future__ import annotations

from gru_bench.measure.ours import layer_seconds
from gru_bench.measurement import Shape


def test_layers_of_several_cells_are_timed_round_by_round():
    found = layer_seconds(["gru", "lstm", "min_gru"], Shape(2, 3, 2, 3), rounds=4)
    assert list(found) == ["gru", "lstm", "min_gru"]
    assert all(len(seconds) == 4 and min(seconds) > 0 for seconds in found.values())
