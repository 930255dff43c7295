from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from gru_bench.claims.analysis import Outcome, analyse
from gru_bench.claims.claim import Claim
from gru_bench.claims.finding import Answer, Finding
from gru_bench.claims.headline import headline
from gru_bench.claims.reading import read_claim
from gru_bench.claims.rows import Row
from tests.claims.experiments import ARMS, claim_values, make_row, write_claim

FIVE = (-0.3, -0.4, -0.5, -0.35, -0.45)  # mean -0.4, standard error 0.03536; Student's t(4) at 2.5 % is 2.776
BETTER: dict[str, Any] = {"margins": {}}


@pytest.fixture
def made(tmp_path: Path):
    """Return a function that makes a claim of one comparison, `changes` of it and of its part."""

    def make(part: Mapping[str, Any] | None = None, **changes: Any) -> Claim:
        values = claim_values(arms={**ARMS, "rnn": {"title": "RNN", "run": ["model=rnn"]}})
        values["parts"]["runs"] |= {"numbers": ["test", "valid", "updates", "target", "seconds"], **(part or {})}
        known = {"settings": ["reber"], **changes}
        values["comparisons"] = [{**values["comparisons"][0], "margins": {"reber": 0.01}, **known}]
        write_claim(tmp_path, "made", values)
        return read_claim(tmp_path, "made")

    return make


def paired(differences: Sequence[float], **changes: Any) -> list[Row]:
    """Return rows whose `test` is 1 + seed of lstm, and that plus a difference of gru."""
    return [
        make_row(arm, seed, {"test": 1.0 + seed + (difference if arm == "gru" else 0.0)}, **changes)
        for seed, difference in enumerate(differences)
        for arm in ("gru", "lstm")
    ]


def only(outcome: Outcome) -> Finding:
    (finding,) = outcome.findings
    return finding


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ({}, "GRU better"),
        ({"better": "more"}, "LSTM better"),
        ({"margins": {"reber": 0.4}}, "GRU better"),  # t = 0 to the margin
        ({"margins": {"reber": 0.49}}, "GRU better"),  # t = 2.546 to the margin
        ({"margins": {"reber": 0.5}}, "no sensitivity control"),  # t = 2.828
    ],
)
def test_answers_by_hand(made, rule: dict[str, Any], answer: str):
    finding = only(analyse(made(**{**BETTER, **rule}), paired(FIVE)))
    assert finding.answer == answer
    better = -0.4 if rule.get("better") == "more" else 0.4
    assert finding.effect is not None
    assert finding.effect.value == pytest.approx(better)  # above zero the first arm is better
    assert (finding.pairs, finding.missing, finding.exact) == (5, 0, False)
    assert (finding.first, finding.second) == (pytest.approx(2.6), pytest.approx(3.0))
    assert finding.oriented[0] == pytest.approx(0.75 * better)


def test_effect_probability_and_size_are_those_of_the_pairs(made):
    finding = only(analyse(made(**BETTER), paired(FIVE)))
    assert finding.effect is not None
    assert finding.probability is not None
    assert 0.3 <= finding.effect.low < 0.4 < finding.effect.high <= 0.5
    assert finding.probability.value == 1.0
    assert finding.probability.low == pytest.approx(0.5655, abs=1e-4)  # Wilson's, five of five
    assert finding.size == pytest.approx(0.4 / 0.0790569 * 0.797885, rel=1e-5)


WEAK = (-0.05, -0.45, -0.1, -0.3, -0.2)  # t = 3.09: p = 0.018, one-sided


def test_holm_counts_all_cases_of_a_claim(made):
    claim = made(**BETTER, settings=["reber", "grammar"], better="less")
    one = analyse(claim, paired(WEAK))
    assert [finding.kind for finding in one.findings] == [Answer.FIRST, Answer.NO_DATA]
    two = analyse(claim, [*paired(WEAK), *paired(WEAK, setting="grammar")])
    assert dict(two.answers) == {Answer.OPEN: 2}  # p = 0.018 becomes 0.037
    strong = analyse(claim, [*paired(WEAK), *paired(FIVE, setting="grammar")])
    assert dict(strong.answers) == {Answer.FIRST: 2}


