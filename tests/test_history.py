"""Sample outputs read back; the rows of metrics are read back in tests/tracking/test_metrics_file.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gru_bench.errors import UserError
from gru_bench.history import read_samples


def test_samples_come_back_and_an_old_run_has_none(tmp_path: Path):
    assert read_samples(tmp_path) == []
    samples = [{"given": "", "output": "ABC"}, {"given": "is it é?", "output": "</script>"}]
    (tmp_path / "samples.json").write_text(json.dumps(samples), encoding="utf-8")
    assert read_samples(tmp_path) == [("", "ABC"), ("is it é?", "</script>")]


@pytest.mark.parametrize("content", ["", "{", "3", '{"given": 1}', '[{"given": "a"}]', "[1]", '"text"'])
def test_damaged_samples_are_named(tmp_path: Path, content: str):
    (tmp_path / "samples.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"samples\.json: cannot be read .*delete the file, or train the run again"):
        read_samples(tmp_path)


def test_a_run_keeps_its_samples(finished_run: Path):
    samples = read_samples(finished_run)
    assert samples
    assert all(output for _, output in samples)
