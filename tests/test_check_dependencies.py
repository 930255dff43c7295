"""The script that checks what is installed; it never asks the network here."""

from __future__ import annotations

import importlib.metadata
import runpy
from pathlib import Path

import pytest

from gru_bench import errors
from gru_bench.arguments import run_command

SCRIPT = runpy.run_path(str(Path(errors.__file__).parents[1] / "scripts" / "check_dependencies.py"))


@pytest.mark.parametrize(
    ("entries", "licence", "allowed"),
    [
        (
            {"License-Expression": "Apache-2.0 WITH LLVM-exception AND (MIT OR GPL-3.0-only)"},
            "Apache-2.0 WITH LLVM-exception AND (MIT OR GPL-3.0-only)",
            True,
        ),
        ({"License-Expression": "GPL-3.0-only"}, "GPL-3.0-only", False),
        ({"License-Expression": "MIT AND GPL-3.0-only"}, "MIT AND GPL-3.0-only", False),
        ({"License-Expression": "GPL-3.0-only AND (MIT OR Apache-2.0)"}, "GPL-3.0-only AND (MIT OR Apache-2.0)", False),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT", True),
        (
            {"Classifier": "License :: DFSG approved\nClassifier: License :: OSI Approved :: BSD License"},
            "BSD-3-Clause",
            True,
        ),
        ({"License": "Apache License 2.0\n        whole text"}, "Apache-2.0", True),
        ({"License": "all rights reserved"}, "all rights reserved", False),
        ({}, "", False),
    ],
)
def test_licences_as_packages_name_them(tmp_path: Path, entries: dict[str, str], licence: str, allowed: bool):
    folder = tmp_path / "some-1.0.dist-info"
    folder.mkdir()
    lines = "".join(f"{name}: {value}\n" for name, value in entries.items())
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: some\nVersion: 1.0\n{lines}", encoding="utf-8")
    found = SCRIPT["licence"](importlib.metadata.Distribution.at(folder))
    assert found == licence
    assert SCRIPT["allowed"](SCRIPT["Installed"]("some", "1.0", found)) is allowed


def test_what_is_installed_has_allowed_licences(capsys: pytest.CaptureFixture[str]):
    assert run_command(SCRIPT["check_dependencies"], ["vulnerabilities=skip"]) == SCRIPT["PARTLY"]
    said = capsys.readouterr().out
    assert "licence not allowed" not in said
    assert "Vulnerabilities: not asked for." in said
    names = {entry.name for entry in SCRIPT["installed"]("gru_bench")}
    assert names >= {"jax", "jaxlib", "flax", "optax", "numpy", "ml-dtypes", "hydra-core", "omegaconf", "wandb"}


def test_a_package_that_is_not_installed(capsys: pytest.CaptureFixture[str]):
    assert run_command(SCRIPT["check_dependencies"], ["package=no_such_package_here"]) == 1
    assert "no_such_package_here is not installed" in capsys.readouterr().err
