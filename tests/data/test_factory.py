import inspect
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gru_bench.classes import load_object, preset_places
from gru_bench.data import factory
from gru_bench.data.factory import check_data, find_cache, find_mirror, make_data
from gru_bench.errors import ConfigError
from gru_bench.sections import DataConfig, PathsConfig

PLACES = preset_places("data")
CONFIGS = Path(__file__).parents[2] / "configs" / "data"


def check(source, **options):
    check_data(DataConfig(source=source, options=options), "any", "tokens")


@pytest.mark.parametrize("name", PLACES)
def test_each_source_has_a_preset_with_its_defaults(name):
    text = (CONFIGS / f"{name}.yaml").read_text()
    assert text.startswith("# ")
    values = yaml.safe_load(text)
    values.pop("defaults", None)
    assert values.pop("source") == name
    parameters = inspect.signature(load_object(values.pop("class"))).parameters
    options = {key: value.default for key, value in parameters.items() if key not in ("mirror", "cache", "kind")}
    assert values == {key: None if value is inspect.Parameter.empty else value for key, value in options.items()}


# they need a path or a name
OWN = set(
    "text_file text_csv series_csv anomaly_csv sequences_file conll_file pairs_file speech_csv dialogue_file "
    "caption_folder tfds".split()
)


@pytest.mark.parametrize("name", sorted(set(PLACES) - OWN))
def test_presets_pass_the_check(name):
    values = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())
    options = {key: value for key, value in values.items() if key not in ("defaults", "source", "class")}
    check_data(DataConfig(source=name, options=options), "any", load_object(PLACES[name]).kinds[0])


def test_unknown_source_names_the_nearest():
    with pytest.raises(ConfigError, match=r"data: found 'pbt', allowed: .*reber .*Did you mean 'ptb'"):
        check("pbt")
    with pytest.raises(ConfigError, match="data: found 'pbt'"):
        make_data(DataConfig(source="pbt"), PathsConfig(), "tokens")


def test_data_that_does_not_serve_the_task():
    with pytest.raises(ConfigError, match=r"data: found 'ptb', .* needs texts, .*: choose task=language_modeling"):
        check_data(DataConfig(source="ptb"), "sentiment", "texts")


def test_options_are_checked_without_reading():
    with pytest.raises(ConfigError, match=r"data.sead: found 1, .*Did you mean 'seed'"):
        check("reber", sead=1)
    with pytest.raises(ConfigError, match=r"data.mirror: found"):
        check("ptb", mirror="here")
    check("text_file", path="/nowhere/at/all")


def test_checking_imports_nothing_heavy():
    code = (
        "import sys; from gru_bench.data.factory import check_data; from gru_bench.sections import DataConfig\n"
        "check_data(DataConfig(source='ptb'), 'any', 'tokens')\n"
        "print([name for name in ('tensorflow_datasets', 'requests', 'rich', 'jax') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr


def test_mirror_setting_wins_over_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("GRU_BENCH_MIRROR", "/nowhere")
    assert find_mirror(PathsConfig(mirror=str(tmp_path))) == tmp_path
    with pytest.raises(ConfigError, match=r"paths.mirror: found '/nowhere', .*variable GRU_BENCH_MIRROR"):
        find_mirror(PathsConfig())
    monkeypatch.setenv("GRU_BENCH_MIRROR", "")
    assert find_mirror(PathsConfig()) is None
    with pytest.raises(ConfigError, match=r"paths.mirror: found '/not/there', allowed: an existing folder"):
        make_data(DataConfig(source="ptb"), PathsConfig(mirror="/not/there", cache=str(tmp_path)), "tokens")


def test_cache_setting_and_default(tmp_path):
    assert find_cache(PathsConfig(cache=str(tmp_path))) == tmp_path
    assert find_cache(PathsConfig()).name == "gru_bench"


def test_without_a_home_folder_nothing_is_kept_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # a user that the system does not know
    factory._temporary_cache.cache_clear()
    with caplog.at_level(logging.WARNING):
        folder = find_cache(PathsConfig())
        assert find_cache(PathsConfig()) == folder
    assert list(folder.iterdir()) == []
    assert caplog.text.count("There is no home folder") == 1