def test_ratios_are_geometric_and_tested_on_logs(made):
    claim = made(
        scale="ratio", margins={}, factor=1.5, says="{low:.2f} to {high:.2f} times; {factor:g} in {reached} of {cases}"
    )
    factors = (0.5, 0.52, 0.48, 0.5, 0.51)
    rows = [
        make_row(arm, seed, {"test": (1 + seed) * (factor if arm == "gru" else 1.0)})
        for seed, factor in enumerate(factors)
        for arm in ("gru", "lstm")
    ]
    outcome = analyse(claim, rows)
    finding = only(outcome)
    assert finding.effect is not None
    assert finding.effect.value == pytest.approx(
        1 / math.prod(factors) ** 0.2
    )  # how many times better the first arm is
    assert finding.second == pytest.approx(120**0.2)
    assert finding.oriented[1] == pytest.approx(-math.log(0.52))
    assert finding.answer == "GRU better"
    assert headline(outcome) == "1.99 times; 1.5 in 1 of 1"
    zero = analyse(claim, [*rows, make_row("gru", 5, {"test": 0.0}), make_row("lstm", 5, {"test": 1.0})])
    assert only(zero).effect is None
    assert headline(zero) == "not run"


@pytest.mark.parametrize(
    ("control", "best", "answer"),
    [
        (0.2, 2, "no difference that matters"),  # worse than the full arm by twice the margin
        (0.09, 2, "not sensitive"),  # surely worse, but by less than the margin
        (-0.2, 2, "not sensitive"),
        (0.2, 3, "no difference that matters"),
    ],
)
def test_no_difference_needs_a_control_that_is_told_apart(made, control: float, best: int, answer: str):
    part = {"numbers": ["test", "best_update", "updates"]}
    claim = made(part, margins={"reber": 0.1}, controls={"rnn": "lstm"})
    rows = [
        make_row(arm, seed, {"test": 1.0 + seed + away + spread * seed, "best_update": best, "updates": 3.0})
        for arm, away, spread in (("gru", 0.0, 0.001), ("lstm", 0.0, 0.0), ("rnn", control, 0.002))
        for seed in range(5)
    ]
    finding = only(analyse(claim, rows))
    assert finding.answer == answer
    assert finding.improving == (("gru", "lstm") if best == 3 else ())


def test_a_better_arm_needs_no_control(made):
    assert only(analyse(made(**BETTER), paired(FIVE))).kind is Answer.FIRST
    claim = made(**BETTER, controls={"rnn": "lstm"})
    level = [make_row("rnn", seed, {"test": 1.0 + seed}) for seed in range(5)]
    assert (
        only(analyse(claim, [*paired(FIVE), *level])).kind is Answer.INSENSITIVE
    )  # one that fails withholds it, though


def test_retained_is_the_share_of_the_clean_skill(made):
    part = {"levels": {"key": "data.input_noise", "title": "noise", "small": [0.0, 0.1, 0.4]}}
    rule: dict[str, Any] = {"estimate": "retained", "clean": 0.0, "floors": {"reber": 2.0}, "margins": {"reber": 0.05}}
    rows = [
        make_row(arm, seed, {"test": value + 0.01 * seed}, level=level)
        for arm, values in (("gru", (1.0, 1.2, 1.99)), ("lstm", (0.5, 1.0, 1.8)))
        for level, value in zip(("0", "0.1", "0.4"), values, strict=True)
        for seed in range(3)
    ]
    levels = (("0", 1.65), ("0.1", 1.65))
    small, large = analyse(made(part, **rule), rows).findings
    shares = [(1 - 0.2 - 0.01 * s) / (1 - 0.01 * s) - (1.5 - 0.5 - 0.01 * s) / (1.5 - 0.01 * s) for s in range(3)]
    assert small.level == "0.1"
    assert small.oriented == pytest.approx(shares)  # the GRU keeps more of a smaller skill
    assert small.kind is Answer.FIRST
    assert (large.level, large.kind) == ("0.4", Answer.FLOOR)
    control = [make_row("rnn", seed, {"test": value}, level=level) for seed in range(3) for level, value in levels]
    small, _ = analyse(made(part, **rule, controls={"rnn": "lstm"}), [*rows, *control]).findings
    assert small.told_apart == {"rnn": True}  # all of its own little skill, and a third of what the LSTM keeps


