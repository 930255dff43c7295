from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gru_bench.claims.reading import claims_in, experiments_folder, read_claim
from gru_bench.claims.rows import Key, Row
from gru_bench.errors import ConfigError
from gru_bench.reproduction.plan import Job, Planner, missing
from gru_bench.reproduction.sessions import sessions
from gru_bench.reproduction.trials import OUTER
from tests.reproduction.folder import BROKEN, CLAIM, SETTINGS, TUNING, write_experiments


def row_of(job: Job, **numbers: float) -> Row:
    return Row(
        key=job.key,
        config_hash=job.hash,
        overrides=" ".join(job.overrides),
        code_version="1",
        device="cpu",
        at_once=1,
        other_load=None,
        seconds=1.0,
        ended="2026-01-01T00:00:00+00:00",
        numbers=numbers,
    )


def _planner(folder: Path, rows: list[Row]) -> Planner:
    return Planner(
        scale="smoke",
        common=("tracker=none",),
        tuning=(read_claim(folder, "tuning"), rows),
    )


def jobs_of(folder: Path, rows: list[Row], name: str) -> list[Job]:
    jobs, refused = _planner(folder, rows).jobs(read_claim(folder, name))
    assert not refused
    return jobs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_experiments(tmp_path / "experiments")


def test_all_cells_search_the_same_points(folder: Path):
    jobs = jobs_of(folder, [], "tuning")
    rates = {arm: [job.config.optimizer.learning_rate for job in jobs if job.key.arm == arm] for arm in ("gru", "lstm")}
    assert rates["gru"] == rates["lstm"]
    assert len(set(rates["gru"])) == 3
    assert {job.config.seed for job in jobs} == {1000}


def test_only_the_settings_that_are_named_are_planned(tmp_path: Path):
    folder = write_experiments(tmp_path / "two", tuning=TUNING.replace("[reber]", "[reber, again]"))
    (folder / "settings.yaml").write_text(SETTINGS + SETTINGS.replace("reber:", "again:"), encoding="utf-8")
    claim, planner = read_claim(folder, "tuning"), _planner(folder, [])
    of_all, _ = planner.jobs(claim)
    assert {job.key.setting for job in of_all} == {"reber", "again"}
    of_one, _ = dataclasses.replace(planner, settings=frozenset({"again"})).jobs(claim)
    assert of_one == [job for job in of_all if job.key.setting == "again"]


def test_arms_take_over_the_trial_that_validation_chose(folder: Path):
    trials = jobs_of(folder, [], "tuning")
    rows = [row_of(job, valid=abs(int(job.key.level) - 1.0)) for job in trials]
    jobs = jobs_of(folder, rows, "accuracy")
    chosen = {job.key.arm: job.config.optimizer.learning_rate for job in jobs if job.key.part == "runs"}
    (best,) = {job.config.optimizer.learning_rate for job in trials if job.key.level == "1"}
    assert set(chosen.values()) == {best}


def test_half_of_an_arm_has_half_of_its_units(tmp_path: Path):
    claim = CLAIM.replace(
        "  gru_parameters:", "  gru_half: {run: [model=gru], tuned: gru, half_of: gru}\n  gru_parameters:"
    )
    folder = write_experiments(tmp_path / "half", accuracy=claim)
    rows = [row_of(job, valid=1.0) for job in jobs_of(folder, [], "tuning")]
    sizes = {job.key.arm: job.config.model.hidden_size for job in jobs_of(folder, rows, "accuracy")}
    assert (sizes["gru"], sizes["gru_half"]) == (20, 10)


@pytest.mark.parametrize(("units", "budget"), [(20, 3280), (4, 170)])
def test_an_arm_gets_the_parameters_of_another_one_or_the_closest_number_that_it_can_have(
    tmp_path: Path, units: int, budget: int
):
    folder = write_experiments(tmp_path / "experiments")
    settings = SETTINGS.replace("model.hidden_size=20", f"model.hidden_size={units}")
    (folder / "settings.yaml").write_text(settings, encoding="utf-8")
    rows = [row_of(job, valid=1.0) for job in jobs_of(folder, [], "tuning")]
    # embeddings are as wide as the state: an LSTM of 20 has 3,280, a GRU of 23 3,266; of 4 it has 144, a GRU of 5 170
    budgets = {
        job.config.model.parameter_budget
        for job in jobs_of(folder, rows, "accuracy")
        if job.key.arm == "gru_parameters"
    }
    assert budgets == {budget}


