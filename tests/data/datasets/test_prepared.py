import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from gru_bench.data.datasets import prepared
from gru_bench.data.datasets.prepared import SUMS, load_public, prepared_folder
from gru_bench.errors import DataError
from tests.data.datasets.small import TEXTS, make_card, make_mirror
from tests.data.loopback import serve

ROOT = Path(__file__).parents[3]
CARD = make_card()


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A mirror, and a cache in which the small set is prepared."""
    folder = tmp_path_factory.mktemp("ready")
    mirror = make_mirror(folder / "mirror")
    load_public(CARD, mirror, folder / "cache")
    return mirror, folder / "cache"


@pytest.fixture
def copy(ready, tmp_path):
    """A cache to damage."""
    return shutil.copytree(ready[1], tmp_path / "cache")


def start(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


LOAD = """
import sys
from pathlib import Path
from gru_bench.data.datasets import prepared
from tests.data.datasets.small import make_card
print(prepared.load_public(make_card(), Path(sys.argv[1]), Path(sys.argv[2])).facts["digest"])
"""


def test_a_prepared_set_needs_neither_mirror_nor_network(ready):
    corpus = load_public(CARD, None, ready[1])
    assert corpus.vocabulary.decode(corpus.test) == TEXTS["test"]
    assert corpus.facts["symbols"] == CARD.symbols
    assert corpus.facts["source_sha256"] == {file.path: file.sha256[0] for file in CARD.files.values()}


def test_it_is_a_data_set_of_tensorflow_datasets(ready):
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(prepared_folder(CARD, ready[1]))
    assert builder.info.name == "small"
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    assert sizes == {"train": 1, "validation": 1, "test": 1}


def test_a_read_only_cache_is_enough(ready, monkeypatch):
    monkeypatch.setattr(prepared, "FileLock", None)
    load_public(CARD, None, ready[1])


def test_network_to_prepared(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    with serve({f"/{split}.txt": text.encode() for split, text in TEXTS.items()}) as (address, _):
        corpus = load_public(make_card(address), None, tmp_path)
    assert corpus.train.size == 120
    assert (tmp_path / "downloads/small/train.txt").read_text() == TEXTS["train"]
    assert "downloading small/train.txt" in capsys.readouterr().err


def test_preparing_is_silent_on_standard_output(tmp_path, capsys):
    load_public(CARD, make_mirror(tmp_path / "mirror"), tmp_path / "cache")
    assert capsys.readouterr().out == ""


def test_offline_and_absent(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DataError, match=r"3 file\(s\) are neither in the mirror nor in the cache"):
        load_public(CARD, None, tmp_path)
    assert not prepared_folder(CARD, tmp_path).exists()


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "add", "no sums", "empty sums", "garbled sums"])
def test_damage_is_found_and_the_folder_to_delete_is_named(copy, damage):
    folder = prepared_folder(CARD, copy)
    victim = next(folder.glob("*train*"))
    content = victim.read_bytes()
    if damage == "flip":
        victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif damage == "truncate":
        victim.write_bytes(content[:10])
    elif damage == "remove":
        victim.unlink()
    elif damage == "add":
        (folder / "small-extra.array_record-00000-of-00001").write_bytes(content)
    elif damage == "no sums":
        (folder / SUMS).unlink()
    else:
        (folder / SUMS).write_bytes(b"" if damage == "empty sums" else b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"prepared data in .* Delete the folder .*small/1\.0\.0 and run"):
        load_public(CARD, None, copy)


def test_deleting_the_named_folder_prepares_anew(ready, copy):
    shutil.rmtree(prepared_folder(CARD, copy))
    load_public(CARD, ready[0], copy)


def test_unknown_counts_are_an_error(ready, tmp_path):
    with pytest.raises(DataError, match=r"found .*'train': 120.* expected .*'train': 121"):
        load_public(make_card(symbols={"train": 121, "valid": 30, "test": 30}), *ready)


def test_a_killed_preparation_leaves_nothing_half_made(tmp_path):
    mirror, cache = make_mirror(tmp_path / "mirror"), tmp_path / "cache"
    stop = LOAD.replace(
        "print(",
        """
import time
read = prepared.read_examples
def read_and_wait(*arguments):
    print("written", flush=True)
    time.sleep(60)
prepared.read_examples = read_and_wait
print(""",
    )
    with start(stop, mirror, cache) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        os.kill(process.pid, signal.SIGKILL)
    assert not prepared_folder(CARD, cache).exists()
    assert list((cache / "tfds/.preparing").glob("small-*"))
    assert load_public(CARD, mirror, cache).train.size == 120
    assert not list((cache / "tfds/.preparing").glob("small-*"))


def test_two_processes_may_prepare_at_once(tmp_path):
    mirror, cache = make_mirror(tmp_path / "mirror"), tmp_path / "cache"
    processes = [start(LOAD, mirror, cache) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0] != ""


def test_a_lock_that_is_never_freed_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(prepared, "LOCK_SECONDS", 0.1)
    (tmp_path / "tfds/.preparing").mkdir(parents=True)
    with FileLock(tmp_path / "tfds/.preparing/small.lock"):
        with pytest.raises(DataError, match="another process has been preparing small"):
            load_public(CARD, None, tmp_path)


def test_tensorflow_and_jax_are_never_imported(tmp_path):
    code = LOAD + "print([name for name in ('tensorflow', 'jax', 'torch') if name in sys.modules])"
    with start(code, make_mirror(tmp_path / "mirror"), tmp_path / "cache") as process:
        out, errors = process.communicate(timeout=120)
    assert out.splitlines()[1:] == ["[]"], errors


def test_a_cache_that_cannot_be_written_names_the_setting(ready, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataError, match=r"cannot write to the cache .*paths\.cache=DIR"):
        load_public(CARD, ready[0], tmp_path / "cache")


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path):
    """A limit on the size of files makes real writes fail as a full disk does."""
    code = """
import resource
from gru_bench.errors import DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
""" + "\n".join("    " + line for line in LOAD.strip().splitlines())
    code += "\nexcept DataError as error:\n    print(error)"
    cache = tmp_path / "cache"
    with start(code, make_mirror(tmp_path / "mirror"), cache) as process:
        out, errors = process.communicate(timeout=120)
    assert "cannot write to the cache" in out, errors
    assert "File too large" in out
    assert not prepared_folder(CARD, cache).exists()
