"""JAX, which refuses to be imported where one of its variables in the environment has a value that it does not know."""

from __future__ import annotations

import os

from gru_bench.errors import ConfigError


def import_jax() -> None:
    """Import JAX.

    Raises:
        ConfigError: a variable has a wrong value; the message names it.
    """
    try:
        import jax  # noqa: F401
    except ValueError as error:
        named = [name for name in os.environ if name.startswith("JAX_") and name.lower() in str(error).lower()]
        if not named:
            raise
        reason = f"JAX: {str(error).rstrip('.')}. Unset the variable or mend it."
        raise ConfigError(named[0], os.environ[named[0]], "a value that JAX knows", reason) from error
