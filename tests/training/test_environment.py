from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys

import jax
import pytest

from gru_bench.training.environment import device, environment, host, peak_rss_bytes, threads, versions


def test_what_decides_the_bits_is_named():
    found = environment()
    assert found["jax"] == jax.__version__
    assert found["numpy"] == importlib.metadata.version("numpy")
    assert found["threads"] == threads() >= 1
    assert found["device"] == device()
    assert device().startswith(f"{jax.devices()[0].platform}: ")
    assert len(device().partition(": ")[2]) > 0
    assert "commit" not in found
    assert json.loads(json.dumps(found)) == found


def test_versions_and_host():
    assert {"python", "gru_bench", "jax", "jaxlib", "flax", "optax", "numpy", "commit"} == set(versions())
    assert host()["cores"] == os.cpu_count()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
def test_threads_are_the_cores_this_process_may_use(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NPROC", raising=False)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert threads() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert threads() == len(before)


@pytest.mark.parametrize(("text", "expected"), [("3", 3), ("0", 1)])
def test_a_variable_of_xla_goes_before_the_cores(text: str, expected: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NPROC", text)
    assert threads() == expected


@pytest.mark.parametrize("threads", [1, 3])
def test_xla_starts_as_many_threads_as_the_variable_says(threads: int):
    count = "import jax, os; jax.numpy.zeros(1); print(len([1 for t in os.scandir('/proc/self/task')"
    name = " if open(t.path + '/comm').read().startswith('tf_XLAEigen')]))"
    done = subprocess.run(
        [sys.executable, "-c", count + name],
        env={**os.environ, "NPROC": str(threads), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(threads)]


def test_peak_memory_is_in_bytes():
    assert 10 * 2**20 < peak_rss_bytes() < 2**40