@pytest.mark.parametrize(
    ("caveat", "answer"),
    [
        ({}, "withdrawn"),
        ({"settings": ["reber"]}, "withdrawn"),
        ({"comparisons": ["equal size"]}, "withdrawn"),
        ({"settings": ["grammar"]}, "GRU better"),
        ({"withdraws": False}, "GRU better"),
    ],
)
def test_a_caveat_withdraws_the_verdict_and_keeps_the_numbers(
    made, tmp_path: Path, caveat: dict[str, Any], answer: str
):
    made(margins={})
    path = tmp_path / "made" / "claim.yaml"
    path.write_text(path.read_text() + yaml.safe_dump({"caveats": [{"text": "undertrained", **caveat}]}))
    finding = only(analyse(read_claim(tmp_path, "made"), paired(FIVE)))
    assert finding.answer == answer
    assert finding.verdict == "first better"
    assert finding.effect is not None
    assert finding.effect.value == pytest.approx(0.4)


def test_the_headline_names_settings_by_their_answer(made, tmp_path: Path):
    made(settings=["reber", "grammar"], margins={}, unit="points")
    path = tmp_path / "made" / "claim.yaml"
    rows = [*paired(FIVE), *paired(FIVE, setting="grammar")]
    outcome = analyse(read_claim(tmp_path, "made"), rows)
    assert (
        headline(outcome)
        == "GRU better on embedded Reber grammar (+0.40 points), LSTM better on sentiment grammar (−0.40 points)"
    )
    path.write_text(path.read_text() + yaml.safe_dump({"caveats": [{"text": "a floor", "settings": ["reber"]}]}))
    outcome = analyse(read_claim(tmp_path, "made"), rows)
    assert headline(outcome) == "LSTM better on sentiment grammar (−0.40 points), withdrawn on embedded Reber grammar"


@pytest.mark.parametrize(("margin", "kind"), [(1.3, Answer.FIRST), (1.34, Answer.SAME)])
def test_counted_numbers_are_exact(made, margin: float, kind: Answer):
    part = {"measure": "parameters", "numbers": ["test"]}
    claim = made(part, scale="ratio", margins={}, margin=margin)
    finding = only(analyse(claim, [make_row("gru", 0, {"test": 3000.0}), make_row("lstm", 0, {"test": 4000.0})]))
    assert finding.kind is kind  # and no control is asked for where nothing is trained
    assert finding.exact
    assert finding.effect is not None
    assert finding.effect.low == finding.effect.high == finding.effect.value == pytest.approx(4 / 3)
    assert finding.probability is None


def test_one_pair_proves_nothing(made):
    finding = only(analyse(made(**BETTER), paired([-0.5])))
    assert finding.kind is Answer.OPEN
    assert finding.effect is not None
    assert math.isnan(finding.effect.low)


def test_restricted_times_take_what_never_arrived_as_the_limit(made):
    claim = made(**BETTER, number="target", estimate="restricted", better="less", unit="updates")
    times = {"gru": (100.0, 200.0, None), "lstm": (300.0, None, None)}
    updates = {"gru": (400.0, 350.0, 400.0), "lstm": (400.0, 400.0, 400.0)}
    rows = [
        make_row(arm, seed, {"test": 0.1, "target": times[arm][seed], "updates": updates[arm][seed]})
        for arm in times
        for seed in range(3)
    ]
    finding = only(analyse(claim, rows))
    assert finding.oriented == (200.0, 150.0, 0.0)  # the limit is 350, as one run had no more
    assert (finding.pairs, finding.missing) == (3, 0)


