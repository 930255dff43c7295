from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gru_bench.claims.reading import claims_in, read_claim, read_claims
from gru_bench.errors import ConfigError, UserError
from tests.claims.experiments import claim_values, write_claim


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the values of a claim with one of them changed, by its path."""
    values = claim_values()
    *folders, last = path.split(".")
    place: Any = values
    for name in folders:
        place = place[int(name)] if name.isdigit() else place[name]
    place[last] = value
    return values


def test_a_claim_is_read_with_its_settings(tmp_path: Path):
    write_claim(tmp_path, "accuracy", claim_values())
    claim = read_claim(tmp_path, "accuracy")
    assert claim.name == "accuracy"
    assert list(claim.settings) == ["reber", "grammar"]
    assert claim.settings["reber"].at("small") == (
        "task=language_modeling",
        "data=reber",
        "training.updates=600",
    )
    assert claim.settings["reber"].at("published") is None
    assert claim.numbers == ("test", "valid", "updates")
    assert claim.arms_of(claim.parts["runs"]) == ("lstm", "gru")
    (comparison,) = claim.comparisons
    assert (comparison.first, comparison.second, comparison.margin_of("grammar")) == (("gru",), ("lstm",), 0.02)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("titel", "x", r"titel.*Did you mean 'title'"),
        ("parts.runs.settings", ["rebr"], r"rebr.*Did you mean 'reber'"),
        ("parts.runs.arms", ["grü"], r"parts\.runs\.arms: found 'grü'.*Did you mean 'gru'"),
        ("parts.runs.measure", "rum", "Did you mean 'run'"),
        ("parts.runs.levels", {"key": "x", "titel": "y"}, r"levels.*Did you mean 'title'"),
        ("parts.runs.seeds", {"small": -1}, "small"),
        ("parts", ["runs"], "a mapping"),
        ("arms.gru", "model=gru", r"arms\.gru: found 'model=gru', allowed: a mapping"),
        ("arms.gru.parameter_of", "lstm", "Did you mean 'parameters_of'"),
        ("comparisons.0.part", "rums", "Did you mean 'runs'"),
        ("comparisons.0.first", "gruu", "Did you mean 'gru'"),
        ("comparisons.0.number", "tset", "Did you mean 'test'"),
        ("comparisons.0.controls", {"rnn": "lstm"}, "controls: found 'rnn'"),
        ("comparisons.0.estimate", "retained", "the level of a part with levels that is clean"),
        ("comparisons.0.sides", ["one"], "two names"),
        ("comparisons.0.at_least", 1.5, "found 'at_least'.*which arm is better"),
        ("comparisons.0.factor", 2.0, "null where a difference is estimated"),
        ("comparisons.0.says", "{lowest} times", "numbers in braces among low"),
        ("comparisons.0.margins", {"reber": 0.01, "grammer": 1}, "Did you mean 'grammar'"),
        ("comparisons.0.scale", "ratio", "at least 1, as ratios are"),
        ("comparisons.0.estimate", "longest", "what counts as solved"),
        ("comparisons.0.estimate", "near_best", "a share of the best value, of a part with trials"),
        ("caveats", [{"text": "x", "settings": ["rebr"]}], r"caveats\[0\]\.settings: found 'rebr'"),
        ("caveats", [{"text": "x", "comparisons": ["equal"]}], r"caveats\[0\]\.comparisons: found 'equal'"),
        ("caveats", [{"settings": ["reber"]}], r"caveats\[0\]\.text"),
        ("comparisons.0.cost", ["runs"], "a part and one of its numbers"),
        ("comparisons.0.margin", -1, "margin"),
        ("published", [{"part": "runs", "setting": "grammar", "arm": "grus", "source": "x"}], "Did you mean 'gru'"),
        ("parts.runs.targets", [1], "a mapping"),
    ],
)
def test_mistakes_are_named_with_what_was_meant(tmp_path: Path, path: str, value: Any, message: str):
    write_claim(tmp_path, "made", changed(path, value))
    with pytest.raises(ConfigError, match=message):
        read_claim(tmp_path, "made")


def test_a_restricted_time_needs_the_updates(tmp_path: Path):
    values = changed("comparisons.0.estimate", "restricted")
    values["parts"]["runs"]["numbers"] = ["test"]
    write_claim(tmp_path, "made", values)
    with pytest.raises(ConfigError, match="a part whose numbers hold updates"):
        read_claim(tmp_path, "made")


def test_levels_and_trials_exclude_each_other(tmp_path: Path):
    values = changed("parts.runs.levels", {"key": "x", "title": "y", "small": [1]})
    values["parts"]["runs"]["trials"] = {"small": 3}
    write_claim(tmp_path, "made", values)
    with pytest.raises(ConfigError, match="found 'levels and trials', allowed: one of them"):
        read_claim(tmp_path, "made")


def test_claims_of_a_folder_are_found_tuning_first(tmp_path: Path):
    for name in ("speed", "tuning", "accuracy"):
        write_claim(tmp_path, name, claim_values())
    (tmp_path / "notes").mkdir()
    assert claims_in(tmp_path) == ["tuning", "accuracy", "speed"]
    assert [claim.name for claim in read_claims(tmp_path)] == ["tuning", "accuracy", "speed"]
    with pytest.raises(ConfigError, match="Did you mean 'speed'"):
        read_claim(tmp_path, "spede")


def test_files_that_cannot_be_read_are_named(tmp_path: Path):
    with pytest.raises(UserError, match=r"found no claim\.yaml in its folders"):
        read_claims(tmp_path)
    write_claim(tmp_path, "made", claim_values())
    (tmp_path / "made" / "claim.yaml").write_text("a: [")
    with pytest.raises(UserError, match=r"claim\.yaml: cannot be read"):
        read_claims(tmp_path)
    (tmp_path / "made" / "claim.yaml").write_text("- a")
    with pytest.raises(UserError, match="found list, expected a mapping"):
        read_claims(tmp_path)
    (tmp_path / "settings.yaml").unlink()
    with pytest.raises(UserError, match=r"settings\.yaml: cannot be read"):
        read_claims(tmp_path)


def test_the_claims_of_this_repository_can_be_read():
    folder = Path(__file__).parents[2] / "experiments"
    if not folder.is_dir():
        pytest.skip("no experiments beside the tests")
    assert all(claim.statement for claim in read_claims(folder))
