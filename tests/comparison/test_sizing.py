"""Which plan fits a time: never a longer one, and a larger one where there is more."""

from __future__ import annotations

import dataclasses

import pytest

from gru_bench.comparison.plan import Plan, make_plan, read_plan
from gru_bench.comparison.probe import Probe
from gru_bench.comparison.request import Request, read_arms
from gru_bench.comparison.sizing import estimated_seconds, makespan, runs_at_once, sizes
from gru_bench.errors import ConfigError, UserError

PROBE = Probe(
    start=2.0,
    compilation=6.0,
    update=0.01,
    evaluation=0.5,
    test=1.0,
    full_updates=2000,
    updates_per_epoch=100,
    metric="mse",
    direction="min",
    perfect=0.0,
    unit="scaled values",
    selects="mse",
    selects_direction="min",
    baselines={"last value": 2.0, "linear": 0.5},
    parameters={"recurrent": 100, "total": 200},
    state_size=8,
    flops_per_update=3e6,
    step_bytes=None,
    latency=None,
    device="cpu",
)
PROGRAMS = tuple(index % 5 for index in range(20))


def _request(minutes: float = 30.0, **changes: object) -> Request:
    request = Request(
        arms=read_arms("gru,lstm"),
        minutes=minutes,
        trials=None,
        seeds=None,
        margin=None,
        match="hidden_size",
        size="fixed",
        settings={},
    )
    return dataclasses.replace(request, **changes)


def _plan(minutes: float = 30.0, probe: Probe = PROBE, other: Probe = PROBE, **changes: object) -> Plan:
    request = _request(minutes, **changes)
    facts = {"minutes": request.minutes}
    programs = {"gru": PROGRAMS, "lstm": PROGRAMS}
    probes = {"gru": probe, "lstm": other}
    return make_plan(request, facts, probes, {"gru": (), "lstm": ()}, programs, 2, 60 * minutes - 20)


def test_more_time_is_a_larger_plan_and_none_is_longer_than_its_time():
    plans = [_plan(minutes) for minutes in (5.0, 10.0, 30.0, 120.0)]
    for plan, minutes in zip(plans, (5, 10, 30, 120), strict=True):
        assert plan.minutes <= minutes
    work = [plan.size.updates * (plan.size.trials + plan.size.seeds) for plan in plans]
    assert work == sorted(work)
    assert work[0] < work[1] < work[2]
    assert plans[-1].size.updates == 2000
    assert plans[1].minutes > 6


def test_what_is_given_is_kept():
    plan = _plan(30.0, trials=7, seeds=5)
    assert (plan.size.trials, plan.size.seeds) == (7, 5)
    assert plan.looks == (4, 5)
    given = _plan(60.0, settings={"training.updates": "2000"})
    assert given.size.updates == 2000


def test_too_little_time_is_said_with_what_it_takes():
    with pytest.raises(UserError, match=r"minutes: found 0.5, and the smallest plan of these runs takes \d+"):
        _plan(0.5)
    with pytest.raises(UserError, match=r"takes \d+. Give minutes=\d+ or more"):
        _plan(5.0, trials=20, seeds=20, settings={"training.updates": "2000"})


def test_the_margin_is_a_share_of_what_the_best_baseline_leaves():
    plan = _plan()
    assert plan.margin == pytest.approx(0.02 * 0.5)
    assert plan.baseline == ("linear", 0.5)
    assert "2% of the way from the best free baseline, linear, to 0" in plan.reason
    perfect = _plan(probe=dataclasses.replace(PROBE, baselines={"last value": 2.0, "linear": 0.0}))
    assert perfect.margin == pytest.approx(0.02 * 2.0)
    assert "best free baseline that is not perfect, last value" in perfect.reason
    assert _plan(margin=0.3).margin == 0.3
    with pytest.raises(ConfigError, match="margin: found nothing"):
        _plan(probe=dataclasses.replace(PROBE, baselines={}))


def test_equal_compute_is_more_updates_of_the_cheaper_cell():
    plan = _plan(match="compute", other=dataclasses.replace(PROBE, flops_per_update=4e6))
    assert plan.updates["lstm"] == pytest.approx(0.75 * plan.updates["gru"], abs=1)


def test_a_plan_is_read_as_it_was_written(tmp_path):
    plan = _plan()
    plan.write(tmp_path)
    assert read_plan(tmp_path, plan.facts) == plan
    assert read_plan(tmp_path / "absent", plan.facts) is None
    with pytest.raises(ConfigError, match=r"minutes: 30"):
        read_plan(tmp_path, {"minutes": 5})


def test_a_program_is_compiled_once():
    size = next(sizes(_request(trials=4, seeds=3), PROBE))
    once = {"gru": (0, 0, 0, 0)}

    def seconds(compilation: float) -> float:
        probe = dataclasses.replace(PROBE, compilation=compilation)
        return estimated_seconds(size, _request(trials=4, seeds=3), {"gru": probe}, once, 1)

    # one program of four trials, one of three pairs
    assert seconds(6.0) - seconds(0.0) == pytest.approx(2 * 6.0)
    two = PROBE.seconds(1, 10, 1, tested=True, compiled=False) - PROBE.seconds(1, 10, 1, tested=True, compiled=True)
    assert two == PROBE.compilation


def test_sessions_share_the_workers():
    assert runs_at_once(8, 2) == 4
    assert runs_at_once(100, 2) == 10
    assert runs_at_once(1, 16) == 1
    assert makespan([3.0, 3.0, 2.0, 2.0], 2) == 5.0
    assert makespan([], 2) == 0.0


def test_lengths_fall_from_size_to_size():
    found = [size.updates for size in sizes(_request(trials=4, seeds=4), PROBE)]
    assert found == sorted(found, reverse=True)
