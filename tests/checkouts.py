"""Small git repositories for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

_IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    """Return what a git command says."""
    return subprocess.run(
        ["git", "-C", str(folder), *_IDENTITY, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def write_checkout(folder: Path) -> Path:
    """Make a repository with a file of code and one of configs, committed, and return its folder."""
    for name, text in {"gru_bench/code.py": "a = 1\n", "configs/a.yaml": "a: 1\n", ".gitignore": "*.log\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder
