"""The checkout that gru_bench runs from: its commit, and the files that differ from it."""

from __future__ import annotations

import functools
import importlib.metadata
import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = ("gru_bench", "configs")
"""Folders of the checkout that decide numbers."""

DIRTY = "-dirty"


@functools.cache
def commit() -> str | None:
    """Return the commit that this process runs from, with -dirty where code or configs differ; None: no checkout."""
    if not (ROOT / ".git").exists():
        return None
    found = _git(ROOT, "rev-parse", "--short=12", "HEAD")
    changed = found and _git(ROOT, "status", "--porcelain", "--untracked-files=no", "--", *CODE)
    return f"{found}{DIRTY}" if changed else found


def code_version() -> str:
    """Return version and commit of gru_bench; the version alone where it is installed without a checkout."""
    return f"{importlib.metadata.version('gru_bench')} {commit() or ''}".strip()


def uncommitted_code() -> list[str]:
    """Return the files of code and configs that differ from the commit, untracked ones included."""
    return uncommitted(ROOT, CODE) if (ROOT / ".git").exists() else []


def uncommitted(folder: Path, paths: Sequence[str]) -> list[str]:
    """Return which of some paths of a folder differ from its commit, seen from there; none where it has no commit."""
    found = _git(folder, "status", "--porcelain", "--untracked-files=all", "-z", "--no-renames", "--", *paths)
    return [entry[3:] for entry in (found or "").split("\0") if entry]


def changes_after(file: Path, moment: datetime, meaning: Callable[[str], object] = str) -> list[str]:
    """Return date and subject of each commit after a moment that changed what a file means, the first one first.

    Nothing is known, and nothing returned, without git or where the history is cut off (a shallow clone).

    Args:
        file: in the repository.
        moment: commits up to it are left out.
        meaning: of the file's text; commits that leave it equal change nothing.
    """
    if _git(file.parent, "rev-parse", "--is-shallow-repository") != "false":
        return []
    logged = _git(file.parent, "log", "--reverse", "--date=short", "--format=%H %at %ad %s", "--", file.name)
    changes, before = [], None
    for line in (logged or "").splitlines():
        commit, time, said = line.split(" ", 2)
        now = meaning(_git(file.parent, "show", f"{commit}:./{file.name}") or "")
        if int(time) > moment.timestamp() and now != before:
            changes.append(said)
        before = now
    return changes


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip("\n") or None
