"""Nothing that is read can run code, and what is downloaded is known beforehand."""

from __future__ import annotations

import ast
import importlib
import io
import pkgutil
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from gru_bench import errors
from gru_bench.data import public
from gru_bench.data.files.download import RemoteFile
from gru_bench.data.public.imdb import read_archive
from gru_bench.errors import DataError
from gru_bench.training.checkpoint import DamagedCheckpoint, load_tree
from tests.bad_input import Planted

ROOT = Path(errors.__file__).parents[1]
SOURCES = sorted([*(ROOT / "gru_bench").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")])
MODULES = frozenset("pickle cPickle _pickle dill cloudpickle joblib marshal shelve".split())
BUILT_IN = frozenset("eval exec compile __import__".split())
METHODS = frozenset("extractall unpack_archive unsafe_load full_load mktemp popen read_pickle to_pickle".split())
OF_MODULE = frozenset({("yaml", "load"), ("yaml", "load_all"), ("os", "system"), ("tempfile", "mktemp")})
KEYWORDS = ("shell", "allow_pickle")


def dangers(tree: ast.AST) -> Iterator[str]:
    """Yield what could run code that was read, or trust what was not checked."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            yield from dangerous_call(node)


def dangerous_call(call: ast.Call) -> Iterator[str]:
    named = {word.arg: word.value.value if isinstance(word.value, ast.Constant) else None for word in call.keywords}
    if isinstance(call.func, ast.Name) and call.func.id in BUILT_IN:
        yield call.func.id
    if isinstance(call.func, ast.Attribute):
        owner, name = ast.unparse(call.func.value), call.func.attr
        if name in METHODS or (owner, name) in OF_MODULE or (owner == "requests" and "verify" in named):
            yield f"{owner}.{name}"
        if (owner, name) == ("torch", "load") and named.get("weights_only") is not True:
            yield "torch.load without weights_only=True"
        if (owner, name) == ("np", "load") and "allow_pickle" not in named:
            yield "np.load without allow_pickle=False"
    yield from (f"{name}=" for name in KEYWORDS if name in named and named[name] is not False)


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "eval(text)",
        "yaml.load(text)",
        "archive.extractall(folder)",
        "subprocess.run(text, shell=True)",
        "np.load(path)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "requests.get(url, verify=False)",
    ],
)
def test_what_is_looked_for_is_found(line: str):
    assert len(list(dangers(ast.parse(line)))) == 1


def test_no_source_runs_what_it_reads():
    found = {
        str(path.relative_to(ROOT)): danger
        for path in SOURCES
        if (danger := list(dangers(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == {}
    assert len(SOURCES) > 100


def test_a_checkpoint_that_would_run_code_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "best.npz", kernel=np.array([Planted()], object), __sha256__=np.zeros(32, np.uint8))
    with pytest.raises(DamagedCheckpoint, match=r"best\.npz cannot be read: Object arrays cannot be loaded"):
        load_tree(tmp_path / "best.npz", {"kernel": jax.numpy.zeros(1)})
    assert [path.name for path in tmp_path.iterdir()] == ["best.npz"]


def test_members_of_an_archive_never_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in (
            "../escaped",
            "/tmp/../escaped",
            "aclImdb/train/pos/../../../../escaped",
            "aclImdb/train/pos/0_9.txt",
        ):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"text"))
        link = tarfile.TarInfo("aclImdb/train/neg/0_1.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(DataError, match=r"'aclImdb/train/neg': 0.*expected 1 in each folder"):
        read_archive(buffer.getvalue(), 1)
    assert [path.name for path in tmp_path.rglob("*")] == ["inner"]


def remote_files(value: Any, depth: int = 4) -> Iterator[RemoteFile]:
    """Yield the files that stand in a value, in its attributes or among its items."""
    if isinstance(value, RemoteFile):
        yield value
    elif depth and isinstance(value, Mapping):
        yield from (file for item in value.values() for file in remote_files(item, depth - 1))
    elif depth and type(value).__module__.startswith(public.__name__):
        yield from (file for item in vars(value).values() for file in remote_files(item, depth - 1))


def test_downloads_come_by_https_and_are_known_by_their_sha256():
    modules = [
        importlib.import_module(f"{public.__name__}.{entry.name}") for entry in pkgutil.iter_modules(public.__path__)
    ]
    found = {file for module in modules for value in list(vars(module).values()) for file in remote_files(value)}
    assert len(found) > 15
    for file in found:
        assert file.url == "" or file.url.startswith("https://"), file  # "": in mirrors alone, never downloaded
        assert all(copy.url == "" for copy in file.copies)  # these are looked for, and never downloaded
        for entry in (file, *file.copies):
            assert entry.size > 0
            assert entry.sha256, entry
            assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in (*entry.sha256, *entry.packed_sha256))
            assert not Path(entry.path).is_absolute()
            assert ".." not in Path(entry.path).parts
