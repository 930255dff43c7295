from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from gru_bench.claims.analysis import analyse
from gru_bench.claims.comparison import Comparison
from gru_bench.claims.reading import read_claim
from gru_bench.claims.wording import effect_text, rule
from gru_bench.results.statistics import Interval
from tests.claims.experiments import claim_values, write_claim


@pytest.mark.parametrize("estimate", get_args(get_type_hints(Comparison)["estimate"]))
def test_each_estimate_is_spelled_out(tmp_path: Path, estimate: str):
    write_claim(tmp_path, "made", claim_values())
    claim = read_claim(tmp_path, "made")
    findings = analyse(claim, []).findings
    changes = {"estimate": estimate, "number": "valid_loss", "solved": 0.5, "clean": 0.0, "within": 0.05}
    text = rule(claim, replace(findings[0].comparison, **changes), findings)
    assert "valid loss" in text


@pytest.mark.parametrize(
    ("effect", "whole", "alone"),
    [
        (Interval(-0.06, -0.08, -0.04, 2), "−0.06 [−0.08, −0.04] nats", "−0.06 nats"),
        (Interval(0.5, -math.inf, math.inf, 2), "+0.5000 (one pair, no interval) nats", "+0.5000 nats"),
        (Interval(25.0, 25.0, 25.0, 2), "+25 nats", "+25 nats"),
        (Interval(0.0, -1e-9, 1e-9, 2), "0.00e+00 [−1.00e-09, +1.00e-09] nats", "0.00e+00 nats"),
    ],
)
def test_an_effect_has_the_same_digits_with_its_interval_and_alone(
    tmp_path: Path, effect: Interval, whole: str, alone: str
):
    write_claim(tmp_path, "made", claim_values())
    finding = replace(analyse(read_claim(tmp_path, "made"), []).findings[0], effect=effect, unit="nats")
    assert (effect_text(finding), effect_text(finding, interval=False)) == (whole, alone)
