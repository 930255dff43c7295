"""Check what is installed for gru_bench: licences against an allowed list, and known vulnerabilities by pip-audit.

    python scripts/check_dependencies.py

Licences are read from the metadata of gru_bench's requirements, extras included as far as they are installed, and of
theirs. Vulnerabilities come from the service that `pip-audit` asks (extra `dev`); where it cannot be reached, or does
not know a package, that is said, and nothing is claimed of it. Exit code 1: a licence that is not allowed, or a known
vulnerability; 3: no fault was found, but not everything could be checked.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gru_bench.arguments import run_command
from gru_bench.errors import UserError

ALLOWED = frozenset(
    "MIT MIT-0 MIT-CMU HPND BSD-2-Clause BSD-3-Clause 0BSD Apache-2.0 BSL-1.0 ISC PSF-2.0 Python-2.0 CNRI-Python "
    "MPL-2.0 Zlib Unlicense CC0-1.0".split()
)
EXCEPTIONS: Mapping[str, str] = {
    "nvidia-": "NVIDIA's terms; with the extra gpu alone",
    "namex": "Apache-2.0 in its licence file alone, which its metadata does not name; with the extra bench",
}
"""Reasons why packages whose names begin so may have another licence, or none in their metadata."""

SPELLINGS: Mapping[str, str] = {
    "mit license": "MIT",
    "the mit license": "MIT",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "isc license (iscl)": "ISC",
    "python software foundation license": "PSF-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "the unlicense (unlicense)": "Unlicense",
    "historical permission notice and disclaimer (hpnd)": "HPND",
}
UNNAMED = frozenset({"dfsg approved", "osi approved"})
CLASSIFIER = "License :: "
PARTLY = 3
SECONDS = 300.0


class Installed(NamedTuple):
    """A package as it is installed."""

    name: str
    version: str
    licence: str


def check_dependencies(*, package: str = "gru_bench", vulnerabilities: Literal["ask", "skip"] = "ask") -> int:
    """Check licences and known vulnerabilities of what is installed for a package.

    Args:
        package: the package whose requirements are followed
        vulnerabilities: ask the service of pip-audit, or skip it

    Returns:
        0; 1 where something is at fault; 3 where not everything could be checked.

    Raises:
        UserError: the package is not installed.
    """
    found = sorted(installed(package))
    odd = [entry for entry in found if not allowed(entry)]
    for entry in odd:
        print(f"licence not allowed: {entry.name} {entry.version}: {entry.licence or 'none is named'}")
    print(f"{len(found)} packages, {len(found) - len(odd)} with an allowed licence.")
    if vulnerabilities == "skip":
        print("Vulnerabilities: not asked for.")
        return 1 if odd else PARTLY
    known, unchecked = audit(found)
    for line in known:
        print(f"vulnerability: {line}")
    print(f"{len(found) - len(unchecked)} packages checked for vulnerabilities, {len(known)} known.")
    if unchecked:
        reasons = sorted(set(unchecked.values()))
        print(f"NOT checked for vulnerabilities: {len(unchecked)} packages ({'; '.join(reasons[:3])}).")
    return 1 if odd or known else PARTLY if unchecked else 0


def installed(package: str) -> Iterator[Installed]:
    """Yield what is installed of the requirements of a package, and of theirs.

    Raises:
        UserError: the package is not installed.
    """
    try:
        waiting = list(importlib.metadata.requires(package) or [])
    except importlib.metadata.PackageNotFoundError as error:
        raise UserError(f"package: {package} is not installed, expected one that is.") from error
    seen = {canonicalize_name(package)}
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonicalize_name(requirement.name)
        if name in seen or not _applies(requirement):
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed
        waiting += distribution.requires or []
        yield Installed(name, distribution.version, licence(distribution))


def _applies(requirement: Requirement) -> bool:
    """Say whether a requirement may hold here, whatever the extra."""
    text = str(requirement.marker or "")
    return requirement.marker is None or any(
        requirement.marker.evaluate({"extra": extra}) for extra in ("", *re.findall(r"extra == \"([^\"]+)\"", text))
    )


def licence(distribution: importlib.metadata.Distribution) -> str:
    """Return the licence that a package names, as an SPDX expression where its words are known; empty where none is."""
    metadata = distribution.metadata
    for expression in metadata.get_all("License-Expression") or []:
        return expression
    classifiers = [entry for entry in metadata.get_all("Classifier") or [] if entry.startswith(CLASSIFIER)]
    named = [name for entry in classifiers if (name := entry.rpartition(" :: ")[2]).casefold() not in UNNAMED]
    texts = [text.strip().splitlines()[0].strip() for text in metadata.get_all("License") or [] if text.strip()]
    return " OR ".join(_spdx(words) for words in named or texts)


def _spdx(words: str) -> str:
    return SPELLINGS.get(words.casefold(), words)


def allowed(entry: Installed) -> bool:
    """Say whether all parts of a licence that must hold together are allowed, of alternatives one of them."""
    if any(entry.name.startswith(prefix) for prefix in EXCEPTIONS):
        return True
    return _allowed(re.sub(r" WITH [\w.-]+", "", entry.licence))


def _allowed(expression: str) -> bool:
    while inner := re.search(r"\(([^()]*)\)", expression):
        settled = next(iter(ALLOWED)) if _allowed(inner[1]) else "refused"
        expression = expression[: inner.start()] + settled + expression[inner.end() :]
    return any(all(part.strip() in ALLOWED for part in choice.split(" AND ")) for choice in expression.split(" OR "))


def audit(found: list[Installed]) -> tuple[list[str], dict[str, str]]:
    """Ask pip-audit; return what it knows against packages, and why others were not checked, by name.

    Raises:
        UserError: pip-audit is not installed.
    """
    try:
        importlib.metadata.version("pip-audit")
    except importlib.metadata.PackageNotFoundError as error:
        raise UserError('pip-audit is not installed. Install it: pip install -e ".[dev]"') from error
    names = [entry.name for entry in found]
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "requirements.txt"
        pinned.write_text("".join(f"{entry.name}=={entry.version}\n" for entry in found), encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "-r", str(pinned), "--no-deps", "--disable-pip"]
        command += ["--format", "json", "--progress-spinner", "off"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return [], dict.fromkeys(names, f"no answer within {SECONDS:g} s")
    try:
        answers = json.loads(done.stdout)["dependencies"]
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return [], dict.fromkeys(names, f"the service cannot be reached: {last[:200]}")
    known = [
        f"{answer['name']} {answer['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'none'}"
        for answer in answers
        for fault in answer.get("vulns", [])
    ]
    passed_over = {canonicalize_name(answer["name"]) for answer in answers if "skip_reason" in answer}
    return known, dict.fromkeys(passed_over, "the service has no entry for them")


if __name__ == "__main__":
    sys.exit(run_command(check_dependencies))