def test_without_a_trial_it_says_what_to_run_and_plans_the_rest(folder: Path):
    jobs, refused = _planner(folder, []).jobs(read_claim(folder, "accuracy"))
    assert jobs == []
    assert refused
    assert all("claim=tuning scale=smoke" in line for line in refused)
    assert any(
        line.startswith("accuracy, runs reber gru, gru_parameters, gru_compute: 3 of 3 trials of") for line in refused
    )


def test_what_has_a_row_of_its_present_settings_is_not_missing(folder: Path):
    jobs = jobs_of(folder, [], "tuning")
    rows = [row_of(job, valid=1.0) for job in jobs]
    assert missing(jobs, rows) == []
    assert missing(jobs, rows[1:]) == jobs[:1]
    stale = dataclasses.replace(rows[0], config_hash="00000000")
    assert missing(jobs, [stale, *rows[1:]]) == jobs[:1]


def test_trials_of_a_cell_are_trained_together(folder: Path):
    same = {"model.output_dropout": 0.1}
    jobs = [dataclasses.replace(job, config=job.config.with_values(same)) for job in jobs_of(folder, [], "tuning")]
    groups = list(sessions(jobs, at_once=10))
    assert [{job.key.arm for job in group} for group in groups] == [{"gru"}, {"lstm"}]
    assert [len(group) for group in sessions(jobs, at_once=2)] == [2, 1, 2, 1]


def test_trials_of_an_earlier_space_are_not_taken_over(folder: Path):
    rows = [row_of(job, valid=1.0) for job in jobs_of(folder, [], "tuning")]
    earlier = [dataclasses.replace(row, config_hash="00000000", numbers={"valid": 0.1}) for row in rows[:1]]
    _, refused = _planner(folder, [*rows[1:], *earlier]).jobs(read_claim(folder, "accuracy"))
    assert any("1 of 3 trials of gru in reber were not run yet" in line for line in refused)


def _searched(folder: Path, rows: list[Row]) -> list[Job]:
    jobs, refused = _planner(folder, rows).jobs(read_claim(folder, "tuning"), rows)
    assert not refused
    return [job for job in jobs if job.key.arm == "gru"]


def _judged(jobs: list[Job], *better: Job) -> list[Row]:
    """Return a row of each trial; those that are named are each better than the one before, and than all others."""
    keys = [job.key for job in better]
    return [row_of(job, valid=-float(keys.index(job.key)) if job.key in keys else 1.0) for job in jobs]


def _rate(job: Job) -> float:
    return job.config.optimizer.learning_rate


def test_a_search_goes_on_where_its_best_trial_lies_at_the_end_of_a_range(tmp_path: Path):
    search = TUNING.replace("smoke: 3", "smoke: 12").replace("numbers:", "extensions: 2, numbers:")
    folder = write_experiments(tmp_path / "experiments", tuning=search)
    trials = _searched(folder, [])
    assert len(trials) == 12
    fast = max(trials, key=_rate)
    inside = next(job for job in trials if 5e-4 < _rate(job) < 1.8e-2 and 0 < job.config.model.output_dropout < 0.4)
    assert _rate(fast) > 3e-2 * 100**-OUTER
    assert _searched(folder, _judged(trials[1:], fast)) == trials  # one has no row yet
    assert _searched(folder, _judged(trials, inside)) == trials
    more = _searched(folder, _judged(trials, fast))
    assert more[:12] == trials
    assert [job.key.level for job in more[12:]] == [str(number) for number in range(12, 18)]
    assert max(map(_rate, more)) > 3e-2
    assert _searched(folder, _judged(more, fast)) == more  # the end of the first range is within the second one
    faster = max(more, key=_rate)
    last = _searched(folder, _judged(more, fast, faster))
    assert len(last) == 24
    rows = _judged(last, fast, faster)
    (chosen, *_) = [
        job
        for job in _planner(folder, rows).jobs(read_claim(folder, "accuracy"))[0]
        if job.key.arm == "gru" and job.key.part == "runs"
    ]
    assert _rate(chosen) == _rate(faster)


