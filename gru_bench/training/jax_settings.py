"""JAX as runs need it, whatever its variables in the environment say."""

from __future__ import annotations

import functools
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax

from gru_bench.errors import ConfigError

NEEDED: Mapping[str, Any] = {
    "jax_enable_x64": False,
    "jax_default_prng_impl": "threefry2x32",
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_default_matmul_precision": None,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_legacy_prng_key": "allow",
    "jax_disable_jit": False,
    "jax_no_tracing": False,
    "jax_debug_nans": False,
    "jax_debug_infs": False,
    "jax_debug_key_reuse": False,
    "jax_check_tracer_leaks": False,
    "jax_transfer_guard": None,
    "jax_transfer_guard_host_to_device": None,
    "jax_transfer_guard_device_to_host": None,
    "jax_transfer_guard_device_to_device": None,
}
"""Settings of JAX that would change numbers or end a run; other ones are the user's."""

_WHERE = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME", "CUDA_VISIBLE_DEVICES")

logger = logging.getLogger("gru_bench")


@contextmanager
def needed_settings() -> Iterator[None]:
    """Set JAX as runs need it, say so where that changes something, and set it back.

    Raises:
        ConfigError: JAX finds no device where a variable sends it.
    """
    before = set_up_jax()
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def set_up_jax() -> dict[str, Any]:
    """Set JAX as runs need it, say so where that changes something, and return the settings before.

    Raises:
        ConfigError: JAX finds no device where a variable sends it.
    """
    check_devices()
    now = {name: getattr(jax.config, name) for name in NEEDED if hasattr(jax.config, name)}
    before = {name: value for name, value in now.items() if value != NEEDED[name]}
    if before:
        listed = ", ".join(f"{name.upper()}={value}" for name, value in before.items())
        logger.warning("JAX: %s would change numbers or end a run; ignored here.", listed)
    for name in before:
        jax.config.update(name, NEEDED[name])
    return before


def check_devices() -> None:
    """Check that JAX has a device to compute on.

    Raises:
        ConfigError: it has none where a variable sends it; the message names the variable.
    """
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:
        variable = next((name for name in _WHERE if os.environ.get(name)), None)
        if variable is None:
            raise
        reason, *_ = str(error).splitlines() or ["there is no such device"]
        hint = f"Unset the variable, or install JAX for the device. JAX: {reason.rstrip('.') or 'no such device'}."
        raise ConfigError(variable, os.environ[variable], "a device that JAX finds on this machine", hint) from error


def check_xla_flags() -> None:
    """Check the variable XLA_FLAGS in a process of its own, because XLA ends the process that has wrong ones.

    Raises:
        ConfigError: XLA refuses them.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    doubtful = [flag for flag in flags.split() if not flag.startswith("--xla_force_host_platform_device_count=")]
    if doubtful and not _accepted(flags):
        raise ConfigError("XLA_FLAGS", flags, "flags that this version of XLA knows", "Unset the variable or mend it.")


@functools.cache
def _accepted(flags: str) -> bool:
    variables = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    program = [sys.executable, "-c", "import jax; jax.devices()"]
    return subprocess.run(program, env=variables, capture_output=True, check=False).returncode == 0
