from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gru_bench.claims.reading import claims_in, experiments_folder, read_claim
from gru_bench.claims.rows import Row, read_rows
from gru_bench.errors import UserError
from gru_bench.record import read_record
from gru_bench.reproduction.plan import Job, Planner
from gru_bench.reproduction.reproduction import Reproduction
from tests.reproduction.folder import BROKEN, CLAIM, TUNING, write_experiments
from tests.reproduction.test_plan import row_of


def _command(folder: Path, *arguments: str, experiments: Path | None = None) -> list[str]:
    places = [
        f"experiments={experiments or folder / 'experiments'}",
        f"out={folder / 'out'}",
        f"runs={folder / 'runs'}",
    ]
    command = [sys.executable, "-m", "gru_bench.reproduce", "scale=smoke", *places, f"cache={folder / 'cache'}"]
    return [*command, *arguments]


def _reproduce(folder: Path, *arguments: str, experiments: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = _command(folder, *arguments, experiments=experiments)
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all was run once."""
    folder = tmp_path_factory.mktemp("reproduced")
    write_experiments(folder / "experiments")
    done = _reproduce(folder, "claim=accuracy")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_claim_is_run_with_the_trials_that_it_needs(reproduced: Path):
    trials = read_rows(reproduced / "out/tuning/results.csv")
    rows = read_rows(reproduced / "out/accuracy/results.csv")
    assert len(trials) == 2 * 3
    assert len(rows) == 4 * 2 + 2 + 2
    assert all(row.status == "finished" for row in rows)
    best = min((row for row in trials if row.key.arm == "gru"), key=lambda row: row.numbers["valid"] or 9)
    (rate,) = [text for text in best.overrides.split() if text.startswith("optimizer.learning_rate=")]
    assert all(rate in row.overrides for row in rows if row.key.arm.startswith("gru") and row.key.part == "runs")


def test_runs_for_rows_have_neither_baselines_nor_pictures(reproduced: Path):
    directories = [path.parent for path in (reproduced / "runs").glob("*/*/*/*/record.json")]
    assert len(directories) >= 12
    assert not any(read_record(directory).baselines for directory in directories)
    assert not any((directory / "figures").exists() for directory in directories)


def test_what_is_measured_after_training_is_trained_first(reproduced: Path):
    rows = [row for row in read_rows(reproduced / "out/accuracy/results.csv") if row.key.part == "flow"]
    assert sorted(row.key.arm for row in rows) == ["gru", "lstm"]
    assert all((row.numbers["carry_log_slope"] or 0) < 0 for row in rows)
    assert all(list((reproduced / "runs").glob(f"*/*/*-{row.config_hash}/seed7/record.json")) for row in rows)


def test_arms_are_matched(reproduced: Path):
    rows = [row for row in read_rows(reproduced / "out/accuracy/results.csv") if row.key.part == "runs"]
    by_arm = {row.key.arm: row.numbers for row in rows}

    def number(arm: str, name: str) -> float:
        value = by_arm[arm][name]
        assert value is not None
        return value

    def operations(arm: str) -> float:
        return number(arm, "updates") * number(arm, "flops_per_update")

    assert number("gru_parameters", "parameters_recurrent") == pytest.approx(
        number("lstm", "parameters_recurrent"), rel=0.01
    )
    assert 0.8 < operations("gru_compute") / operations("lstm") <= 1
    assert number("gru_compute", "updates") > number("gru", "updates")


def test_the_same_call_again_runs_nothing_and_reports_the_same(reproduced: Path):
    before = (reproduced / "out/accuracy/results.csv").read_bytes()
    page = (reproduced / "out/report.md").read_bytes()
    again = _reproduce(reproduced, "claim=accuracy")
    assert again.returncode == 0
    assert (reproduced / "out/accuracy/results.csv").read_bytes() == before
    assert (reproduced / "out/report.md").read_bytes() == page


def test_rows_of_changed_settings_are_made_anew(reproduced: Path, tmp_path: Path):
    changed = CLAIM.replace("measure: run\n", "measure: run\n    run: [training.log_every=2]\n")
    write_experiments(tmp_path / "experiments", accuracy=changed)
    plan = _reproduce(reproduced, "plan=true", "claim=accuracy", experiments=tmp_path / "experiments")
    assert plan.returncode == 0
    assert "accuracy: 12 rows, 8 of them to be made" in plan.stdout


def _failures(out: Path, name: str, definitions: Path) -> list[str]:
    """Make the rows of a claim, and return what could not be made."""
    with ThreadPoolExecutor() as nobody:
        reproduction = Reproduction(
            out=out, at_once=1, launcher=None, process=nobody, trainers=nobody, say=lambda _: None
        )
        planner = Planner(scale="smoke", common=("tracker=none",), tuning=None)
        return reproduction.run(read_claim(definitions, name), planner)


def test_what_stops_many_runs_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_experiments(tmp_path / "experiments")

    def rows(_: Reproduction, jobs: list[Job]) -> Iterator[tuple[list[Job], UserError]]:
        yield from (([job], UserError("the file is missing")) for job in jobs)

    monkeypatch.setattr(Reproduction, "_rows", rows)
    assert _failures(tmp_path, "tuning", folder) == [
        "tuning, trials reber gru at 0, gru at 1, gru at 2, lstm at 0 and 2 more, seed 1000: the file is missing"
    ]


def test_a_search_is_run_to_its_end_in_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    search = TUNING.replace("smoke: 3", "smoke: 12").replace("numbers:", "extensions: 2, numbers:")
    folder = write_experiments(tmp_path / "experiments", tuning=search)
    asked: list[int] = []

    def rows(_: Reproduction, jobs: list[Job]) -> Iterator[tuple[list[Job], list[Row]]]:
        asked.append(len(jobs))
        yield jobs, [row_of(job, valid=1 / job.config.optimizer.learning_rate) for job in jobs]

    monkeypatch.setattr(Reproduction, "_rows", rows)
    assert _failures(tmp_path, "tuning", folder) == []
    assert asked == [24, 12, 12]
    levels = [int(row.key.level) for row in read_rows(tmp_path / "tuning/results.csv") if row.key.arm == "gru"]
    assert sorted(levels) == list(range(24))


@pytest.mark.slow
def test_a_stopped_call_goes_on(tmp_path: Path):
    write_experiments(tmp_path / "experiments")
    with subprocess.Popen(
        _command(tmp_path, "claim=tuning"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        results = tmp_path / "out/tuning/results.csv"
        began = time.monotonic()
        while not results.exists() and process.poll() is None and time.monotonic() - began < 300:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=300)
    kept = results.read_text(encoding="utf-8")
    assert _reproduce(tmp_path, "claim=tuning").returncode == 0
    assert results.read_text(encoding="utf-8").startswith(kept)
    assert len(read_rows(results)) == 6


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("claim=acuracy", "claim: found 'acuracy', .* Did you mean 'accuracy'"),
        ("settings=rebber", "settings: found 'rebber', allowed: all, or reber, .* Did you mean 'reber'"),
        ("launcher=joblob", "launcher: found 'joblob', .* Did you mean 'joblib'"),
    ],
)
def test_a_wrong_setting_is_one_message_and_nothing_is_written(setting: str, message: str, tmp_path: Path):
    write_experiments(tmp_path / "experiments")
    wrong = _reproduce(tmp_path, setting)
    assert wrong.returncode == 2
    assert re.fullmatch(rf"error: {message}\?\n", wrong.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["experiments"]


def test_definitions_of_somebody_else_are_not_replaced(tmp_path: Path):
    write_experiments(tmp_path / "experiments")
    theirs = tmp_path / "out/accuracy/claim.yaml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("question: mine\n", encoding="utf-8")
    wrong = _reproduce(tmp_path, "claim=accuracy")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith(
        f"error: out: found '{theirs}', allowed: a new file, or an earlier output of this command"
    )
    assert theirs.read_text(encoding="utf-8") == "question: mine\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["accuracy"]


@pytest.mark.slow
def test_what_cannot_be_run_is_named_and_the_rest_is_run(tmp_path: Path):
    write_experiments(tmp_path / "experiments", accuracy=BROKEN)
    done = _reproduce(tmp_path, "claim=accuracy")
    assert done.returncode == 1
    assert "model.parameter_budget" in done.stderr
    assert "Traceback" not in done.stderr
    arms = {row.key.arm for row in read_rows(tmp_path / "out/accuracy/results.csv")}
    assert arms == {"lstm"}


@pytest.mark.slow
def test_a_setting_that_holds_the_worse_for_the_better_gets_no_rows(tmp_path: Path):
    experiments = write_experiments(tmp_path / "experiments")
    settings = experiments / "settings.yaml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("better: less", "better: more"), encoding="utf-8")
    done = _reproduce(tmp_path, "claim=tuning")
    assert done.returncode == 1
    assert "settings.yaml: reber.better: found 'more', allowed: less, as the runs select by nll." in done.stderr
    assert not (tmp_path / "out/tuning/results.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_a_launcher_of_hydra_makes_the_same_rows(launcher: str, reproduced: Path, tmp_path: Path):
    if launcher != "basic":
        pytest.importorskip(f"hydra_plugins.hydra_{launcher.partition('_')[0]}_launcher")
    places = [f"out={tmp_path / 'out'}", f"runs={tmp_path / 'runs'}"]
    command = [text for text in _command(reproduced) if not text.startswith(("out=", "runs="))]
    done = subprocess.run(
        [*command, *places, "claim=tuning", f"launcher={launcher}"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours, theirs = (read_rows(folder / "out/tuning/results.csv") for folder in (tmp_path, reproduced))
    assert {row.key: row.config_hash for row in ours} == {row.key: row.config_hash for row in theirs}
    values = {row.key: row.numbers["valid"] for row in theirs}
    assert all(row.numbers["valid"] == pytest.approx(values[row.key], rel=1e-5) for row in ours)


@pytest.mark.slow
def test_all_parts_of_our_claims_run_at_smoke_scale_without_any_file_of_data(tmp_path: Path):
    environment = {key: value for key, value in os.environ.items() if key != "GRU_BENCH_MIRROR"}
    command = _command(tmp_path, experiments=experiments_folder())
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr
    for name in claims_in(experiments_folder()):
        rows = read_rows(tmp_path / "out" / name / "results.csv")
        parts = read_claim(experiments_folder(), name).parts
        assert {row.key.part for row in rows} == {part for part, what in parts.items() if what.seeds.smoke}
        assert {row.status for row in rows} == {"finished"}
