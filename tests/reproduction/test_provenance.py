from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from gru_bench import checkout
from gru_bench.checkout import code_version, commit
from gru_bench.errors import UserError
from gru_bench.reproduce import reproduce
from gru_bench.reproduction.plan import Job
from gru_bench.reproduction.provenance import changes, other_versions
from tests.checkouts import write_checkout
from tests.reproduction.folder import write_experiments
from tests.reproduction.test_plan import jobs_of, row_of


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout of code and claims, all of it committed."""
    write_experiments(tmp_path / "experiments")
    monkeypatch.setattr(checkout, "ROOT", write_checkout(tmp_path))
    commit.cache_clear()
    yield tmp_path
    commit.cache_clear()


@pytest.fixture
def jobs(root: Path) -> list[Job]:
    found = jobs_of(root / "experiments", [], "tuning")
    return [dataclasses.replace(job, key=job.key._replace(scale="small")) for job in found]


def test_code_and_claims_must_be_committed_and_rows_need_not(root: Path):
    for made in ("accuracy/results.csv", "accuracy/figures/effects.png", "report.md"):
        (root / "experiments" / made).parent.mkdir(exist_ok=True)
        (root / "experiments" / made).write_text("made")
    assert changes(root / "experiments") == ""
    with (root / "experiments/accuracy/claim.yaml").open("a") as file:
        file.write("# later\n")
    (root / "gru_bench/new.py").write_text("")
    said = changes(root / "experiments")
    assert "gru_bench/new.py, experiments/accuracy/claim.yaml. Commit them first" in said


def test_rows_are_refused_from_a_dirty_tree_and_a_plan_says_so(root: Path, capsys: pytest.CaptureFixture[str]):
    (root / "configs/a.yaml").write_text("a: 2\n")
    with pytest.raises(UserError, match=r"configs/a\.yaml\. Commit"):
        reproduce(claim="accuracy", scale="small", experiments=root / "experiments", out=root / "out")
    assert not (root / "out").exists()
    assert reproduce(claim="accuracy", experiments=root / "experiments", out=root / "out", plan=True) == 0
    assert "not as it is: Rows are made from a commit" in capsys.readouterr().out


def test_rows_of_a_setting_are_of_one_version(jobs: list[Job]):
    path = Path("results.csv")
    rows = [row_of(job, valid=1.0) for job in jobs]
    ours = [dataclasses.replace(row, code_version=code_version()) for row in rows]
    theirs = [dataclasses.replace(row, code_version="1.0.0 abc") for row in rows]
    assert other_versions(path, jobs, ours[:2]) == ""
    assert other_versions(path, jobs, theirs) == ""  # nothing is missing
    assert f"holds rows 2 of 1.0.0 abc, and this is {code_version()};" in other_versions(path, jobs, theirs[:2])
    assert "`git worktree add --detach ../abc abc`" in other_versions(path, jobs, theirs[:2])
    mixed = other_versions(path, jobs, [theirs[0], ours[1]])
    assert "1 of 1.0.0 abc" in mixed
    assert "worktree" not in mixed


def test_a_setting_joins_a_claim_whose_rows_are_of_another_version(jobs: list[Job]):
    added = [dataclasses.replace(job, key=job.key._replace(setting="added")) for job in jobs]
    theirs = [dataclasses.replace(row_of(job, valid=1.0), code_version="1.0.0 abc") for job in jobs]
    wanted, path = [*jobs, *added], Path("results.csv")
    assert other_versions(path, wanted, theirs) == ""
    assert "rows of a setting (reber) are of one version" in other_versions(path, wanted, theirs[:2])


def test_no_worktree_is_proposed_of_what_was_never_committed(jobs: list[Job]):
    dirty = dataclasses.replace(row_of(jobs[0]), code_version="1.0.0 abc-dirty")
    assert "Remove these rows" in other_versions(Path("results.csv"), jobs, [dirty])


def test_rows_of_other_settings_and_of_smoke_may_be_of_any_version(jobs: list[Job]):
    row = dataclasses.replace(row_of(jobs[0]), code_version="1.0.0 abc")
    assert other_versions(Path("results.csv"), jobs, [dataclasses.replace(row, config_hash="00000000")]) == ""
    smoke = [dataclasses.replace(job, key=job.key._replace(scale="smoke")) for job in jobs]
    assert other_versions(Path("results.csv"), smoke, [dataclasses.replace(row, key=smoke[0].key)]) == ""
