"""Sweep files for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def write_space(folder: Path, **parameters: Any) -> Path:
    """Write a sweep file with these parameters, `__` for the dot."""
    content = {
        "program": "gru_bench.train",
        "method": "random",
        "parameters": {key.replace("__", "."): entry for key, entry in parameters.items()},
        "command": ["${env}", "python", "-m", "${program}", "${args_no_hyphens}"],
    }
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path