def times_to_target(times: Mapping[str, Sequence[float | None]], diverged: Sequence[tuple[str, int]]) -> list[Row]:
    """Return rows of runs of 400 updates with their time to the target; those of `diverged` have no numbers."""
    return [
        make_row(arm, seed, None if (arm, seed) in diverged else {"target": time, "updates": 400.0})
        for arm, of_arm in times.items()
        for seed, time in enumerate(of_arm)
    ]


@pytest.mark.parametrize("scale", ["difference", "ratio"])
def test_diverged_runs_count_as_never_having_reached_the_target(made, scale: str):
    claim = made(**BETTER, number="target", estimate="restricted", better="less", scale=scale, unit="updates")
    times = {"gru": (100.0, 110.0, 90.0, 0.0, 0.0), "lstm": (300.0, 310.0, 290.0, 300.0, None)}
    finding = only(analyse(claim, times_to_target(times, [("gru", 3), ("gru", 4)])))
    pairs = [(300, 100), (310, 110), (290, 90), (300, 400), (400, 400)]  # lstm and gru; the limit is 400
    expected = [math.log(lstm / gru) if scale == "ratio" else lstm - gru for lstm, gru in pairs]
    assert finding.oriented == pytest.approx(expected)
    assert (finding.pairs, finding.missing) == (5, 2)
    assert finding.kind is Answer.OPEN
    kept = only(analyse(claim, times_to_target({arm: of_arm[:3] for arm, of_arm in times.items()}, [])))
    assert kept.kind is Answer.FIRST  # as if the diverged runs had not been


def test_an_arm_that_always_diverged_never_reaches_the_target(made):
    claim = made(**BETTER, number="target", estimate="restricted", better="less", unit="updates")
    times = {"gru": (100.0, 150.0), "lstm": (0.0, 0.0)}
    finding = only(analyse(claim, times_to_target(times, [("lstm", 0), ("lstm", 1)])))
    assert finding.oriented == (300.0, 250.0)
    nothing = only(analyse(claim, times_to_target(times, [(arm, seed) for arm in times for seed in range(2)])))
    assert (nothing.pairs, nothing.effect, nothing.missing) == (0, None, 4)


def test_times_cost_the_median_of_another_column(made):
    claim = made(**BETTER, number="updates", cost=["runs", "seconds"], better="less", unit="s")
    rows = [
        make_row(arm, seed, {"updates": updates + seed, "seconds": seconds[seed]})
        for arm, updates, seconds in (("gru", 10.0, (2.0, 3.0, 9.0)), ("lstm", 20.0, (4.0, 4.0, 4.0)))
        for seed in range(3)
    ]
    finding = only(analyse(claim, rows))
    assert finding.oriented == tuple(4.0 * (20 + seed) - 3.0 * (10 + seed) for seed in range(3))


def lengths(values: Mapping[int, Sequence[float]], arm: str) -> list[Row]:
    """Return rows of an arm: by seed, `test` at levels 10, 20 and 40."""
    return [
        make_row(arm, seed, {"test": value}, level=str(level))
        for seed, tests in values.items()
        for level, value in zip((10, 20, 40), tests, strict=True)
    ]


LEVELS = {"levels": {"key": "data.length", "title": "T", "small": [10, 20, 40]}}


def test_longest_is_the_greatest_level_that_is_solved(made):
    claim = made(LEVELS, **BETTER, estimate="longest", solved=0.5, scale="ratio", better="less")
    lstm = lengths({0: (0.1, 0.5, 0.9), 1: (0.6, 0.6, 0.6), 2: (0.9, 0.9, 0.1), 3: (0.1, 0.1, 0.1)}, "lstm")
    gru = lengths({0: (0.1, 0.9, 0.9), 1: (0.6, 0.6, 0.6), 2: (0.1, 0.9, 0.9)}, "gru")
    finding = only(analyse(claim, [*lstm, *gru]))  # seeds 0 to 2: 10, 5, 10 against 20, 5, 40
    assert finding.oriented == pytest.approx((-math.log(2), 0.0, -math.log(4)))  # longer is better, whatever solves


