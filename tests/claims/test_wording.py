from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from gru_bench.claims.analysis import analyse
from gru_bench.claims.comparison import Comparison
from gru_bench.claims.reading import read_claim
from gru_bench.claims.wording import rule
from tests.claims.experiments import claim_values, write_claim


@pytest.mark.parametrize("estimate", get_args(get_type_hints(Comparison)["estimate"]))
def test_each_estimate_is_spelled_out(tmp_path: Path, estimate: str):
    write_claim(tmp_path, "made", claim_values())
    claim = read_claim(tmp_path, "made")
    findings = analyse(claim, []).findings
    changes = {"estimate": estimate, "number": "valid_loss", "solved": 0.5, "clean": 0.0, "within": 0.05}
    text = rule(claim, replace(findings[0].comparison, **changes), findings)
    assert "valid loss" in text
