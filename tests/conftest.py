"""Fixtures that many tests share."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.reporting.browser import Browser, chromium

_FILES = itertools.count(1)

hypothesis.settings.register_profile("gru_bench", deadline=None)  # a shared machine stalls now and then
hypothesis.settings.load_profile("gru_bench")


def pytest_configure(config: pytest.Config) -> None:
    """Let beartype check types of flax and OmegaConf that are built on deprecated ones of `typing`."""
    config.addinivalue_line("filterwarnings", "ignore::beartype.roar.BeartypeDecorHintPep585DeprecationWarning")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # begun in the background, their runs would be deaf to it
    folder = tempfile.TemporaryDirectory(prefix="gru_bench-", ignore_cleanup_errors=True)
    config.add_cleanup(folder.cleanup)
    os.environ["XDG_CACHE_HOME"] = folder.name  # each process of tests keeps what its runs compile, out of ~/.cache


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name files given as bytes by their parameter: archives hold the second in which a process made them."""
    return argname if isinstance(val, bytes) and len(val) > 32 else None


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data files; tests that need it are skipped without it."""
    folder = os.environ.get("GRU_BENCH_MIRROR")
    if not folder:
        pytest.skip("GRU_BENCH_MIRROR is not set: no real data files")
    return Path(folder)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this test session: downloads and compiled programs."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", autouse=True)
def forget_compiled() -> Iterator[None]:
    """Drop what tests have compiled, every tenth file: kept for the whole suite, it comes to gigabytes a process."""
    yield
    if next(_FILES) % 10 == 0 and (jax := sys.modules.get("jax")):
        jax.clear_caches()


@pytest.fixture
def strict() -> Iterator[None]:
    """Strict JAX: no silent change of dtype or rank in what a test runs."""
    import jax

    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a small finished run, trained by the command itself; tests only read it.

    Bit by bit the same whichever folder's test asks first.
    """
    from tests.compiling import optimised
    from tests.training.support import SMALL, trained

    with optimised(True):
        return trained(tmp_path_factory.mktemp("finished"), *SMALL)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Headless Chromium; tests that need it are skipped without it."""
    program = chromium()
    if program is None:
        pytest.skip("no chromium on PATH: the page is not opened in a browser")
    with Browser(program, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def only_this_page(browser: Browser) -> Iterator[None]:
    """Let no test leave a complaint in the console, or ask for anything but the page itself."""
    browser.errors.clear()
    browser.requests.clear()
    yield
    assert browser.errors == []
    assert [address for address in browser.requests if not address.startswith("file:")] == []
    assert len(browser.requests) == 1
