from __future__ import annotations

import dataclasses

from gru_bench.reporting.bench_tables import notes, page, sheets
from gru_bench.reporting.sheet import Sheet
from tests.results.measurements import measured, two_cells


def sheet(title: str, rows: list) -> Sheet:
    return next(found for found in sheets(rows) if found.title.startswith(title))


def test_times_with_the_ratio_to_the_best_peer_and_to_the_products():
    found = sheet("gru, training step", two_cells())
    assert found.title == "gru, training step, float32: ms"
    headings = [heading.replace("\n", " ") for heading in found.columns]
    assert headings[:2] == ["shape", "ours fast"]
    assert headings[-3:] == ["products alone", "fast to best peer", "to products"]
    assert found.rows == [["16x500x64x64", "10.0 ±10%", "12.0 ±10%", "20.0 ±10%", "5.00 ±10%", "0.833× flax", "2.00×"]]


def test_what_is_missing_at_a_point_stays_empty():
    rows = [measured("fast", 10.0), measured("torch", 20.0, hidden=7), measured("products", 5.0, hidden=7)]
    assert sheet("gru, training step", rows).rows == [
        ["16x500x64x64", "10.0 ±10%", "", "", "", ""],
        ["16x500x64x7", "", "20.0 ±10%", "5.00 ±10%", "", ""],
    ]


def test_gru_to_lstm_is_told_per_implementation():
    found = sheet("GRU : LSTM at equal size, training step", two_cells())
    assert found.rows == [["16x500x64x64", "0.667×", "0.667×", "1.67×", "0.500×"]]


def test_one_time_step_is_told_in_microseconds_and_has_no_throughput():
    rows = [measured("fast", 0.0125, what="step", batch=1, time=1)]
    assert sheet("gru, one time step", rows).rows[0][1] == "12.5 ±10%"
    assert not [found.title for found in sheets(rows) if "per second" in found.title or "memory" in found.title]


def test_throughput_memory_sizes_and_compilation():
    rows = [measured("fast", 8.0), measured("torch", 16.0, step_bytes=None, compile_seconds=None)]
    assert sheet("gru, training, thousands of time steps x batch per second", rows).rows == [
        ["16x500x64x64", "1,000", "500"]
    ]
    assert sheet("gru, memory", rows).rows == [["16x500x64x64", "3.00"]]
    assert sheet("Bytes", rows).rows == [["gru", "64x64", "96.75", "256"]]
    assert sheet("Tracing", rows).rows == [["gru training step", "0.50"]]


def test_kernels_are_told_once_where_they_are_the_same():
    rows = [
        measured("torch", 1.0, kernel="500 aten::addmm, 1 aten::mm"),
        measured("torch", 1.0, time=35, kernel="35 aten::addmm, 1 aten::mm"),
        measured("fast", 1.0, kernel="2 dot, 1 loop"),
        measured("fast", 1.0, hidden=7, kernel="2 dot in ynn, 1 loop"),
        measured("fast", 1.0, hidden=8, kernel="3 dot in ynn, 1 loop"),
    ]
    assert sheet("What computed", rows).rows == [
        ["fast", "gru training step", "dot in ynn, loop (2 shapes); dot, loop (1 shapes)"],
        ["torch", "gru training step", "aten::addmm, aten::mm"],
    ]


def test_a_shared_machine_is_warned_of():
    quiet, loud = measured("fast", 1.0), measured("fast", 1.0, load=0.8, rounds="later", hidden=7)
    assert "Other processes kept at most 0.01 cores busy." in notes([quiet])
    text = "\n".join(notes([quiet, loud]))
    assert "Warning: Other processes kept at most 0.80 cores busy (at training 16x500x64x7)" in text
    assert "at 1 of 2 points" in text


def test_the_page_names_machine_versions_and_commit():
    rows = [*two_cells(), dataclasses.replace(measured("fast", 1.0, hidden=7), commit="def")]
    text = page(rows)
    assert text.startswith("- cpu: Test, 2 threads; python=3.11.7 jax=0.10.2\n- Commit: abc, def.\n")
    assert "| 16x500x64x64 | 10.0 ±10% |" in text
    assert text.count("**gru, training step, float32: ms**") == 1


def test_precisions_are_told_apart():
    rows = [measured("fast", 1.0), measured("fast", 0.5, precision="bfloat16")]
    titles = [found.title for found in sheets(rows) if "training step," in found.title]
    assert titles == ["gru, training step, float32: ms", "gru, training step, bfloat16: ms"]
