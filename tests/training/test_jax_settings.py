"""Variables of JAX that would change numbers or end a run."""

from __future__ import annotations

import logging
from typing import Any

import jax
import pytest

from gru_bench.errors import ConfigError
from gru_bench.training.jax_settings import NEEDED, check_devices, check_xla_flags, needed_settings


def test_the_settings_are_those_of_jax_itself():
    """No number of a run without variables moves."""
    assert {name: getattr(jax.config, name) for name in NEEDED} == dict(NEEDED)


@pytest.mark.parametrize(
    ("name", "value"),
    [("jax_enable_x64", True), ("jax_numpy_dtype_promotion", "strict"), ("jax_default_prng_impl", "rbg")],
)
def test_settings_that_would_change_a_run_are_set_back_for_it(name: str, value: Any, caplog: pytest.LogCaptureFixture):
    before = getattr(jax.config, name)
    jax.config.update(name, value)
    try:
        with caplog.at_level(logging.WARNING), needed_settings():
            assert getattr(jax.config, name) == NEEDED[name]
            assert jax.random.key_data(jax.random.key(0)).shape == (2,)
        assert getattr(jax.config, name) == value
    finally:
        jax.config.update(name, before)
    assert f"{name.upper()}={value}" in caplog.text


def no_device() -> None:
    raise AssertionError


def test_a_device_that_jax_lacks_is_one_message(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jax.devices", no_device)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    with pytest.raises(ConfigError, match=r"JAX_PLATFORMS: found 'cuda', allowed: a device that JAX finds .* Unset"):
        check_devices()
    monkeypatch.setenv("JAX_PLATFORMS", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("JAX_PLATFORM_NAME", raising=False)
    with pytest.raises(AssertionError):
        check_devices()


@pytest.mark.slow
def test_flags_that_xla_refuses_are_one_message(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    check_xla_flags()
    monkeypatch.setenv("XLA_FLAGS", "--xla_no_such_flag=1")
    with pytest.raises(ConfigError, match="XLA_FLAGS: found '--xla_no_such_flag=1'"):
        check_xla_flags()
