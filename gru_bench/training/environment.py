"""Where a run happens: versions, device, threads, commit, memory."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import logging
import os
import platform
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from gru_bench.checkout import commit
from gru_bench.machine_load import usable_cores

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
_PACKAGES = ("gru_bench", "jax", "jaxlib", "flax", "optax", "numpy")

logger = logging.getLogger("gru_bench")


def versions() -> dict[str, str | None]:
    """Return versions of Python and of the packages that decide numbers, and the commit of a checkout."""
    known: dict[str, str | None] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            known[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            known[name] = None
    known["commit"] = commit()
    return known


def threads() -> int:
    """Return the number of threads that XLA computes with: the variable NPROC, or the cores this process may use."""
    requested = os.environ.get("NPROC", "")
    return max(1, int(requested)) if requested.isdecimal() else usable_cores()


def device() -> str:
    """Return the name of the device that updates run on, such as `cpu: Intel(R) Xeon(R)`."""
    first = jax.devices()[0]
    return f"{first.platform}: {_processor() if first.platform == 'cpu' else first.device_kind}"


def processor_features() -> str:
    """Return name and instruction sets of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return f"{_processor()} {' '.join(sorted(features.partition(':')[2].split()))}"


def host() -> dict[str, str | int | None]:
    """Return the operating system and the number of cores."""
    return {"platform": platform.platform(), "cores": os.cpu_count()}


def environment() -> dict[str, str | int | None]:
    """Return all that the bits of a run may depend on beside its settings."""
    known = {name: value for name, value in versions().items() if name not in ("commit", "gru_bench")}
    return {**known, "device": device(), "threads": threads(), "xla_flags": os.environ.get("XLA_FLAGS")}


def warn_of_changes(before: Mapping[str, Any]) -> None:
    """Warn of what differs from the environment that a checkpoint was written in."""
    changed = [
        f"{name}: {before.get(name)} -> {value}" for name, value in environment().items() if before.get(name) != value
    ]
    if changed:
        logger.warning(
            "The environment has changed (%s): from here on, numbers may differ in their last bits from those of an "
            "uninterrupted run.",
            "; ".join(changed),
        )


def peak_rss_bytes() -> int:
    """Return the greatest resident memory of this process, since `start_memory_count` where the system can tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def start_memory_count() -> None:
    """Let the peak of `peak_rss_bytes` begin here, so that the runs of a sweep in one process do not share it."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def keep_freed_memory() -> None:
    """Have glibc keep freed blocks up to 1 GiB for the next update instead of handing them back to the kernel.

    XLA takes the buffers of each update anew. Beyond 32 MiB glibc maps and unmaps them every time, which costs a page
    fault per 4 KiB: a fifth of the processor time of a Penn Treebank update. The arenas of other threads never hold
    more than 64 MiB, so all share one. Other C libraries are left as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 2**30)
        libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(_M_ARENA_MAX, 1)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