def test_a_diverged_run_solves_nothing(made):
    claim = made(LEVELS, **BETTER, estimate="longest", solved=0.5, scale="ratio", better="less")
    lstm = lengths({0: (0.1, 0.1, 0.1), 1: (0.1, 0.1, 0.1), 2: (0.1, 0.1, 0.1)}, "lstm")
    gru = lengths({0: (0.1, 0.1, 0.1), 1: (0.1, 0.1, 0.1)}, "gru")
    lost = [make_row("gru", 1, level="40"), *(make_row("gru", 2, level=level) for level in ("10", "20", "40"))]
    kept = [row for row in gru if (row.key.seed, row.key.level) != (1, "40")]
    finding = only(analyse(claim, [*lstm, *kept, *lost]))  # 40, 20 and 5 against 40
    assert finding.oriented == pytest.approx((0.0, -math.log(2), -math.log(8)))
    assert finding.missing == 4
    unknown = make_row("gru", 2, {"test": None}, level="40")
    assert only(analyse(claim, [*lstm, *kept, *lost[:-1], unknown])).pairs == 2  # finished, but its number is not known


@pytest.mark.parametrize(("better", "shares"), [("less", (1.0, 0.0, 1.0, -1.0)), ("more", (-1.0, 0.0, 0.0, 0.0))])
def test_trials_near_the_best_are_paired_by_trial(made, better: str, shares: tuple[float, ...]):
    search = {"trials": {"small": 4}, "extensions": 1}
    claim = made(search, **BETTER, number="valid", estimate="near_best", within=0.1, better=better)
    # the last two are of an extended range and do not count
    valid = {"gru": (1.0, 1.2, 1.1, None, 1.0, 1.0), "lstm": (1.2, 1.2, 1.13, 1.0, 1.2, 1.2)}
    rows = [
        make_row(arm, 1000, None if value is None else {"valid": value}, level=str(trial))
        for arm, values in valid.items()
        for trial, value in enumerate(values)
    ]
    finding = only(analyse(claim, rows))
    assert finding.oriented == shares  # gru less: 1 0 1 0, more: 0 1 1 0; lstm less: 0 0 0 1, more: 1 1 1 0
    assert finding.pairs == 4


def test_slope_is_by_least_squares_seed_by_seed(made):
    claim = made(LEVELS, **BETTER, estimate="slope", better="less")
    gru = lengths({0: (11.0, 21.0, 41.0), 1: (10.0, 20.0, 40.0)}, "gru")  # slopes 1 and 1
    lstm = lengths({0: (20.0, 40.0, 80.0), 1: (30.0, 60.0, 120.0)}, "lstm")  # slopes 2 and 3
    assert only(analyse(claim, [*gru, *lstm])).oriented == pytest.approx((1.0, 2.0))
    incomplete = [row for row in gru if (row.key.seed, row.key.level) != (0, "40")]
    assert only(analyse(claim, [*incomplete, make_row("gru", 0, None, level="40"), *lstm])).pairs == 1


def test_each_level_is_a_finding_in_order_or_the_one_that_counts(made):
    rows = [
        *lengths({0: (3.0, 2.0, 1.0), 1: (3.0, 2.0, 1.0)}, "gru"),
        *lengths({0: (4.0, 4.0, 4.0), 1: (4.0, 4.0, 4.0)}, "lstm"),
    ]
    found = analyse(made(LEVELS, **BETTER), rows[::-1]).findings
    assert [(finding.level, finding.factor) for finding in found] == [("10", "T"), ("20", "T"), ("40", "T")]
    assert [finding.first for finding in found] == [3.0, 2.0, 1.0]
    assert only(analyse(made(LEVELS, **BETTER, level=20), rows)).first == 2.0


def test_several_arms_are_averaged_seed_by_seed(made):
    claim = made(**BETTER, first=["gru", "lstm"], second="lstm")
    assert only(analyse(claim, paired(FIVE))).oriented == pytest.approx(tuple(-value / 2 for value in FIVE))


