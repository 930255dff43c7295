from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gru_bench.arguments import run_command
from gru_bench.claims.report import report_claims
from gru_bench.errors import ConfigError
from gru_bench.plotting import new_figure, save_figure
from gru_bench.report import report
from tests.claims.experiments import claim_values, make_row, write_claim, write_rows

BLOCKED = ("jax", "jaxlib", "flax", "optax", "orbax", "hydra", "omegaconf", "wandb", "tensorflow_datasets")
WITHOUT = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ImportError(f"{{name}} is blocked")

sys.meta_path.insert(0, Blocked())
try:
    import jax
except ImportError:
    pass
else:
    sys.exit("jax is not blocked")

from gru_bench.report import report, run_command
sys.exit(run_command(report, ["experiments"]))
"""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with one claim and a few rows."""
    write_claim(tmp_path / "experiments", "accuracy", claim_values())
    rows = [
        make_row(arm, seed, {"test": 0.4 + seed / 1000, "valid": 0.4, "updates": 600.0}, setting=setting)
        for setting in ("reber", "grammar")
        for arm in ("gru", "lstm")
        for seed in range(3)
    ]
    write_rows(tmp_path / "experiments", "accuracy", rows)
    return tmp_path


def test_the_command_needs_the_files_alone(small: Path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "100"}
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(command, cwd=small, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "comparable" not in done.stdout
    assert "accuracy" in done.stdout
    assert "sensitivity control" in done.stdout
    assert done.stdout.endswith("\nMD: experiments/report.md\nHTML: experiments/report.html\n")
    found = contents(small / "experiments")
    assert {"report.md", "report.html", "accuracy/figures/effects.png"} <= set(found)


def test_a_report_is_the_same_every_time(small: Path):
    folder = small / "experiments"
    report_claims(folder)
    before = contents(folder)
    report_claims(folder)
    assert contents(folder) == before


def test_pictures_that_are_no_longer_drawn_are_removed(small: Path):
    folder = small / "experiments" / "accuracy" / "figures"
    folder.mkdir()
    save_figure(new_figure()[0], folder / "levels-old-test.png")
    (folder / "mine.png").write_bytes(b"of somebody else")
    report_claims(small / "experiments")
    assert sorted(path.name for path in folder.iterdir()) == ["effects.png", "mine.png"]


@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_a_report_of_somebody_else_is_not_overwritten(small: Path, name: str):
    report_claims(small / "experiments")
    report_claims(small / "experiments")
    (small / "experiments" / name).write_text("mine")
    with pytest.raises(ConfigError, match=rf"{name}.*Move it away"):
        report_claims(small / "experiments")
    assert (small / "experiments" / name).read_text() == "mine"


def test_a_folder_of_claims_is_reported_by_itself(small: Path, capsys: pytest.CaptureFixture[str]):
    folder = str(small / "experiments")
    for arguments in ([folder, "csv=a.csv"], [folder, "html=-"], [folder, folder], [str(small), folder]):
        assert run_command(report, arguments) == 2
        assert "a folder of claims is reported by itself" in capsys.readouterr().err
    assert not (small / "experiments" / "report.md").exists()


def test_a_folder_with_neither_claims_nor_runs_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run_command(report, [str(tmp_path)]) == 1
    assert "no runs and no claims. Train first" in capsys.readouterr().err


def test_what_cannot_be_read_or_written_is_named(small: Path, capsys: pytest.CaptureFixture[str]):
    folder = small / "experiments"
    (folder / "report.md").mkdir()
    assert run_command(report, [str(folder)]) == 1
    assert "report.md: cannot be written" in capsys.readouterr().err
    (folder / "accuracy" / "results.csv").write_text("a,b\n1,2\n")
    assert run_command(report, [str(folder)]) == 1
    assert "results.csv: found no column scale" in capsys.readouterr().err
    (folder / "accuracy" / "claim.yaml").write_text("titel: x\n")
    assert run_command(report, [str(folder)]) == 2
