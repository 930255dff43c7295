"""Arguments of `train` that Hydra's grammar cannot read."""

from __future__ import annotations

import pytest

from gru_bench.compose import composed
from gru_bench.overrides import Unreadable, as_argument, readable

NAMES = (
    *("büch.txt", "/data/jörg/run", "book (1).txt", "it's.txt", 'the "new" one', "a$b", "100%.txt", "a@b", "a,b.txt"),
    *("a=b", "a;b", "[x]", "{x}", " leads", "trails ", "2024", "1e3", "true", "~x", "a#b", "a\\b", 'a\\"b', "ends\\"),
    *("日本.txt", "tab\there", "two\nlines", "a:b", "f(1).txt", "choice(a,b)", "-1", "a&b|c"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_path_may_have_any_name(name: str):
    config = composed("data=text_file", f"data.path={name}", f"run_dir=/runs/{name}", f"tracker.project={name}")
    assert config.data.options["path"] == name
    assert config.run_dir == f"/runs/{name}"
    assert config.tracker.project == name


@pytest.mark.parametrize("name", [*NAMES, "null", "'quoted'", ""])
def test_an_argument_says_the_same_to_a_sweep(name: str):
    argument = as_argument("data.path", name)
    assert readable([argument], multirun=True) == [argument]
    assert composed("data=text_file", argument) == composed("data=text_file", f"data.path={name}")


@pytest.mark.parametrize("value", ["null", "true", "1e-3", "[1,2]", "0.50", "-1"])
def test_values_that_are_no_texts_stay_what_they_are(value: str):
    assert as_argument("optimizer.clip_norm", value) == f"optimizer.clip_norm={value}"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("data.path=büch.txt,it's.txt", """data.path="büch.txt","it's.txt\""""),
        ("data.path=a.txt,b.txt", "data.path=a.txt,b.txt"),
        ("paths.runs=2024", 'paths.runs="2024"'),
        ('data.path="a,b.txt",ü.txt', 'data.path="a,b.txt","ü.txt"'),
        ("data.delimiter=;", 'data.delimiter=";"'),
        ("data.delimiter=,", 'data.delimiter=","'),
    ],
)
def test_commas_part_the_values_of_a_sweep(typed: str, read: str):
    assert readable([typed], multirun=True) == [read]


@pytest.mark.parametrize(
    "argument",
    [
        *("--multirun", "model=gru,lstm", "seed=range(0,3)", "optimizer.learning_rate=1e-3", "data.targets=[a,b]"),
        *("run_dir=null", "data.path='a b'", 'data.path="a,b"', "+data.missing=[-999]", "paths.cache=${oc.env:HOME}/x"),
        *("hydra.sweep.dir=a,b", "data.path=", "~tracker"),
    ],
)
def test_what_hydra_reads_stays_as_it_is(argument: str):
    assert readable([argument]) == [argument]


def test_what_cannot_be_read_is_one_line():
    with pytest.raises(Unreadable, match=r"run_dir=.*is not UTF-8"):
        composed("run_dir=/tmp/\udcff")
    with pytest.raises(Unreadable, match=r"""data.targets: .*as in 'data.targets=\["größe", "b c", "d"\]'"""):
        readable(["data.targets=[größe, b c, d]"])
