from __future__ import annotations

import pandas as pd

from gru_bench.data.files.cells import MISSING, Place, is_missing


def test_missing_cells_are_known_in_any_letters():
    cells = [spelling for marker in MISSING for spelling in (marker, marker.upper(), marker.title())]
    assert is_missing(pd.Series([*cells, "nAn"], dtype=object), []).all()
    own = pd.Series(["-999", "off", "OFF", "no measurement taken", "0", "DE"], dtype=object)
    assert is_missing(own, ["-999", "Off", "No measurement taken"]).tolist() == [True, True, True, True, False, False]


def test_the_line_of_a_cell_counts_line_ends_before_it():
    table = pd.DataFrame({"note": ["a", "b\nc\nd"], "v": ["1", "x"]}, index=[2, 4])
    place = Place("own.csv", [2, 4], table)
    assert place.cell("v", 1, "x") == "own.csv: column 'v', line 6: 'x'"
    assert place.cell("note", 1, "b") == "own.csv: column 'note', line 4: 'b'"
    assert Place("own.csv", [2, 4]).cell("v", 1, "x") == "own.csv: column 'v', line 4: 'x'"
