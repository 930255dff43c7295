from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

from gru_bench.errors import UserError
from gru_bench.measure.implementations import Available, load
from gru_bench.measure.sweep import Settings, sweep
from gru_bench.measurement import Measurement, Pass, Shape, append, read

SMALL, SMALLER = Shape(2, 3, 2, 3), Shape(2, 3, 1, 2)
Work = list[tuple[Shape, Pass]]
SETTINGS = Settings(cells=("gru", "lstm"), precision="float32", rounds=5, seconds=0.01)


@pytest.fixture(scope="module")
def available() -> list[Available]:
    return load([])[0]


def run(work: Work, available: list[Available], path: Path, settings: Settings = SETTINGS) -> str:
    said: list[str] = []
    sweep(work, available, settings, path, said.append)
    return "\n".join(said)


def test_cells_and_implementations_share_the_rounds_of_a_point(
    tmp_path: Path, available: list[Available], monkeypatch: pytest.MonkeyPatch
):
    busy = SimpleNamespace(start=lambda: None, stop=lambda: 0.7504)
    monkeypatch.setattr("gru_bench.measure.sweep.LoadMeter", lambda: busy)
    said = run([(SMALL, "training"), (Shape(1, 1, 2, 3), "step")], available, tmp_path / "bench.csv")
    rows = read(tmp_path / "bench.csv")
    assert [(row.cell, row.implementation) for row in rows if row.what == "training"] == [
        (cell, name) for cell in ("gru", "lstm") for name in ("fast", "scan", "products")
    ]
    assert len({row.rounds for row in rows}) == 2
    for row in rows:
        assert 0 < row.q25 <= row.median <= row.q75 < 10
        assert row.count == 5
        assert row.compile_seconds
        assert row.step_bytes
        assert row.flops > 0
        assert row.load == 0.75
    carries = {(row.cell, row.hidden): row.carry_bytes for row in rows}
    assert carries == {("gru", 3): 4 * 3, ("lstm", 3): 2 * 4 * 3}
    parameters = {row.cell: row.parameter_bytes for row in rows if row.implementation == "fast"}
    assert parameters == {"gru": 4 * (3 * 3 * (2 + 3 + 1) + 3), "lstm": 4 * 4 * 3 * (2 + 3 + 1)}
    assert "[1/2] training 2x3x2x3, 5 rounds, other processes 0.75 cores" in said
    assert said.count("scan skipped: one time step is the same in both recurrences") == 1


def test_an_interrupted_sweep_goes_on_with_what_is_missing(tmp_path: Path, available: list[Available]):
    path = tmp_path / "bench.csv"
    work: Work = [(SMALL, "forward"), (SMALLER, "forward")]

    def interrupt(line: str) -> None:
        if line.startswith("[1/2]"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(work, available, SETTINGS, path, interrupt)
    first = read(path)
    assert {row.shape for row in first} == {SMALL}
    said = run(work, available, path)
    assert "[1/2]" not in said
    assert read(path)[: len(first)] == first
    assert {row.shape for row in read(path)} == {SMALL, SMALLER}
    assert run(work, available, path) == ""


@pytest.mark.parametrize("lacking", ["implementation", "cell", "library"])
def test_a_point_that_lacks_something_is_timed_again_as_a_whole(
    lacking: str, tmp_path: Path, available: list[Available]
):
    path = tmp_path / "bench.csv"
    work: Work = [(SMALL, "forward")]
    fewer = available[:1] if lacking == "implementation" else available
    if lacking == "library":
        fewer = [dataclasses.replace(available[0], library="gru_bench 0.0"), *available[1:]]
    run(work, fewer, path, dataclasses.replace(SETTINGS, cells=SETTINGS.cells[: 1 if lacking == "cell" else 2]))
    before = {row.rounds for row in read(path)}
    run(work, available, path)
    rows = read(path)
    assert len(rows) == 2 * len(available)
    assert len({row.rounds for row in rows}) == 1
    assert not before & {row.rounds for row in rows}


def test_times_of_another_machine_are_not_mixed_in(tmp_path: Path, available: list[Available]):
    path = tmp_path / "bench.csv"
    work: Work = [(SMALL, "forward")]
    run(work, available, path)
    rows: list[Measurement] = read(path)
    path.unlink()
    append(path, [dataclasses.replace(row, device="cpu: Another") for row in rows])
    with pytest.raises(UserError, match=r"(?s)cpu: Another.*fresh=true"):
        run(work, available, path)


def test_what_is_too_large_without_a_gpu_is_named(tmp_path: Path, available: list[Available]):
    said = run([(Shape(128, 500, 1024, 1024), "forward")], available, tmp_path / "bench.csv")
    assert said.splitlines() == [
        "gru forward 128x500x1024x1024 skipped: 805 GFLOP, and above 50 it takes a GPU",
        "lstm forward 128x500x1024x1024 skipped: 1,074 GFLOP, and above 50 it takes a GPU",
    ]
    assert not (tmp_path / "bench.csv").exists()
