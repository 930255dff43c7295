"""Values of JAX's variables that JAX itself refuses while it is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gru_bench.jax_import import import_jax
from tests.training.support import ROOT


@pytest.mark.parametrize("variable", ["JAX_ENABLE_X64", "JAX_TRACEBACK_FILTERING"])
def test_a_value_that_jax_refuses_is_one_message(variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(variable, "nonsense")
    importing = "import gru_bench.jax_import as j; j.import_jax()"
    done = subprocess.run([sys.executable, "-c", importing], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].startswith(
        f"gru_bench.errors.ConfigError: {variable}: found 'nonsense', allowed: a value that JAX knows."
    )


def test_other_errors_pass(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ModuleNotFoundError):
        import_jax()
