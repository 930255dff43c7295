"""How many cores a process may use, and how busy other processes keep the machine while something is timed."""

from __future__ import annotations

import os
import time

import psutil

SHARED_LOAD = 0.25
"""Cores that other processes may keep busy on average before a timing counts as one of a shared machine."""


def usable_cores() -> int:
    """Return the number of cores that the system lets this process use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LoadMeter:
    """How many cores processes other than this one and its children kept busy."""

    def start(self) -> None:
        """Begin to count."""
        self._system, self._own, self._begun = _system_busy(), _own_busy(), time.perf_counter()

    def stop(self) -> float:
        """Return the cores that others kept busy since the start, on average."""
        elapsed = time.perf_counter() - self._begun
        others = (_system_busy() - self._system) - (_own_busy() - self._own)
        return max(0.0, others / elapsed) if elapsed > 0 else 0.0


def _system_busy() -> float:
    times = psutil.cpu_times()
    return times.user + times.system + getattr(times, "nice", 0.0)


def _own_busy() -> float:
    process = psutil.Process()
    return sum(_busy(member) for member in (process, *process.children(recursive=True)))


def _busy(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.Error:
        return 0.0
    return used.user + used.system
