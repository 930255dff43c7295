"""Cells against frozen results of PyTorch (see scripts/make_golden.py): outputs, final carry, all gradients."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gru_bench.models.recurrence import Recurrence
from tests.models.support import assert_close, make_cell, run_like_torch

FILES = sorted((Path(__file__).resolve().parents[1] / "golden").glob("*.npz"))


@pytest.mark.parametrize("recurrence", ["fast", pytest.param("scan", marks=pytest.mark.slow)])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_results_and_gradients_are_those_of_pytorch(path: Path, recurrence: Recurrence):
    with np.load(path) as file:
        vectors = dict(file)
    hidden_size = vectors["state/weight_hh_l0"].shape[1]
    cell = make_cell(json.loads(str(vectors.pop("about")))["module"], hidden_size)
    found = run_like_torch(cell, vectors, recurrence=recurrence)
    expected = {name: value for name, value in vectors.items() if name in found}
    assert_close(found, expected, 1e-5)


def test_every_module_and_case_is_frozen_with_biases_versions_and_enough_time_steps():
    assert len(FILES) == 16
    for path in FILES:
        assert path.stat().st_size < 100_000
        with np.load(path) as file:
            about = json.loads(str(file["about"]))
            assert set(about["versions"]) == {"python", "torch", "numpy"}
            assert path.stem == f"{about['module']}-{about['case']}"
            assert file["inputs"].shape[1] >= 20
            assert all(np.all(file[name] != 0) for name in file if name.startswith("state/bias"))
            assert {"outputs", "final/hidden", "gradient/inputs", "gradient/weight_ih_l0"} <= set(file)