def test_arms_that_are_matched_by_parameters_say_how_many_they_have(tmp_path: Path):
    values = claim_values(arms={**ARMS, "same": {"run": ["model=gru"], "parameters_of": "lstm"}})
    values["parts"]["runs"]["numbers"] = ["test", "parameters_recurrent"]
    values["comparisons"] += [{**values["comparisons"][0], "name": "equal parameters", "first": "same"}]
    write_claim(tmp_path, "made", values)
    sizes = {"gru": 300.0, "lstm": 400.0, "same": 395.0}
    rows = [
        make_row(arm, seed, {"test": seed + size, "parameters_recurrent": size})
        for arm, size in sizes.items()
        for seed in range(2)
    ]
    found = analyse(read_claim(tmp_path, "made"), rows).findings
    assert [finding.parameters for finding in found if finding.setting == "reber"] == [(), (395.0, 400.0)]
    assert {finding.parameters for finding in found if finding.setting != "reber"} == {()}


def test_diverged_runs_are_missing_pairs(made):
    rows = [row for row in paired(FIVE) if row.key[3:] != ("gru", "", 4)]
    finding = only(analyse(made(**BETTER), [*rows, make_row("gru", 4)]))
    assert (finding.pairs, finding.missing) == (4, 1)


def test_rows_of_old_settings_are_not_mixed_in(made):
    old = paired([5.0] * 8, config_hash="old", ended="2026-11-01 00:00:00")
    finding = only(analyse(made(**BETTER), [*old, *paired(FIVE)]))
    assert finding.pairs == 5
    assert finding.effect is not None
    assert finding.effect.value == pytest.approx(0.4)


def test_small_goes_before_smoke_and_published_gives_no_verdict(made):
    claim = made(**BETTER)
    smoke = paired([1.0, 1.1], scale="smoke")
    assert analyse(claim, smoke).scale == "smoke"
    assert analyse(claim, [*smoke, *paired(FIVE)]).scale == "small"
    published = analyse(claim, paired(FIVE, scale="published"))
    assert (published.scale, headline(published)) == (None, "not run")
    assert headline(analyse(claim, [])) == "not run"


def test_what_does_not_decide_comes_last_and_is_not_counted(tmp_path: Path):
    values = claim_values()
    rule = {**values["comparisons"][0], "settings": ["reber"], "margins": {}}
    values["comparisons"] = [{**rule, "name": "beside", "verdict": False}, rule]
    write_claim(tmp_path, "made", values)
    outcome = analyse(read_claim(tmp_path, "made"), paired(FIVE))
    assert [finding.comparison.name for finding in outcome.findings] == ["equal size", "beside"]
    assert dict(outcome.answers) == {Answer.FIRST: 1}


def test_published_values_stand_beside_runs_at_published_sizes(tmp_path: Path):
    values = claim_values(
        published=[{"part": "runs", "setting": "grammar", "arm": "gru", "value": 0.9, "source": "a paper"}]
    )
    write_claim(tmp_path, "made", values)
    claim = read_claim(tmp_path, "made")
    rows = [make_row("gru", 0, {"test": 0.8}, setting="grammar", scale=scale) for scale in ("small", "published")]
    (beside,) = analyse(claim, [*rows, make_row("lstm", 0, {"test": 0.1}, setting="grammar", scale="published")]).beside
    assert beside.ours == (0.8,)
    assert (beside.published.value, beside.unit) == (0.9, "accuracy")


def test_a_conjunction_holds_where_all_of_it_does(tmp_path: Path):
    values = claim_values(conjunction=True)
    rule = {**values["comparisons"][0], "margins": {"reber": 0.01, "grammar": 0.01}, "better": "less"}
    values["comparisons"] = [{**rule, "name": "test"}, {**rule, "name": "valid", "number": "valid", "no_worse": True}]
    write_claim(tmp_path, "made", values)
    rows = [
        make_row(arm, seed, {"test": 1 + seed - gain * better, "valid": 1 + seed - worse * better}, setting=setting)
        for setting, worse in (("reber", 0.1), ("grammar", -0.1))
        for arm, better in (("gru", 1), ("lstm", 0))
        for seed, gain in enumerate((0.3, 0.4, 0.5))
    ]
    said = headline(analyse(read_claim(tmp_path, "made"), rows))
    assert said.endswith("; all at once: embedded Reber grammar (of embedded Reber grammar, sentiment grammar)")
