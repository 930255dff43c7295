import json
import math
import os

import numpy as np
import pytest

from gru_bench.errors import UserError
from gru_bench.history import read_metrics
from gru_bench.tracking.metrics_file import MetricsFile


def test_rows_come_back_and_each_line_is_strict_json(tmp_path):
    path = tmp_path / "run" / "metrics.jsonl"
    with MetricsFile(path) as metrics:
        metrics.write({"update": 1, "split": "train", "loss": np.float32(0.5), "count": np.int64(3)})
        metrics.write({"update": 2, "loss": math.nan, "high": np.float64(np.inf), "low": -math.inf})
    first, second = read_metrics(path)
    assert first == {"update": 1, "split": "train", "loss": 0.5, "count": 3}
    assert math.isnan(second.pop("loss"))
    assert second == {"update": 2, "high": math.inf, "low": -math.inf}

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    lines = path.read_text().splitlines()
    assert [json.loads(line, parse_constant=refuse) for line in lines][1]["loss"] == "NaN"


def test_each_row_is_readable_before_the_file_is_closed(tmp_path):
    metrics = MetricsFile(tmp_path / "metrics.jsonl")
    metrics.write({"update": 1})
    assert read_metrics(metrics.path) == [{"update": 1}]
    metrics.close()
    metrics.close()


def test_a_second_opening_appends(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for update in (1, 2):
        with MetricsFile(path) as metrics:
            metrics.write({"update": update})
    assert [row["update"] for row in read_metrics(path)] == [1, 2]


def test_truncation_drops_later_rows_and_a_half_written_line_and_keeps_the_other_bytes(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsFile(path) as metrics:
        for update in (10, 20, 30, 40):
            metrics.write({"update": update, "loss": 1 / 3})
        metrics.write({"remark": "no update"})
    kept = b"".join(path.read_bytes().splitlines(keepends=True)[i] for i in (0, 1, 4))
    with path.open("ab") as file:
        file.write(b'{"update": 20, "lo')
    with MetricsFile(path) as metrics:
        assert metrics.truncate_after(20) == 3
        assert path.read_bytes() == kept
        metrics.write({"update": 30})
        assert metrics.truncate_after(30) == 0
    assert [row.get("update") for row in read_metrics(path)] == [10, 20, None, 30]
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_reading_leaves_out_a_half_written_last_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"update": 1}\n{"update": 2')
    assert read_metrics(path) == [{"update": 1}]


@pytest.mark.parametrize("damage", ["not json\n", "[1, 2]\n", "\n"])
def test_a_damaged_line_is_named(tmp_path, damage):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"update": 1}\n' + damage + '{"update": 3}\n')
    with pytest.raises(UserError, match=r"metrics\.jsonl, line 2: found .*expected one JSON object"):
        read_metrics(path)
    with MetricsFile(path) as metrics, pytest.raises(UserError, match="line 2"):
        metrics.truncate_after(1)


def test_a_missing_file_says_what_to_give(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.jsonl: cannot be read .*give a run directory"):
        read_metrics(tmp_path / "nothing.jsonl")


def test_a_full_disk_leaves_whole_lines_and_says_what_to_do(tmp_path, monkeypatch):
    with MetricsFile(tmp_path / "metrics.jsonl") as metrics:
        metrics.write({"update": 1})
        write = os.write

        def fill(descriptor, content):
            if len(content) > 5:
                return write(descriptor, content[:5])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", fill)
        with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)\. Free space"):
            metrics.write({"update": 2})
        assert metrics.path.read_text() == '{"update": 1}\n'
        monkeypatch.undo()
        metrics.write({"update": 2})
    assert len(read_metrics(metrics.path)) == 2


def test_a_full_disk_while_truncating_keeps_the_old_file(tmp_path, monkeypatch):
    with MetricsFile(tmp_path / "metrics.jsonl") as metrics:
        metrics.write({"update": 1})
        metrics.write({"update": 2})
        before = metrics.path.read_bytes()

        def fail(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(UserError, match="No space left"):
            metrics.truncate_after(1)
        assert metrics.path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_file_that_cannot_be_opened_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be written .*run_dir="):
        MetricsFile(tmp_path / "file" / "metrics.jsonl")
