"""Which code makes rows: rows that count come from a commit, and those of a claim in a setting from one version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gru_bench.checkout import DIRTY, code_version, uncommitted, uncommitted_code
from gru_bench.claims.claim import CLAIM_FILE, SETTINGS_FILE
from gru_bench.claims.rows import Row
from gru_bench.reproduction.plan import Job, missing

_SHOWN = 8


def changes(definitions: Path) -> str:
    """Return what to do about files of code, configs and claims that differ from the commit; empty where none does.

    Args:
        definitions: the folder of claims. What is made in it, rows and report, may differ.
    """
    found = [*uncommitted_code(), *uncommitted(definitions, (SETTINGS_FILE, f"*/{CLAIM_FILE}"))]
    if not found:
        return ""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"Rows are made from a commit, and these files differ from it: {', '.join(found[:_SHOWN])}{more}. "
        "Commit them first; scale=smoke tries claims out as they are."
    )


def other_versions(path: Path, jobs: Sequence[Job], rows: Sequence[Row]) -> str:
    """Return what to do about rows of other versions than this one, where rows are missing; else an empty string.

    Args:
        path: the file of the rows.
        jobs: of one claim and scale; at `smoke` rows may be of any version.
        rows: of the claim. Those that are of no job, or of settings that lack no row, do not count.
    """
    incomplete = {job.key.setting for job in missing(jobs, rows) if job.key.scale != "smoke"}
    present = {(job.key, job.hash) for job in jobs if job.key.setting in incomplete}
    current = [row for row in rows if (row.key, row.config_hash) in present]
    ours = code_version()
    mixed = sorted({row.key.setting for row in current if row.code_version != ours})
    if not mixed:
        return ""
    counts = Counter(row.code_version for row in current if row.key.setting in mixed)
    others = [version for version in counts if version != ours]
    found = ", ".join(f"{counts[version]} of {version}" for version in others)
    *_, commit = others[0].split()
    worktree = f"`git worktree add --detach ../{commit} {commit}`, copy this file there and go on there"
    choice = f"{worktree}; or remove" if len(counts) == 1 and not commit.endswith(DIRTY) else "Remove"
    return (
        f"{path}: holds rows {found}, and this is {ours}; rows of a setting ({', '.join(mixed)}) are of one version. "
        f"{choice} these rows, and they are made again."
    )
