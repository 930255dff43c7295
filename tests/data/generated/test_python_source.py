import platform

import pytest

from gru_bench.data.factory import make_data
from gru_bench.data.generated import python_source
from gru_bench.errors import ConfigError, DataError
from gru_bench.sections import DataConfig, PathsConfig


def load(tmp_path, **options):
    return make_data(DataConfig(source="python_source", options=options), PathsConfig(cache=str(tmp_path)), "tokens")


def test_default_is_the_interpreters_library(tmp_path):
    corpus = load(tmp_path)
    total = corpus.train.size + corpus.valid.size + corpus.test.size
    assert corpus.facts["bytes"] == total <= 2_000_000
    assert corpus.facts["python"] == platform.python_version()
    assert corpus.vocabulary.size == 256
    assert corpus.level == "byte"
    assert corpus.valid.size > 20_000
    assert corpus.test.size > 20_000
    assert "import" in corpus.vocabulary.decode(corpus.test)
    assert corpus.facts["digest"] == load(tmp_path).facts["digest"]


def test_files_are_whole_and_in_one_split(tmp_path, monkeypatch):
    library = tmp_path / "lib"
    for folder in ("", "json", "test", "site-packages"):
        (library / folder).mkdir(exist_ok=True)
        for index in range(30):
            (library / folder / f"m{index}.py").write_text(f"# {folder} {index}\n" * 200)
    monkeypatch.setattr(python_source.sysconfig, "get_paths", lambda: {"stdlib": str(library)})
    corpus = load(tmp_path, max_bytes=1_000_000)
    assert corpus.facts["files"] == 60
    seen = {}
    for split in ("train", "valid", "test"):
        for line in corpus.vocabulary.decode(getattr(corpus, split)).splitlines():
            assert seen.setdefault(line, split) == split
    assert len(seen) == 60
    assert not any("test" in line or "site" in line for line in seen)


def test_no_source_files(tmp_path, monkeypatch):
    monkeypatch.setattr(python_source.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    with pytest.raises(DataError, match=r"no file for train and valid and test among 0 source files"):
        load(tmp_path)


def test_max_bytes_has_bounds(tmp_path):
    with pytest.raises(ConfigError, match=r"data.max_bytes: found 10, .*>= 50000"):
        load(tmp_path, max_bytes=10)