def test_a_search_is_extended_no_more_often_than_it_may(tmp_path: Path):
    search = TUNING.replace("smoke: 3", "smoke: 12").replace("numbers:", "extensions: 1, numbers:")
    folder = write_experiments(tmp_path / "experiments", tuning=search)
    trials = _searched(folder, [])
    fast = max(trials, key=_rate)
    more = _searched(folder, _judged(trials, fast))
    assert len(more) == 18
    assert all(_searched(folder, _judged(more, fast, best)) == more for best in more[12:])


def test_trials_that_all_diverged_end_a_search(tmp_path: Path):
    search = TUNING.replace("numbers:", "extensions: 2, numbers:")
    folder = write_experiments(tmp_path / "experiments", tuning=search)
    rows = [dataclasses.replace(row_of(job), status="diverged") for job in jobs_of(folder, [], "tuning")]
    assert len(_searched(folder, rows)) == 3
    _, refused = _planner(folder, rows).jobs(read_claim(folder, "accuracy"))
    assert any("all trials of gru in reber diverged" in line for line in refused)


def test_equal_runs_are_trained_once(folder: Path):
    (job, *_) = jobs_of(folder, [], "tuning")
    twin = dataclasses.replace(job, key=Key("smoke", "other", "reber", "gru", "", 1000))
    assert list(sessions([job, twin], at_once=1)) == [[job, twin]]


def test_seeds_differ_in_the_data_that_they_draw_and_arms_do_not(tmp_path: Path):
    claim = BROKEN.replace("model.hidden_size=null, model.parameter_budget=101", "model.hidden_size=8")
    claim = claim.replace("smoke: 1", "smoke: 2")
    drawn = claim.replace(
        "numbers: [test]", "drawn_by_seed: [data.seed, data.draw_seed], numbers: [test], first_seed: 3"
    )
    folder = write_experiments(tmp_path / "experiments", plain=claim, drawn=drawn)
    jobs, plain = jobs_of(folder, [], "drawn"), jobs_of(folder, [], "plain")
    assert [(job.key.arm, job.config.seed, job.config.data.options["seed"]) for job in jobs] == [
        ("gru", 3, 3),
        ("gru", 4, 4),
        ("lstm", 3, 3),
        ("lstm", 4, 4),
    ]
    assert all(job.config.data.draw_seed == job.config.seed for job in jobs)
    assert all({"data.seed=3", "data.draw_seed=3", "seed=3"} <= set(job.overrides) for job in jobs[::2])
    assert len({job.hash for job in jobs}) == 2
    assert len({job.config.hash for job in jobs}) == 4
    assert not {job.hash for job in jobs} & {job.hash for job in plain}
    assert all(job.hash == job.config.hash for job in plain)
    assert missing(jobs, [row_of(job) for job in jobs]) == []
    assert [len(group) for group in sessions(jobs, at_once=10)] == [1, 1, 1, 1]


def test_a_seed_draws_what_the_data_has(tmp_path: Path):
    wrong = BROKEN.replace("numbers: [test]", "drawn_by_seed: [data.sead], numbers: [test]")
    folder = write_experiments(tmp_path / "experiments", wrong=wrong)
    with pytest.raises(ConfigError, match=r"data\.sead: .* Did you mean 'seed'"):
        _planner(folder, []).jobs(read_claim(folder, "wrong"))
    (folder / "wrong/claim.yaml").write_text(wrong.replace("data.sead", "seed"))
    with pytest.raises(ConfigError, match=r"parts\.runs\.drawn_by_seed: found 'seed', allowed: keys of data"):
        read_claim(folder, "wrong")


@pytest.mark.parametrize("name", claims_in(experiments_folder()))
def test_the_claims_of_this_project_can_be_read(name: str):
    claim = read_claim(experiments_folder(), name)
    assert claim.statement.endswith(".")
    assert all(part.seeds.small or part.seeds.published for part in claim.parts.values())
